"""Pictures that a list names, and their masks, as the development kit of PASCAL VOC has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zeroseg.data.catalog import Entry
from zeroseg.data.files import Place, mask_called, picture_called
from zeroseg.data.names import read_names
from zeroseg.errors import ImageError

_PICTURES = "JPEGImages"


@dataclass(frozen=True)
class Devkit:
    """What lies where below the folder of a year.

    Attributes:
        year: The folder, such as "VOC2012".
        listed: The list of a split's pictures, with "{split}" for its name.
        masks: The folder of class ids.
        objects: The folder of single things; "" where there is none.
        suffix: What files of class ids end in.
    """

    year: str
    listed: str
    masks: str
    objects: str = ""
    suffix: str = ".png"

    def places(self, known: Entry, root: str | Path, split: str) -> tuple[list[Place], list[Path]]:
        """The files of every picture of a split, and the folders that they lie in.

        Args:
            known: The data set; a split that it calls unlabelled needs no masks.
            root: The folder of the year, VOCdevkit, or the folder that holds it.
            split: One of the data set's.

        Raises:
            ImageError: The list, or a folder, is not there, or the list names no picture.
            ZerosegError: There is no such split.
        """
        known.check_split(split)
        unlabelled, listed = split in known.unlabelled, self.listed.format(split=split)
        needed = (_PICTURES, listed, *([] if unlabelled else [self.masks]))
        folder = known.find_root(root, (self.year, f"VOCdevkit/{self.year}"), *needed)
        names = read_names(folder / listed)
        if not names:
            raise ImageError(f"'{folder / listed}' names no picture")
        places = [self._place(folder, name, unlabelled, said) for name, said in names.items()]
        parts = filter(None, (_PICTURES, self.masks, self.objects))
        return places, [folder, *(folder / part for part in parts)]

    def _place(self, folder: Path, name: str, unlabelled: bool, problem: str | None) -> Place:
        picture = picture_called(folder / _PICTURES / name)
        if unlabelled:
            return Place(name, picture, problem=problem)
        objects = mask_called(folder / self.objects / name) if self.objects else None
        return Place(
            name, picture, mask_called(folder / self.masks / name, self.suffix), objects, problem
        )
