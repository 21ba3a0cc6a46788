"""PASCAL VOC 2012, read as its owners publish it, with and without its background."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.devkit import Devkit
from zeroseg.data.files import (
    FileSamples,
    Place,
    meanings,
    number_regions,
    present,
    read_objects,
    translate,
)
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Regions, Truth
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import VOC2012

_KIT = Devkit(
    "VOC2012", "ImageSets/Segmentation/{split}.txt", "SegmentationClass", "SegmentationObject"
)
_VOID = VOC2012.ignore_index


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

    catalogued: ClassVar[str] = "voc2012"
    background: ClassVar[bool] = True
    void_classes = 1

    def __init__(
        self, root: str | Path, split: str = "val", batch_size: int = 8, num_workers: int = 0
    ) -> None:
        known = entry(self.catalogued)
        places, folders = _KIT.places(known, root, split)
        meaning = meanings(VOC2012, self.background, [_VOID])
        dataset = FileSamples(places, partial(_truth, meaning=meaning), folders)
        scored = None if self.background else VOC2012.classes
        super().__init__(known, split, VOC2012, dataset, batch_size, num_workers, scored)


class Voc20(Voc2012):
    """VOC-20 of the field's tables: the same pictures, and background pixels have no label."""

    catalogued = "voc20"
    background = False
    void_classes = 0


def _truth(place: Place, stray: Stray, meaning: dict[int, int]) -> Truth:
    target = translate(read_ids(place.mask), meaning, place.mask, VOC2012, stray)
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
