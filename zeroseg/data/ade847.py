"""ADE20K with its 847 classes, as the field prepares it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.files import FileSamples, Place, mask_called, meanings, pictures_in, translate
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Truth
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabulary import Vocabulary

_PICTURES, _MASKS = "images_detectron2", "annotations_detectron2"


class Ade847(BenchmarkData):
    """The full annotation of ADE20K as MaskFormer and CAT-Seg prepare it, TIFF of 16 bits.

    The preparation makes pictures smaller than they are published, to 512 pixels of the shorter
    side; pixels of none of the 847 classes hold 65535 and have no label. The data set does not
    tell single objects apart.

    Args:
        root: ADE20K_2021_17_01, or the folder that holds it.
        split: "validation" or "training".
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures of the split.
        ZerosegError: There is no such split.
    """

    def __init__(
        self, root: str | Path, split: str = "validation", batch_size: int = 8, num_workers: int = 0
    ) -> None:
        known = entry("ade847")
        known.check_split(split)
        needed = (f"{_PICTURES}/{split}", f"{_MASKS}/{split}")
        folder = known.find_root(root, ("ADE20K_2021_17_01",), *needed)
        pictures, masks = (folder / part for part in needed)
        found = pictures_in(pictures)
        if not found:
            raise known.missing(root, f"{_PICTURES}/{split}/*.jpg")
        places = [
            Place(name, picture, mask_called(masks / name, ".tif"))
            for name, picture in found.items()
        ]
        classes = Vocabulary.parse("ade847")
        meaning = meanings(classes, background=False, void=[classes.ignore_index])
        read = partial(_truth, meaning=meaning, vocabulary=classes)
        dataset = FileSamples(places, read, [folder, pictures, masks])
        super().__init__(known, split, classes, dataset, batch_size, num_workers, classes.classes)


def _truth(place: Place, stray: Stray, meaning: dict[int, int], vocabulary: Vocabulary) -> Truth:
    return Truth(translate(read_ids(place.mask), meaning, place.mask, vocabulary, stray))
