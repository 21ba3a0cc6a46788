"""COCO-81: the 80 things of COCO 2017 and unlabeled, read as their owners publish them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zeroseg.data.catalog import Entry, entry
from zeroseg.data.files import FileSamples, Place, number_regions, present, read_ids, translate
from zeroseg.data.published import PublishedData
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import Samples
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.images import read_image
from zeroseg.vocabularies import COCO81

if TYPE_CHECKING:
    from pycocotools.coco import COCO

_CLASS_OF = {number: index for index, number in enumerate(COCO81.ids)}
_MEANING = {number - 1: index for number, index in _CLASS_OF.items() if number} | dict.fromkeys(
    (*range(91, 182), 255), COCO81.background
)
"""Pixels of stuffthingmaps: 0..90 are things, each its id less one; 91..181 are stuff; 255 none."""

_IMAGE_KEYS = {"id", "file_name", "height", "width"}
_OBJECT_KEYS = {"id", "image_id", "category_id", "segmentation", "area", "iscrowd"}


class Coco81(PublishedData):
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

    def __init__(
        self,
        root: str | Path,
        split: str = "val2017",
        annotation: str | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry("coco81")
        known.check_split(split)
        if annotation not in (None, "instances", "stuffthingmaps"):
            raise ZerosegError(f"annotation is '{annotation}'; write instances or stuffthingmaps")
        place = known.find_root(root, ("images", "coco", "coco/images"), split)
        folder = place.parent if place.name == "images" else place
        file = folder / "annotations" / f"instances_{split}.json"
        dataset: Samples
        if split in known.unlabelled:
            self.annotation, dataset = "none", _mapped(known, place / split, None)
        elif annotation != "stuffthingmaps" and file.is_file():
            self.annotation, dataset = "instances", CocoSamples(load_instances(file), place / split)
        else:
            maps = _maps(known, folder, split, annotation)
            self.annotation, dataset = "stuffthingmaps", _mapped(known, place / split, maps)
        super().__init__(known, split, COCO81, dataset, batch_size, num_workers)

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "annotation": self.annotation}


class CocoSamples(Samples):
    """The pictures of an instances file.

    Args:
        coco: The file, see `load_instances`.
        pictures: The folder of the pictures.
    """

    def __init__(self, coco: COCO, pictures: Path) -> None:
        self.coco, self.pictures = coco, pictures
        self.entries = sorted(coco.imgs.values(), key=lambda image: str(image["file_name"]))
        self._names = tuple(Path(image["file_name"]).stem for image in self.entries)

    @property
    def names(self) -> Sequence[str]:
        """See `Samples.names`."""
        return self._names

    def image(self, position: int) -> Tensor:
        """See `Samples.image`."""
        return read_image(self.pictures / self.entries[position]["file_name"])

    def truth(self, position: int) -> Truth:
        """See `Samples.truth`."""
        image = self.entries[position]
        found = self.coco.loadAnns(self.coco.getAnnIds(imgIds=image["id"]))
        found.sort(key=lambda one: (not one["iscrowd"], -one["area"]))
        target = torch.full((image["height"], image["width"]), COCO81.background)
        numbers = torch.zeros_like(target)
        for number, one in enumerate(found, start=1):
            inside = self._mask(one)
            target[inside] = _class_of(one, image)
            numbers[inside] = 0 if one["iscrowd"] else number
        seen = [number for number in present(numbers) if number]
        things = {number: _class_of(found[number - 1], image) for number in seen}
        return Truth(target, number_regions(numbers, things))

    def _mask(self, one: dict[str, Any]) -> Tensor:
        try:
            return torch.from_numpy(self.coco.annToMask(one)).bool()
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ImageError(f"the outline of annotation {one['id']} is broken: {error}") from error


def load_instances(path: Path) -> COCO:
    """Read an instances file.

    Raises:
        ImageError: It is no such file.
        ZerosegError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
    except ImportError as error:
        raise ZerosegError(
            f"'{path}' is read with pycocotools: pip install pycocotools, or put stuffthingmaps "
            f"in place of it"
        ) from error
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"'{path}' cannot be read: {error}") from error
    if not _is_instances(content):
        raise ImageError(f"'{path}' is no instances file: it lists no images and annotations")
    coco = COCO()
    coco.dataset = content
    with redirect_stdout(StringIO()):  # createIndex prints
        coco.createIndex()
    return coco


def _is_instances(content: Any) -> bool:
    if not isinstance(content, dict) or not content.get("images"):
        return False
    objects = content.get("annotations")
    if not isinstance(objects, list):
        return False
    return all(image.keys() >= _IMAGE_KEYS for image in content["images"]) and all(
        one.keys() >= _OBJECT_KEYS and isinstance(one["segmentation"], list | dict)
        for one in objects
    )


def _class_of(one: dict[str, Any], image: dict[str, Any]) -> int:
    number = one["category_id"]
    if number not in _CLASS_OF:
        raise VocabularyError(
            f"{image['file_name']} has an object of category {number}, which is none of the 80"
        )
    return _CLASS_OF[number]


def _maps(known: Entry, folder: Path, split: str, annotation: str | None) -> Path:
    if annotation != "instances":
        for place in (folder / "stuffthingmaps" / split, folder / "annotations" / split):
            if place.is_dir():
                return place
    maps = [] if annotation == "instances" else [f"stuffthingmaps/{split}"]
    instances = [] if annotation == "stuffthingmaps" else [f"annotations/instances_{split}.json"]
    raise known.missing(folder, " or ".join([*instances, *maps]))


def _mapped(known: Entry, pictures: Path, masks: Path | None) -> FileSamples:
    found = sorted(pictures.glob("*.jpg"))
    if not found:
        raise known.missing(pictures, "*.jpg")
    places = [Place(p.stem, p, masks and masks / f"{p.stem}.png") for p in found]
    return FileSamples(places, _truth)


def _truth(place: Place) -> Truth:
    return Truth(translate(read_ids(place.mask), _MEANING, place.mask))
