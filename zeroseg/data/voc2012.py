"""PASCAL VOC 2012, read as its owners publish it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.files import (
    FileSamples,
    Place,
    mask_called,
    number_regions,
    picture_called,
    present,
    read_objects,
    translate,
)
from zeroseg.data.masks import read_ids
from zeroseg.data.names import read_names
from zeroseg.data.sample import Regions, Truth
from zeroseg.errors import ImageError
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import VOC2012

_FOLDERS = ("JPEGImages", "SegmentationClass", "SegmentationObject")
_VOID = VOC2012.ignore_index
_MEANING = {number: index for index, number in enumerate(VOC2012.ids)} | {_VOID: _VOID}


class Voc2012(BenchmarkData):
    """The segmentation task of PASCAL VOC 2012: background and 20 classes; 255 is void.

    Single objects are those of SegmentationObject, where that folder is there; the class of one is
    the one that most of its pixels have.

    Args:
        root: VOCdevkit/VOC2012, VOCdevkit, or the folder that holds it.
        split: "val", "train", "trainval", or "test", which has no annotation.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: The list of the split is not there.
        ZerosegError: There is no such split.
    """

    void_classes = 1

    def __init__(
        self, root: str | Path, split: str = "val", batch_size: int = 8, num_workers: int = 0
    ) -> None:
        known = entry("voc2012")
        known.check_split(split)
        unlabelled, listed = split in known.unlabelled, f"ImageSets/Segmentation/{split}.txt"
        needed = ("JPEGImages", listed, *([] if unlabelled else ["SegmentationClass"]))
        folder = known.find_root(root, ("VOC2012", "VOCdevkit/VOC2012"), *needed)
        names = read_names(folder / listed)
        if not names:
            raise ImageError(f"'{folder / listed}' names no picture")
        places = [_place(folder, name, unlabelled, problem) for name, problem in names.items()]
        folders = [folder, *(folder / part for part in _FOLDERS)]
        dataset = FileSamples(places, _truth, folders)
        super().__init__(known, split, VOC2012, dataset, batch_size, num_workers)


def _place(folder: Path, name: str, unlabelled: bool, problem: str | None) -> Place:
    pictures, classes, objects = (folder / part / name for part in _FOLDERS)
    picture = picture_called(pictures)
    if unlabelled:
        return Place(name, picture, problem=problem)
    return Place(name, picture, mask_called(classes), mask_called(objects), problem)


def _truth(place: Place, stray: Stray) -> Truth:
    target = translate(read_ids(place.mask), _MEANING, place.mask, VOC2012, stray)
    objects = read_objects(place, target)
    return Truth(target, _regions(objects, target) if objects is not None else None)


def _regions(objects: Tensor, target: Tensor) -> Regions:
    labels = {}
    for number in present(objects):
        inside = target[objects == number]
        classes = inside[(inside != VOC2012.background) & (inside != _VOID)]
        if number not in (0, _VOID) and len(classes):
            labels[number] = int(classes.bincount().argmax())
    return number_regions(objects, labels)
