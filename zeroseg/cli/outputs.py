"""Which pictures a command line means, and what their results are called."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.data.names import sample_names
from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.find_images import search
from zeroseg.reviewed import CORRECTED
from zeroseg.values import Failure

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.described_image import DescribedImage
    from zeroseg.segmentation import Segmentation

_OURS = (".mask.png", ".overlay.png", ".confidence.png", CORRECTED)
"""Endings of the pictures that a run and its review write; a later run does not take them for
input."""


_OF_ONE_NAME = (errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL)
"""Why one file cannot be written; any other reason holds for all of them."""


@dataclass(frozen=True)
class Picture:
    """A picture and where its results go.

    Attributes:
        source: The picture.
        base: Path of its results, without suffix.
    """

    source: Path
    base: Path


@dataclass(frozen=True)
class Plan:
    """What a command line means.

    Attributes:
        pictures: Each picture once.
        failures: One for each path that means no picture.
        notes: Sentences about what was left out of folders.
    """

    pictures: tuple[Picture, ...]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()


def announced(planned: Plan, outlet: Outlet) -> Plan:
    """The plan, after telling of what it leaves out.

    Raises:
        ZerosegError: There are no pictures.
    """
    for note in planned.notes:
        print(f"left out: {note}", file=sys.stderr)
    for failure in planned.failures:
        outlet.failed(failure.message)
        outlet.picture(failure.name, failure)
    if not planned.pictures:
        raise ZerosegError("there are no pictures to look at")
    return planned


def plan(paths: Sequence[str], output: Path | None) -> Plan:
    """Find the pictures that files, folders and patterns mean, and name their results.

    A picture is named by the path that means it, whatever else is given: a file by itself, so that
    `a/x.jpg` gets `<output>/x`; the picture `sub/x.jpg` of a folder or pattern `<output>/sub/x`.
    Where a path before has taken such a name, all results of this one lie in a folder called as its
    own, so that `a/x.jpg b/x.jpg` get `<output>/x` and `<output>/b/x`. What an earlier run wrote
    into `output` is left out. Without `output`, names are all that the results have.
    """
    names = _Names()
    pictures: list[Picture] = []
    failures: list[Failure] = []
    notes: list[str] = []
    for path in paths:
        try:
            matches = search(path)
        except ImageError as error:
            failures.append(Failure(printable(path), "reading", str(error)))
            continue
        notes += matches.notes
        root, files = matches.root, matches.names
        theirs = [file for file in files if not _is_ours(Path(root, file), output)]
        named = names.add(os.path.abspath(root), theirs)
        place = output or Path()
        pictures += [Picture(Path(root, file), place / name) for file, name in named.items()]
    return Plan(tuple(pictures), tuple(failures), tuple(dict.fromkeys(notes)))


class _Names:
    """Gives each picture a name of its own, path after path."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.taken: dict[str, str] = {}

    def add(self, root: str, files: Sequence[str]) -> dict[str, str]:
        """The names of the pictures below a folder that are not known yet, by their files."""
        called = zip(files, sample_names(files), strict=True)
        plain = {file: name for file, name in called if self._is_new(os.path.join(root, file))}
        for named in self._ways(plain, root):
            if not self._holders(named):
                break
        self.taken |= {name.casefold(): root for name in named.values()}
        return named

    def _holders(self, named: dict[str, str]) -> set[str]:
        """The folders whose pictures have taken some of these names."""
        folded = (name.casefold() for name in named.values())
        return {self.taken[name] for name in folded if name in self.taken}

    def _is_new(self, place: str) -> bool:
        place = os.path.normpath(place)
        new = place not in self.known
        self.known.add(place)
        return new

    def _ways(self, plain: dict[str, str], root: str) -> Iterator[dict[str, str]]:
        """By their names, with the suffix next to pictures of the same folder, by their folders."""
        yield plain
        if self._holders(plain) == {root}:
            yield {file: file for file in plain}
        above, prefix = root, ""
        while os.path.basename(above):
            above, prefix = os.path.dirname(above), os.path.join(os.path.basename(above), prefix)
            yield {file: os.path.join(prefix, name) for file, name in plain.items()}
        yield {file: os.path.join(prefix, file) for file in plain}


def saved(result: Segmentation | DescribedImage, base: Path) -> Failure | None:
    """Write the files of a result; a Failure where they cannot be called so.

    Raises:
        OutputError: They cannot be written for a reason that holds for others, too.
    """
    try:
        result.save_as(base)
    except OutputError as error:
        if getattr(error.__cause__, "errno", None) not in _OF_ONE_NAME:
            raise
        return Failure(result.name, "saving", str(error))
    return None


def printable(path: str | Path) -> str:
    """A path as text that any terminal and JSON file can hold."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def _is_ours(picture: Path, output: Path | None) -> bool:
    if output is None:
        return False
    inside = Path(os.path.abspath(output)) in Path(os.path.abspath(picture)).parents
    return inside and picture.name.endswith(_OURS)
