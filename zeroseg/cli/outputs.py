"""Which pictures a command line means, and what their results are called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zeroseg.errors import ImageError
from zeroseg.images import find_images
from zeroseg.values import Failure

_OURS = (".mask.png", ".overlay.png")
"""Endings of the pictures that a run writes; a later run does not take them for input."""


@dataclass(frozen=True)
class Job:
    """A picture and where its results go.

    Attributes:
        source: The picture.
        base: Path of its results, without suffix.
    """

    source: Path
    base: Path


def plan(paths: Sequence[str], output: Path) -> tuple[list[Job], list[Failure]]:
    """Find the pictures that files, folders and globs mean, and name their results.

    The results mirror the inputs: the picture `sub/x.jpg` of a folder gets `<output>/sub/x`; with
    several folders, the results lie in folders of those names. What an earlier run wrote into
    `output` is left out.

    Returns:
        The jobs, each picture once, and a failure for each path that means no picture.
    """
    found: dict[str, Path] = {}
    roots: list[str] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            matches = [match for match in find_images([path]) if not _is_ours(match, output)]
        except ImageError as error:
            failures.append(Failure(path, "reading", str(error)))
            continue
        roots.append(_root(path))
        for match in matches:
            found.setdefault(os.path.abspath(match), match)
    if not found:
        return [], failures
    common = os.path.commonpath(roots)
    names = unique_names([Path(os.path.relpath(place, common)) for place in found])
    jobs = [Job(source, output / name) for source, name in zip(found.values(), names, strict=True)]
    return jobs, failures


def unique_names(files: Sequence[Path]) -> list[Path]:
    """The files without their suffixes; with them where several would be called the same.

    Upper and lower case are taken for the same, as some file systems do.
    """
    names = [file.with_suffix("") for file in files]
    while True:
        counts = Counter(str(name).casefold() for name in names)
        better = [
            file if counts[str(name).casefold()] > 1 else name
            for file, name in zip(files, names, strict=True)
        ]
        if better == names:
            return names
        names = better


def printable(path: str | Path) -> str:
    """A path as text that any terminal and JSON file can hold."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def _root(path: str) -> str:
    """The folder below which the names of a path's pictures are kept."""
    place = Path(os.path.abspath(path))
    if place.is_dir():
        return str(place)
    while not place.parent.is_dir():
        place = place.parent
    return str(place.parent)


def _is_ours(picture: Path, output: Path) -> bool:
    inside = Path(os.path.abspath(output)) in Path(os.path.abspath(picture)).parents
    return inside and picture.name.endswith(_OURS)
