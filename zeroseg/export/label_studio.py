"""Label Studio: tasks with predictions, regions as brush strokes or polygons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from zeroseg.export.export_format import ExportFormat, Spool, Target, Written, json_bytes
from zeroseg.export.originals import local_path
from zeroseg.export.outlines import fill
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region
from zeroseg.export.xml_text import element, text_of
from zeroseg.rle import run_lengths

_SIZES = (4, 8, 12, 16)
"""Bits of a run's length; two bits say which of them."""

_CHANNELS = 4
"""Of the picture that is packed; the last one is the brush."""


class LabelStudioFormat(ExportFormat):
    """`tasks.json` to import, and `config.xml`, the labelling interface that fits it.

    Brush strokes are RGBA pixels, packed by `rle-pack`; polygons are in percent of the picture.
    Source: https://labelstud.io/guide/predictions and
    https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack.
    """

    name, summary = "label-studio", "brush strokes or polygons, as predictions"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._tasks = Spool()
        self._kind = "brushlabels" if target.shapes == "masks" else "polygonlabels"

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        results = [self._result(n, region, picture) for n, region in enumerate(picture.regions)]
        task = {
            "data": {"image": self._address(picture)},
            "predictions": [{"model_version": "zeroseg", "result": results}],
        }
        self._tasks.add(json_bytes(task))

        def back() -> Iterator[NDArray[np.bool_]]:
            for result in json.loads(json_bytes(results)):
                yield _drawn(result["value"], picture.size)

        return Written(picture.regions, back)

    def _address(self, picture: LabelledPicture) -> str:
        """What Label Studio finds the picture by: a URL, or a path below its local files."""
        file = self.copied(picture)
        if not self.copying and picture.source and local_path(picture.source) is None:
            return picture.source
        return f"/data/local-files/?d={quote(file.encode('utf-8', 'backslashreplace'))}"

    def _result(self, number: int, region: Region, picture: LabelledPicture) -> dict[str, Any]:
        height, width = picture.size
        value: dict[str, Any] = {self._kind: [picture.class_name(region)]}
        if self.target.shapes == "masks":
            value |= {"format": "rle", "rle": pack(region.whole(picture.size))}
        else:
            points = self.ring(region) / (width / 100, height / 100)
            value |= {"points": points.tolist(), "closed": True}
        return {
            "id": f"region-{number}",
            "type": self._kind,
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": value,
            **({} if region.score is None else {"score": region.score}),
            **({"meta": region.makers} if region.makers else {}),
        }

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        with self.folder.writing("tasks.json") as stream:
            stream.write(b"[\n")
            self._tasks.into(stream)
            stream.write(b"\n]\n")
        view = Xml.Element("View")
        element(view, "Image", name="image", value="$image")
        kind = "BrushLabels" if self.target.shapes == "masks" else "PolygonLabels"
        labels = element(view, kind, name="label", toName="image")
        for index in self.vocabulary.classes:
            color = "#{:02x}{:02x}{:02x}".format(*self.vocabulary.colors[index])
            element(labels, "Label", value=self.vocabulary.names[index], background=color)
        self.folder.write("config.xml", text_of(view))


def pack(mask: NDArray[np.bool_]) -> list[int]:
    """A mask (H, W) as the bytes of its brush stroke, runs only.

    32 bits of how many values, 5 of how long a value is less 1, four times 4 of how long a run's
    length is less 1; then for each run a 1, two bits of which of these, the length less 1, and the
    value. All four channels are 255 inside.
    """
    runs = run_lengths(mask.ravel()) * _CHANNELS
    bits = [f"{mask.size * _CHANNELS:032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for place, length in enumerate(runs.tolist()):
        value = "11111111" if place % 2 else "00000000"
        while length > 0:
            part = min(length, 1 << _SIZES[-1])
            kind = next(n for n, size in enumerate(_SIZES) if part <= 1 << size)
            bits.append(f"1{kind:02b}{part - 1:0{_SIZES[kind]}b}{value}")
            length -= part
    text = "".join(bits)
    return [int(text[place : place + 8].ljust(8, "0"), 2) for place in range(0, len(text), 8)]


def unpack(packed: list[int]) -> NDArray[np.uint8]:
    """The values that were packed, (N,)."""
    bits = "".join(f"{byte:08b}" for byte in packed)
    place = 0

    def read(size: int) -> int:
        nonlocal place
        place += size
        return int(bits[place - size : place], 2)

    values = np.zeros(read(32), np.uint8)
    word = read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    done = 0
    while done < len(values):
        same = read(1)
        end = done + read(sizes[read(2)]) + 1
        values[done:end] = read(word) if same else [read(word) for _ in range(end - done)]
        done = end
    return values


def _drawn(value: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    height, width = size
    if "points" in value:
        return fill([np.array(value["points"]) * (width / 100, height / 100)], size)
    return unpack(value["rle"]).reshape(height, width, _CHANNELS)[:, :, -1] > 0
