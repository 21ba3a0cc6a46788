"""COCO-81: the 80 things of COCO 2017 and unlabeled, read as their owners publish them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.coco_instances import (
    Instances,
    Listed,
    as_number,
    as_whole,
    id_of,
    load_instances,
)
from zeroseg.data.coco_maps import MapForm, find_maps, map_samples
from zeroseg.data.coco_outlines import describes, draw, require_pycocotools
from zeroseg.data.files import number_regions, present, read_size
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.images import read_image
from zeroseg.regular_file import inside
from zeroseg.vocabularies import COCO81

IMAGE_FOLDERS = ("images", "coco", "coco/images")
"""Where the pictures may lie below what the user gives."""

_CLASS_OF = {number: index for index, number in enumerate(COCO81.ids)}
_MEANING = {number - 1: index for number, index in _CLASS_OF.items() if number} | dict.fromkeys(
    (*range(91, 182), 255), COCO81.background
)
"""Pixels of stuffthingmaps: 0..90 are things, each its id less one; 91..181 are stuff; 255 none."""

_LARGEST = 500_000_000
"""Pixels of the largest picture that could be read."""


class Coco81(BenchmarkData):
    """COCO 2017 as semantic segmentation: 80 things under their published ids, and unlabeled.

    Everything that is no thing is class 0, "unlabeled", which is scored like the others.

    From instances_*.json, polygons and masks are laid over each other, crowds first, then the
    larger before the smaller, so that what lies on something else stays visible. A crowd has its
    class in the target but is no single object. From stuffthingmaps, stuff and unlabelled pixels
    are class 0 and objects are not told apart.

    Args:
        root: The folder of val2017 (or images/val2017) and annotations.
        split: "val2017", "train2017", or "test2017", which has no annotation.
        annotation: "instances" (needs pycocotools) or "stuffthingmaps"; by default whichever is
            there, instances first.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: The pictures or the annotation are not there or cannot be read.
        ZerosegError: There is no such split or annotation, or pycocotools is not installed.
    """

    catalogued: ClassVar[str] = "coco81"
    maps_first: ClassVar[bool] = False
    forms: ClassVar[tuple[MapForm, ...]] = (MapForm("stuffthingmaps", "", _MEANING),)

    def __init__(
        self,
        root: str | Path,
        split: str = "val2017",
        annotation: str | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry(self.catalogued)
        known.check_split(split)
        if annotation not in (None, "instances", "stuffthingmaps"):
            raise ZerosegError(f"annotation is '{annotation}'; write instances or stuffthingmaps")
        place = known.find_root(root, IMAGE_FOLDERS, split)
        folder = place.parent if place.name == "images" else place
        file = folder / "annotations" / f"instances_{split}.json"
        is_listed = file.is_file() and annotation != "stuffthingmaps"
        maps = find_maps(folder, split, self.forms) if annotation != "instances" else None
        dataset: Samples
        notes: tuple[str, ...] = ()
        if split in known.unlabelled:
            self.annotation = "none"
            dataset = map_samples(known, place / split, None, COCO81)
        elif is_listed and not (maps and self.maps_first):
            require_pycocotools(file)
            instances = load_instances(file)
            dataset = CocoSamples(instances, (place / split, place, folder), file)
            self.annotation = "instances" if instances.named else "instances, ids as COCO's own"
            notes = instances.notes
        elif maps:
            self.annotation = maps[1].name
            dataset = map_samples(known, place / split, maps, COCO81)
        else:
            raise known.missing(folder, _wanted(split, annotation))
        super().__init__(known, split, COCO81, dataset, batch_size, num_workers)
        self.notes = notes

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "annotation": self.annotation}


class CocoSamples(Samples):
    """The pictures of an instances file.

    Annotations are laid over each other one at a time, so that memory does not grow with their
    number.

    Args:
        instances: The file, see `load_instances`.
        folders: Where the paths of the pictures may begin, the first one first.
        file: Where it lies.
        rest: The class index, or the ignore index, of pixels that no annotation covers.
    """

    def __init__(
        self,
        instances: Instances,
        folders: Sequence[Path],
        file: Path,
        rest: int = COCO81.background,
    ) -> None:
        self.instances, self.folders, self.file = instances, tuple(folders), file
        self.rest = rest
        self._names = tuple(picture.name for picture in instances.pictures)

    @property
    def names(self) -> Sequence[str]:
        """See `Samples.names`."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        return read_image(self._find(self._usable(position)), turn=False)

    def truth(self, position: int) -> Truth:
        """See `Samples.truth`."""
        picture = self._usable(position)
        size = picture.size or read_size(self._find(picture))
        if math.prod(size) > _LARGEST:
            raise ImageError(f"the picture is listed with the size {size}, too large for any")
        things = [
            _thing(one, self.instances.classes)
            for one in picture.annotations
            if describes(one.get("segmentation"))
        ]
        things.sort(key=lambda thing: (not thing.crowd, -thing.area_in(size)))
        target = torch.full(size, self.rest)
        numbers = torch.zeros_like(target)
        for number, thing in enumerate(things, start=1):
            inside = thing.draw(size)
            target[inside] = thing.label
            numbers[inside] = 0 if thing.crowd else number
        labels = {number: things[number - 1].label for number in present(numbers) if number}
        return Truth(target, number_regions(numbers, labels))

    def files(self, position: int) -> Sequence[Path]:
        """See `Samples.files`."""
        return [self._find(self.instances.pictures[position]), self.file]

    def _usable(self, position: int) -> Listed:
        picture = self.instances.pictures[position]
        if picture.problem is not None:
            raise ImageError(picture.problem)
        return picture

    def _find(self, picture: Listed) -> Path:
        places = [folder / picture.file for folder in self.folders]
        found = next((place for place in places if place.is_file()), places[0])
        return inside(found, *self.folders)


@dataclass(frozen=True)
class _Thing:
    called: str
    segmentation: Any
    label: int
    crowd: bool
    area: float | None

    def draw(self, size: tuple[int, int]) -> Tensor:
        """(height, width) bool; what is wrong with it is said with its id."""
        try:
            return torch.from_numpy(draw(self.segmentation, size).copy())
        except ImageError as error:
            raise ImageError(f"{self.called} is broken: {error}") from error

    def area_in(self, size: tuple[int, int]) -> float:
        """As stated, else in pixels."""
        return float(self.draw(size).sum()) if self.area is None else self.area


def _thing(one: Mapping[str, Any], classes: Mapping[str, int]) -> _Thing:
    called = f"annotation {id_of(one.get('id')) or 'without an id'}"
    category, crowd = id_of(one.get("category_id")), as_whole(one.get("iscrowd") or 0)
    if category not in classes:
        raise VocabularyError(
            f"{called} is of category {category or 'none'}, which is none of the {len(classes)} "
            f"here"
        )
    if crowd not in (0, 1):
        raise ImageError(f"{called} is broken: its iscrowd is {one['iscrowd']!r}, not 0 or 1")
    label, area = classes[category], as_number(one.get("area"))
    return _Thing(called, one["segmentation"], label, crowd == 1, area)


def _wanted(split: str, annotation: str | None) -> str:
    files = {
        "instances": f"annotations/instances_{split}.json",
        "stuffthingmaps": f"stuffthingmaps/{split}",
    }
    return " or ".join(files.values()) if annotation is None else files[annotation]
