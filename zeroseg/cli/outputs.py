"""Which pictures a command line means, and what their results are called."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.data.names import sample_names
from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.find_images import search
from zeroseg.values import Failure

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.described_image import DescribedImage
    from zeroseg.segmentation import Segmentation

_OURS = (".mask.png", ".overlay.png")
"""Endings of the pictures that a run writes; a later run does not take them for input."""


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

    The results mirror the inputs: the picture `sub/x.jpg` of a folder gets `<output>/sub/x`; with
    several folders, the results lie in folders of those names. What an earlier run wrote into
    `output` is left out. Without `output`, names are all that the results have.
    """
    found: dict[str, Path] = {}
    roots: list[str] = []
    failures: list[Failure] = []
    notes: list[str] = []
    for path in paths:
        try:
            matches = search(path)
        except ImageError as error:
            failures.append(Failure(printable(path), "reading", str(error)))
            continue
        notes += matches.notes
        roots.append(os.path.abspath(matches.root))
        for match in matches.files:
            if output is None or not _is_ours(match, output):
                found.setdefault(os.path.abspath(match), match)
    if not found:
        return Plan((), tuple(failures), tuple(notes))
    common = os.path.commonpath(roots)
    names = sample_names([os.path.relpath(place, common) for place in found])
    pictures = [
        Picture(source, (output or Path()) / name)
        for source, name in zip(found.values(), names, strict=True)
    ]
    return Plan(tuple(pictures), tuple(failures), tuple(dict.fromkeys(notes)))


def saved(result: Segmentation | DescribedImage, base: Path) -> Failure | None:
    """Write the files of a result; a Failure where they cannot be called so.

    Raises:
        OutputError: They cannot be written for a reason that holds for others, too.
    """
    try:
        result.save(base)
    except OutputError as error:
        if getattr(error.__cause__, "errno", None) not in _OF_ONE_NAME:
            raise
        return Failure(result.name, "saving", str(error))
    return None


def printable(path: str | Path) -> str:
    """A path as text that any terminal and JSON file can hold."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def _is_ours(picture: Path, output: Path) -> bool:
    inside = Path(os.path.abspath(output)) in Path(os.path.abspath(picture)).parents
    return inside and picture.name.endswith(_OURS)
