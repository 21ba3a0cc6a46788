"""LabelMe: a JSON beside each picture, regions as masks or polygons."""

from __future__ import annotations

import base64
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg.data.masks import ids_in
from zeroseg.errors import ImageError
from zeroseg.export.export_format import ExportFormat, Written, json_bytes
from zeroseg.export.label_maps import png
from zeroseg.export.originals import local_path
from zeroseg.export.outlines import fill
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region

_VERSION = "5.5.0"
"""Of the layout; the first with masks is 5.3."""

WITHOUT_AREA = ("line", "point", "points", "linestrip")
"""Shapes that hold no pixel."""


class LabelMeFormat(ExportFormat):
    """`NAME.json` of shapes; `imagePath` leads to the picture, which is not in it.

    A mask is a PNG of the part of the picture between its two points, both inside. Source:
    https://github.com/wkentaro/labelme, `labelme/_label_file.py` and `labelme/utils/shape.py`.
    """

    name, summary, pictures = "labelme", "masks or polygons, a JSON to a picture", ""

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        height, width = picture.size
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [self._shape(region, picture) for region in picture.regions],
            "imagePath": self._path(picture),
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json_bytes(content, indent=2)
        self.folder.write(f"{picture.name}.json", text)

        def back() -> Iterator[NDArray[np.bool_]]:
            for shape in json.loads(text)["shapes"]:
                yield drawn(shape, picture.size)

        return Written(picture.regions, back)

    def _path(self, picture: LabelledPicture) -> str:
        """The way from the JSON to the picture."""
        file = self.copied(picture)
        there, here = local_path(picture.source), self.folder.local_path(f"{picture.name}.json")
        if self.copying or there is None or here is None:
            return posixpath.basename(file)
        return os.path.relpath(there, os.path.dirname(here))

    def _shape(self, region: Region, picture: LabelledPicture) -> dict[str, Any]:
        common: dict[str, Any] = {
            "label": picture.class_name(region),
            "group_id": None,
            "flags": {},
        }
        score = [] if region.score is None else [f"score {region.score:.4f}"]
        makers = [f"{how.replace('_', ' ')} {who}" for how, who in region.makers.items()]
        common["description"] = ", ".join([*score, *makers])
        if self.target.shapes == "polygons":
            return {**common, "shape_type": "polygon", "points": self.ring(region).tolist()}
        x1, y1, x2, y2 = region.box
        mask = base64.b64encode(png(region.mask.astype(np.uint8) * 255)).decode()
        points = [[x1, y1], [x2 - 1, y2 - 1]]
        return {**common, "shape_type": "mask", "points": points, "mask": mask}


def drawn(shape: Mapping[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a shape, (H, W) bool: those whose centre lies in it.

    Raises:
        ImageError: It is damaged, or of a kind that is not known; the message begins with "its".
    """
    kind = shape.get("shape_type", "polygon")
    try:
        points = np.array(shape["points"], np.float64).reshape(-1, 2)
        if kind == "polygon":
            return fill([points], size)
        if kind == "rectangle":
            (x1, y1), (x2, y2) = points
            return fill([[(x1, y1), (x2, y1), (x2, y2), (x1, y2)]], size)
        if kind == "circle":
            return _circle(points, size)
        if kind == "mask":
            return _mask(str(shape["mask"]), points, size)
    except (LookupError, TypeError, ValueError) as error:
        raise ImageError(f"its {kind} is damaged: {error}") from error
    raise ImageError(f"its shape '{kind}' is not known: make it a polygon or a mask")


def _circle(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The circle around the first point through the second."""
    (x, y), edge = points[0], points[1]
    rows, columns = np.ogrid[: size[0], : size[1]]
    radius = float(np.hypot(*(edge - points[0])))
    return np.asarray(np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius)


def _mask(text: str, points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    part = ids_in(base64.b64decode(text), "mask of a shape").numpy() > 0
    left, top = points.min(axis=0).astype(int)
    height, width = part.shape
    if left < 0 or top < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"{width} x {height} pixels at {left} {top} lie outside the picture")
    return Region(part, int(left), int(top), 0).whole(size)
