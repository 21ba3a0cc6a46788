"""COCO instances: run lengths, so that holes stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg import rle
from zeroseg.data.coco_outlines import draw, require_pycocotools
from zeroseg.export.export_format import ExportFormat, Spool, Target, Written, json_bytes
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region
from zeroseg.scale.archive import Folder
from zeroseg.vocabulary import Vocabulary

_FILE = "annotations.json"


class CocoFormat(ExportFormat):
    """One `annotations.json` of images, annotations and categories (the vocabulary's ids).

    Regions are run lengths; as polygons they have holes by double lines, or none. Source:
    https://cocodataset.org/#format-data.
    """

    name, summary = "coco", "instances as run lengths, holes kept; or polygons"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.shapes == "polygons":
            require_pycocotools(Path(_FILE))
        self._images, self._annotations = Spool(), Spool()

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        self._images.add(json_bytes(image_entry(picture, self.copied(picture))))
        entries = [self._entry(region, picture) for region in picture.regions]
        for entry in entries:
            entry["id"] = self._annotations.count + 1
            self._annotations.add(json_bytes(entry))

        def back() -> Iterator[NDArray[np.bool_]]:
            for entry in entries:
                yield draw(entry["segmentation"], picture.size)

        return Written(picture.regions, back)

    def _entry(self, region: Region, picture: LabelledPicture) -> dict[str, Any]:
        return {
            "image_id": picture.number,
            "category_id": self.vocabulary.ids[region.label],
            "segmentation": self._segmentation(region, picture),
            **box_and_area(region),
            "iscrowd": 0,
            **({} if region.score is None else {"score": region.score}),
            **region.makers,
        }

    def _segmentation(self, region: Region, picture: LabelledPicture) -> Any:
        if self.target.shapes == "masks":
            return rle.encode(region.whole(picture.size))
        return [self.ring(region).ravel().tolist()]

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        write_lists(self.folder, _FILE, self.vocabulary, self._images, self._annotations)


def write_lists(
    folder: Folder, file: str, vocabulary: Vocabulary, images: Spool, annotations: Spool
) -> None:
    """Write a file of COCO: its categories, images and annotations."""
    with folder.writing(file) as stream:
        stream.write(b'{"info": {"description": "zeroseg"}, "categories": ')
        stream.write(json_bytes(categories(vocabulary)))
        stream.write(b',\n"images": [\n')
        images.into(stream)
        stream.write(b'\n],\n"annotations": [\n')
        annotations.into(stream)
        stream.write(b"\n]}\n")


def image_entry(picture: LabelledPicture, file: str) -> dict[str, Any]:
    """A picture in the list of images."""
    height, width = picture.size
    return {"id": picture.number, "file_name": file, "width": width, "height": height}


def box_and_area(region: Region) -> dict[str, Any]:
    """A region's box, x y width height, and its area, in pixels."""
    x1, y1, x2, y2 = region.box
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": region.area}


def categories(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """All classes but the background."""
    return [
        {
            "id": vocabulary.ids[index],
            "name": vocabulary.names[index],
            "supercategory": "stuff" if index in vocabulary.stuff else "thing",
            "isthing": int(index not in vocabulary.stuff),
            "color": list(vocabulary.colors[index]),
        }
        for index in vocabulary.classes
    ]
