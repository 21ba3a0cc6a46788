"""Cityscapes, read as its owners publish it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.files import FileSamples, Place, number_regions, present, read_objects, translate
from zeroseg.data.masks import MissingMask, read_ids
from zeroseg.data.sample import Truth
from zeroseg.errors import ZerosegError
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import CITYSCAPES

_PICTURE, _MASK = "_leftImg8bit.png", "_gtFine_labelIds.png"
_OBJECTS = "_gtFine_instanceIds.png"
_RAW_IDS = (*range(34), 255)
"""Ids that label maps hold: 0..33, and 255 for the licence plates' -1."""

_THINGS = range(24, 34)
"""Raw ids of the classes that are told apart; the file has them times 1000, plus a number."""


class Cityscapes(BenchmarkData):
    """The fine annotation of Cityscapes: 19 classes under their raw label ids, and unlabeled.

    The vocabulary always holds "unlabeled", as a prediction may leave pixels without a class;
    whether the truth does, and whether it is scored, are choices. Single objects are those of
    instanceIds, where these files are there; groups of objects are not told apart there.

    Args:
        root: The folder of leftImg8bit and gtFine.
        split: "val", "train", or "test", which has no annotation: the published files are dummies.
        background: Whether "unlabeled" is a class of its own and scored, as in the list of the
            paper; else the 19 classes are scored, as by the owners' evaluation.
        others: What becomes of raw ids outside the 19: "ignore" (with a background class, raw id 0
            is that class all the same), or "background". By default, ignored without a background
            class, and background with one.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures of the split.
        ZerosegError: There is no such split, or `others` is another word.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "val",
        background: bool = False,
        others: str | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry("cityscapes")
        known.check_split(split)
        self.background = background
        self.others = others or ("background" if background else "ignore")
        if self.others not in ("ignore", "background"):
            raise ZerosegError(f"others is '{others}'; write ignore or background")
        unlabelled = split in known.unlabelled
        needed = [f"leftImg8bit/{split}", *([] if unlabelled else [f"gtFine/{split}"])]
        folder = known.find_root(root, ("cityscapes",), *needed)
        pictures = sorted((folder / "leftImg8bit" / split).glob(f"*/*{_PICTURE}"))
        if not pictures:
            raise known.missing(root, f"leftImg8bit/{split}/CITY/*{_PICTURE}")
        masks = None if unlabelled else folder / "gtFine" / split
        dataset = FileSamples(
            [_place(picture, masks) for picture in pictures],
            partial(_truth, meaning=_meaning(background, self.others)),
            [folder, folder / "leftImg8bit" / split, *([masks] if masks else [])],
        )
        scored = None if background else CITYSCAPES.classes
        super().__init__(known, split, CITYSCAPES, dataset, batch_size, num_workers, scored)

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "background": self.background, "others": self.others}


def _place(picture: Path, masks: Path | None) -> Place:
    name = f"{picture.parent.name}/{picture.name.removesuffix(_PICTURE)}"
    if masks is None:
        return Place(name, picture)
    return Place(name, picture, masks / f"{name}{_MASK}", masks / f"{name}{_OBJECTS}")


def _meaning(background: bool, others: str) -> dict[int, int]:
    other = CITYSCAPES.background if others == "background" else CITYSCAPES.ignore_index
    meaning = dict.fromkeys(_RAW_IDS, other)
    meaning |= {CITYSCAPES.ids[index]: index for index in CITYSCAPES.classes}
    if background:
        meaning[0] = CITYSCAPES.background
    return meaning


def _want_ids(place: Place) -> None:
    """Say so where only ids for training are there: they no longer tell "unlabeled" apart."""
    trained = str(place.mask).replace("_labelIds", "_labelTrainIds")
    if place.mask is not None and not place.mask.is_file() and Path(trained).is_file():
        raise MissingMask(
            f"there is no mask '{place.mask}'; '{trained}' holds ids for training, which are not "
            f"read: fetch or make labelIds"
        )


def _truth(place: Place, stray: Stray, meaning: dict[int, int]) -> Truth:
    _want_ids(place)
    target = translate(read_ids(place.mask), meaning, place.mask, CITYSCAPES, stray)
    numbers = read_objects(place, target)
    if numbers is None:
        return Truth(target)
    class_of = {raw: index for index, raw in enumerate(CITYSCAPES.ids) if raw in _THINGS}
    labels = {n: class_of[n // 1000] for n in present(numbers) if n // 1000 in class_of}
    return Truth(target, number_regions(numbers, labels))
