"""COCO panoptic: one picture of segment ids and a list of the segments for each image."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zeroseg.export.coco import box_and_area, image_entry, write_lists
from zeroseg.export.export_format import ExportFormat, Spool, Target, Written, json_bytes
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region

_FILE = "panoptic.json"


class CocoPanopticFormat(ExportFormat):
    """`panoptic.json` and `panoptic/NAME.png`, whose colours are ids: R + 256 G + 65536 B.

    A pixel is of one segment: where regions overlap, it is of that with the better score. Source:
    https://github.com/cocodataset/panopticapi, `format` and `pq_compute`.
    """

    name, summary = "coco-panoptic", "segments that do not overlap"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._images, self._annotations = Spool(), Spool()

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        segments = np.zeros(picture.size, np.int64)
        for number, region in enumerate(picture.regions, 1):
            segments[region.place][region.mask] = number
        content = _png(segments)
        file = f"{picture.name}.png"
        self._images.add(json_bytes(image_entry(picture, self.copied(picture))))
        self.folder.write(f"panoptic/{file}", content)
        infos = [self._info(n, segments, r) for n, r in enumerate(picture.regions, 1)]
        entry = {
            "image_id": picture.number,
            "file_name": file,
            "segments_info": [info for info in infos if info is not None],
        }
        self._annotations.add(json_bytes(entry))

        def back() -> Iterator[NDArray[np.bool_]]:
            ids = read_segments(content)
            for number in range(1, len(picture.regions) + 1):
                yield ids == number

        return Written(picture.regions, back)

    def _info(
        self, number: int, segments: NDArray[np.int64], region: Region
    ) -> dict[str, Any] | None:
        """A segment as much of it is seen; None for one that others hide."""
        seen = region.within(segments[region.place] == number)
        if seen is None or seen.area < region.area:
            self.notes["regions that others hide, whole or in part"] += 1
        if seen is None:
            return None
        category = self.vocabulary.ids[region.label]
        about = {"id": number, "category_id": category, "iscrowd": 0, **region.makers}
        return {**about, **box_and_area(seen)}

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        write_lists(self.folder, _FILE, self.vocabulary, self._images, self._annotations)


def _png(segments: NDArray[np.int64]) -> bytes:
    colors = np.stack([segments >> shift & 255 for shift in (0, 8, 16)], axis=-1)
    encoded = io.BytesIO()
    Image.fromarray(colors.astype(np.uint8)).save(encoded, "PNG")
    return encoded.getvalue()


def read_segments(content: bytes) -> NDArray[np.int64]:
    """The segment of every pixel, (H, W); 0 for none."""
    with Image.open(io.BytesIO(content)) as picture:
        colors = np.array(picture.convert("RGB"), np.int64)
    return colors @ np.array([1, 256, 65536])
