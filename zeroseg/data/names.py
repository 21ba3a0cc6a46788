"""Names of pictures as others write them: paths below the folder of a data set."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from zeroseg.data.text_files import read_text
from zeroseg.errors import ImageError
from zeroseg.find_images import SUFFIXES
from zeroseg.regular_file import relative_name

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#(\s|$)")
_MARKED = re.compile(r"(\S+)\s+(-1|0|1)")

_ABSENT = "-1"
"""The mark of a picture without the class that a list of VOC is about."""


def without_suffix(name: str) -> str:
    """The same without the suffix of a picture, if it ends in one."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name


def sample_names(files: Sequence[str]) -> list[str]:
    """What pictures are called: their files without suffix, with it where they would be the same.

    Upper and lower case are taken for the same, as some file systems do.
    """
    names = [os.path.splitext(file)[0] for file in files]
    while True:
        counts = Counter(name.casefold() for name in names)
        better = [
            file if counts[name.casefold()] > 1 else name
            for file, name in zip(files, names, strict=True)
        ]
        if better == names:
            return names
        names = better


def read_names(path: Path, known: Collection[str] = ()) -> dict[str, str | None]:
    """The pictures that a list names, one a line, each once and in order; see `read_text`.

    Empty lines, and those that begin with "# ", are passed over. Suffixes of pictures are left
    out. The lists of VOC that mark every picture with 1, 0 or -1 name those not marked -1.

    Args:
        path: The list.
        known: Names that are taken as they are written, whatever else they look like.

    Returns:
        Every name, with what is wrong with it: one that leads out of the data set is called by its
        number, such as "entry-3", and costs its own picture.

    Raises:
        ImageError: The list cannot be read, or all its names lead out of the data set.
    """
    lines = (line.replace("\ufeff", "").strip() for line in _LINE_ENDS.split(read_text(path)))
    names = [line for line in lines if line and (line in known or not _COMMENT.match(line))]
    if not all(name in known for name in names):
        names = _unmarked(names)
    found: dict[str, str | None] = {}
    for position, name in enumerate(names):
        try:
            found[name if name in known else without_suffix(relative_name(name))] = None
        except ImageError as error:
            found[f"entry-{position}"] = f"'{path}': {error}"
    problems = [problem for problem in found.values() if problem is not None]
    if problems and len(problems) == len(found):
        raise ImageError(problems[0])
    return found


def _unmarked(lines: list[str]) -> list[str]:
    """The names of lines such as "2007_000033  1", if all are such; else the lines."""
    found = [_MARKED.fullmatch(line) for line in lines]
    marked = [match.groups() for match in found if match is not None]
    if len(marked) < len(lines):
        return lines
    return [name for name, mark in marked if mark != _ABSENT]
