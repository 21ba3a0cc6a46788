"""ADE20K, read as its owners publish it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.files import (
    FileSamples,
    Place,
    mask_called,
    meanings,
    pictures_in,
    translate,
)
from zeroseg.data.masks import read_ids
from zeroseg.data.sample import Truth
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import ADE20K


class Ade20k(BenchmarkData):
    """The 150 classes of the scene parsing challenge of 2016.

    Id 0, "other", is no class of the challenge: its pixels are left out of the scores. The data
    set does not tell single objects apart.

    Args:
        root: ADEChallengeData2016, or the folder that holds it.
        split: "validation", "training", or "testing", which has no annotation.
        background: Whether "other" is a class of its own and scored, as the reference evaluation
            would do with a list of classes that begins with it.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures of the split.
        ZerosegError: There is no such split.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "validation",
        background: bool = False,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry("ade20k")
        known.check_split(split)
        self.background = background
        unlabelled = split in known.unlabelled
        needed = [f"images/{split}", *([] if unlabelled else [f"annotations/{split}"])]
        folder = known.find_root(root, ("ADEChallengeData2016",), *needed)
        pictures = pictures_in(folder / "images" / split)
        if not pictures:
            raise known.missing(root, f"images/{split}/*.jpg")
        masks = None if unlabelled else folder / "annotations" / split
        places = [
            Place(name, picture, mask_called(masks / name) if masks else None)
            for name, picture in pictures.items()
        ]
        meaning = meanings(ADE20K, background)
        folders = [folder, folder / "images" / split, *([masks] if masks else [])]
        dataset = FileSamples(places, partial(_truth, meaning=meaning), folders)
        scored = None if background else ADE20K.classes
        super().__init__(known, split, ADE20K, dataset, batch_size, num_workers, scored)

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "background": self.background}


def _truth(place: Place, stray: Stray, meaning: dict[int, int]) -> Truth:
    return Truth(translate(read_ids(place.mask), meaning, place.mask, ADE20K, stray))
