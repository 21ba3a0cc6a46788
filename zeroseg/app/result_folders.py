"""Folders of results that the server shows: pictures and folders are known by number alone."""

from __future__ import annotations

import base64
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroseg.app.pictures import OfferedPictures
from zeroseg.correcting import CorrectedResult, ReviewFiles
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.originals import local_path
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.results import Result, Results
from zeroseg.find_images import is_url, shown
from zeroseg.images import read_image
from zeroseg.regular_file import stamp
from zeroseg.reviewed import State, review_files

KEPT = 2
"""Predictions of a folder that are kept in memory: the one that is looked at, and the last."""


@dataclass(frozen=True)
class Ranked:
    """A picture in a list.

    Attributes:
        number: Its place among all of the folder, by name; never another one while a server runs.
        name: Of its result.
        score: How sure it is, see `zeroseg.values.Confidence`; None where that was not saved.
        state: What a person thinks of it.
        changed: Whether a person has saved steps of a review.
        problem: Why nothing more is known of it; "" where there is none.
    """

    number: int
    name: str
    score: float | None = None
    state: State = "open"
    changed: bool = False
    problem: str = ""


class ResultFolder:
    """What `segment`, `test` or `batch` wrote, as it was when the server began.

    Args:
        folder: On this machine.
        name: What clients see.
        pictures: Where pictures are looked for that do not lie where results say.

    Raises:
        ZerosegError: It holds no results, or is not on this machine.
    """

    def __init__(self, folder: str | Path, name: str, pictures: OfferedPictures) -> None:
        if is_url(str(folder)):
            raise ZerosegError(f"'{shown(str(folder))}' is not on this machine; copy it here first")
        self.name, self.results = name, Results(str(folder))
        self.reviews = ReviewFiles(self.results)
        self._keeping = threading.Lock()
        self._begun: OrderedDict[int, tuple[object, CorrectedResult]] = OrderedDict()
        self._rankings: dict[int, tuple[object, Ranked]] = {}
        self._pictures = {Path(own).with_suffix("").as_posix(): own for own in pictures.names}
        self._files = dict(zip(pictures.names, pictures.files, strict=True))

    def __len__(self) -> int:
        return len(self.results)

    def ranked(self) -> list[Ranked]:
        """All pictures, the least sure first; those of which that is not known last, by name."""
        return sorted(map(self.ranking, range(len(self))), key=_doubt)

    def reviewed(self) -> int:
        """Pictures that were accepted or rejected."""
        return sum(self.ranking(number).state != "open" for number in range(len(self)))

    def ranking(self, number: int) -> Ranked:
        """A picture of the list; its files are read where they have changed."""
        result = self.results.found[number]
        stamps = self._stamps(result)
        known = self._rankings.get(number)
        if known is None or known[0] != stamps:
            known = self._rankings[number] = stamps, self._ranking(number, result)
        return known[1]

    def _ranking(self, number: int, result: Result) -> Ranked:
        """What the files of a picture tell; what is wrong with its review costs it no score."""
        found = Ranked(number, result.name)
        try:
            found = replace(found, score=self.results.score(result))
            review = self.results.review(result)
        except ImageError as error:
            return replace(found, problem=str(error))
        return found if review is None else replace(found, state=review.state, changed=True)

    def result(self, number: int) -> Result:
        """Where the result of a picture lies.

        Raises:
            LookupError: There are not so many.
        """
        if not 0 <= number < len(self):
            raise LookupError(f"there are {len(self)} pictures, counted from 0")
        return self.results.found[number]

    def labelled(self, number: int) -> LabelledPicture:
        """The prediction of a picture.

        Raises:
            LookupError: There are not so many.
            ImageError: Its files are missing or damaged.
        """
        picture = self.results.look(self.result(number))
        if picture is None:
            raise ImageError("it had failed in the run itself")
        return picture

    def begun(self, number: int) -> CorrectedResult:
        """The review of a picture as it begins; those of the last pictures are kept.

        Raises:
            LookupError: There are not so many.
            ImageError: Its files are missing or damaged.
        """
        stamps = self._stamps(self.result(number))[1:]
        with self._keeping:
            kept = self._begun.get(number)
            if kept is None or kept[0] != stamps:
                kept = stamps, CorrectedResult.of(self.labelled(number))
                self._begun[number] = kept
            self._begun.move_to_end(number)
            while len(self._begun) > KEPT:
                self._begun.popitem(last=False)
        return kept[1]

    def _stamps(self, result: Result) -> list[object]:
        """What tells whether the files of a review and of its prediction have changed."""
        files = (review_files(result.mask)[0], *self.results.files(result))
        return [stamp(self.results.folder.local_path(file) or "") for file in files]

    def told(self, number: int) -> dict[str, Any]:
        """What the JSON of a picture tells; empty where there is none."""
        return self.results.told(self.result(number))[1]

    def sureness(self, number: int) -> str | None:
        """How sure each pixel is, a grey PNG as base64; None where that was not saved."""
        content = self.results.confidence(self.result(number))
        return None if content is None else base64.b64encode(content).decode("ascii")

    def image(self, number: int) -> Tensor:
        """The picture itself, (3, H, W) uint8.

        Raises:
            LookupError: There are not so many.
            ImageError: It is not where its result says, and not among the offered pictures; or it
                cannot be read.
        """
        result = self.result(number)
        there: str | Path | None = local_path(self.results.source(result))
        if there is None or not os.path.isfile(there):
            there = self._offered(result.name)
        try:
            return read_image(there)
        except ImageError as error:  # its message tells where the folder is
            raise ImageError("the picture cannot be read any more") from error

    def fitting_image(self, number: int) -> Tensor:
        """The picture itself, of the size of its result.

        Raises:
            LookupError: There are not so many.
            ImageError: See `image`; or it is of another size.
        """
        image, size = self.image(number), self.begun(number).prediction.size
        if tuple(image.shape[1:]) != size:
            raise ImageError(f"the picture is {tuple(image.shape[1:])}, its result {size}")
        return image

    def _offered(self, name: str) -> Path:
        for own in (name, name.rpartition("/")[2]):
            found = self._pictures.get(own) or (own if own in self._files else None)
            if found is not None:
                return self._files[found]
        raise ImageError("the picture is not where its result says: zeroseg app --pictures DIR")


def _doubt(own: Ranked) -> tuple[bool, float, int]:
    return own.score is None, own.score or 0.0, own.number


def open_folders(
    folders: Sequence[str | Path], pictures: OfferedPictures
) -> tuple[ResultFolder, ...]:
    """The folders in the order they were given, each once and under a name of its own.

    A name is the folder's last part; where several are the same, the parts before it, too.

    Raises:
        ZerosegError: One holds no results.
    """
    folders = list({os.path.realpath(folder): folder for folder in folders}.values())
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    names = ["/".join(own[-_needed(own, parts) :]) for own in parts]
    return tuple(
        ResultFolder(folder, name, pictures) for folder, name in zip(folders, names, strict=True)
    )


def _needed(own: tuple[str, ...], all_parts: Sequence[tuple[str, ...]]) -> int:
    """How many last parts tell a folder from the others."""
    others = [parts for parts in all_parts if parts != own]
    for count in range(1, len(own)):
        if not any(parts[-count:] == own[-count:] for parts in others):
            return count
    return len(own)
