"""The contract of a format: it is given pictures one by one, and says what came of each."""

from __future__ import annotations

import json
import posixpath
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

import numpy as np
import yaml
from numpy.typing import NDArray

from zeroseg.errors import ZerosegError
from zeroseg.export.originals import original, upright
from zeroseg.export.outlines import Ring, joined
from zeroseg.export.picture import LabelledPicture
from zeroseg.export.regions import Region
from zeroseg.scale.archive import Folder
from zeroseg.vocabulary import Vocabulary

SHAPES = ("masks", "polygons")
HOLES = ("cut", "fill")


@dataclass(frozen=True)
class Target:
    """Where an export goes, and how.

    Attributes:
        folder: What is written to.
        vocabulary: The classes of all pictures.
        shapes: "masks" or "polygons", for formats that know both.
        holes: What becomes of holes in polygons that have none: "cut" leads into them along a
            double line, "fill" loses them.
        copy: Whether pictures are copied along; None for the format's own way.

    Raises:
        ZerosegError: A choice is another word.
    """

    folder: Folder
    vocabulary: Vocabulary
    shapes: str = SHAPES[0]
    holes: str = HOLES[0]
    copy: bool | None = None

    def __post_init__(self) -> None:
        for given, known, what in ((self.shapes, SHAPES, "shapes"), (self.holes, HOLES, "holes")):
            if given not in known:
                raise ZerosegError(f"{what} is '{given}'; choose {' or '.join(known)}")


@dataclass(frozen=True)
class Written:
    """What was written of a picture.

    Attributes:
        wanted: The regions that the format was to hold.
        back: What they are for a reader of what was written: one mask (H, W) bool for each, in the
            same order.
    """

    wanted: Sequence[Region]
    back: Callable[[], Iterator[NDArray[np.bool_]]]


class ExportFormat(ABC):
    """A format of results.

    Args:
        target: Where it goes.

    Attributes:
        notes: What it cannot hold, and how often that was so.
    """

    name: ClassVar[str]
    """What it is called on the command line."""

    summary: ClassVar[str]
    """What it holds, in a few words."""

    copies: ClassVar[bool] = False
    """Whether its layout has the pictures in it."""

    pictures: ClassVar[str] = "images/"
    """Where copies of pictures go."""

    def __init__(self, target: Target) -> None:
        self.target, self.vocabulary, self.folder = target, target.vocabulary, target.folder
        self.notes: Counter[str] = Counter()

    @abstractmethod
    def add(self, picture: LabelledPicture) -> Written:
        """Write a picture.

        Raises:
            ImageError: The format cannot hold it, or its own file is needed and not there.
            OSError: It cannot be written.
        """

    def finish(self) -> None:  # noqa: B027, as many formats have nothing of the kind
        """Write what is about all pictures."""

    @property
    def copying(self) -> bool:
        """Whether pictures are copied."""
        return self.copies if self.target.copy is None else self.target.copy

    def copied(self, picture: LabelledPicture) -> str:
        """Copy a picture, if that is wanted and it is known where it lies; its path in the export.

        A picture that is not copied keeps the path that it has among the others.
        """
        if not self.copying:
            return picture.file
        if not picture.source:
            self.notes["pictures not copied, as nothing tells where they lie: --pictures"] += 1
            return picture.file
        content, suffix = upright(original(picture.source), picture.suffix)
        self.folder.write(f"{self.pictures}{picture.name}{suffix}", content)
        return f"{self.pictures}{picture.name}{suffix}"

    def ring(self, region: Region) -> Ring:
        """The one ring of a region, where a format has one: parts and holes by double lines."""
        parts = region.polygons()
        if self.target.holes == "fill" and any(part.holes for part in parts):
            self.notes["regions whose holes were filled"] += 1
        cut = self.target.holes == "cut"
        rings = [ring for part in parts for ring in (part.rings if cut else (part.outer,))]
        return joined(rings)

    def write_yaml(self, name: str, content: Any) -> None:
        """Write a YAML file."""
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        self.folder.write(name, text.encode())


def json_bytes(content: Any, indent: int | None = None) -> bytes:
    """A text of JSON; names of files need not be text."""
    text = json.dumps(content, ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "backslashreplace")


def beside(file: str, suffix: str) -> str:
    """A file of the same name with another suffix."""
    return posixpath.splitext(file)[0] + suffix


class Spool:
    """Entries of a list that waits on the disk until all of them are known.

    Args:
        between: What stands between two.
    """

    def __init__(self, between: bytes = b",\n") -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._between, self.count = between, 0

    def add(self, entry: bytes) -> None:
        """Put an entry behind the others."""
        if self.count:
            self._file.write(self._between)
        self._file.write(entry)
        self.count += 1

    def into(self, stream: BinaryIO) -> None:
        """Write all entries, and forget them."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, stream)
        self._file.close()
