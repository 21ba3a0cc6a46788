"""DRAM, paintings of many movements, read as its owners publish it."""

from __future__ import annotations

from pathlib import Path

from zeroseg.data.benchmark_data import BenchmarkData
from zeroseg.data.catalog import entry
from zeroseg.data.files import (
    FileSamples,
    Place,
    mask_called,
    picture_called,
    pictures_in,
    translate,
)
from zeroseg.data.masks import read_ids
from zeroseg.data.names import read_names
from zeroseg.data.sample import Truth
from zeroseg.errors import ZerosegError
from zeroseg.metrics.protocol import Stray
from zeroseg.vocabularies import DRAM, VOC2012

_EVERYTHING = "dram_with_unseen"
"""The list file of all paintings of the test split."""

_UNSEEN = "unseen"
"""The folder of the movements that no training picture belongs to."""

_MEANING = dict.fromkeys((*VOC2012.ids, DRAM.ignore_index), DRAM.ignore_index) | {
    number: index for index, number in enumerate(DRAM.ids)
}
"""Classes of VOC that are none of DRAM's are left out, as by the reader of the owners."""


class Dram(BenchmarkData):
    """DRAM (Cohen et al. 2022): background and 11 classes under their VOC ids; 255 is ignored.

    The paintings are those of the list file of a movement where it is there, else all pictures in
    its folder. Their names are paths such as "realism/ARTIST/PAINTING"; `groups` gives the
    movement of each for results of movements ("unseen" is one of them, as in its paper).

    Args:
        root: The folder of the archive: the one with test, train and labels.
        movement: "realism", "impressionism", "post_impressionism", "expressionism", "unseen", one
            of the unseen ones such as "cubism", or another list file such as "dram" (the first
            four); everything by default, which is what the paper scores (718 paintings).
        split: "test", or "train", which has no annotation.
        batch_size: Pictures in a batch.
        num_workers: Processes that read ahead; 0 reads in the main process.

    Raises:
        ImageError: There are no pictures of the split.
        ZerosegError: There is no such split or movement.
    """

    def __init__(
        self,
        root: str | Path,
        movement: str | None = None,
        split: str = "test",
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        known = entry("dram")
        known.check_split(split)
        self.movement = movement
        unlabelled = split in known.unlabelled
        needed = [split, *([] if unlabelled else ["labels"])]
        folder = known.find_root(root, ("DRAM_processed", "DRAM"), *needed)
        names = _names(folder / split, movement)
        if not names:
            raise known.missing(root, f"{split}/{movement or 'MOVEMENT'}/ARTIST/*.jpg")
        labels = None if unlabelled else folder / "labels"
        places = [
            Place(
                name,
                picture_called(folder / split / name),
                mask_called(labels / name) if labels else None,
                problem=problem,
            )
            for name, problem in names.items()
        ]
        folders = [folder, folder / split, *([labels] if labels else [])]
        dataset = FileSamples(places, _truth, folders)
        super().__init__(known, split, DRAM, dataset, batch_size, num_workers)
        self._groups = {
            name: name.split("/")[0] if problem is None else movement or _EVERYTHING
            for name, problem in names.items()
        }
        if movement is not None:
            self.picture_count = None

    def groups(self) -> dict[str, str]:
        """The movement of every painting by its name, whichever of them are left to do."""
        return dict(self._groups)

    def describe(self) -> dict[str, object]:
        """What identifies the data in results."""
        return {**super().describe(), "movement": self.movement or "all"}


def _names(folder: Path, movement: str | None) -> dict[str, str | None]:
    """Paths below the split without suffix, see `read_names`; else those in the folder."""
    listed = folder / f"{movement or _EVERYTHING}.txt"
    if listed.is_file():
        return read_names(listed)
    place = folder
    if movement is not None:
        places = [folder / movement, folder / _UNSEEN / movement]
        found = [path for path in places if path.is_dir()]
        if not found:
            raise ZerosegError(
                f"dram has no movement '{movement}'; there are {', '.join(_movements(folder))}"
            )
        place = found[0]
    return {(place / name).relative_to(folder).as_posix(): None for name in pictures_in(place)}


def _movements(folder: Path) -> list[str]:
    inside = [path for path in (*folder.glob("*"), *(folder / _UNSEEN).glob("*")) if path.is_dir()]
    return sorted({path.name for path in inside} | {path.stem for path in folder.glob("*.txt")})


def _truth(place: Place, stray: Stray) -> Truth:
    return Truth(translate(read_ids(place.mask), _MEANING, place.mask, DRAM, stray))
