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

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#(\s|$)")
_MARKED = re.compile(r"(\S+)\s+(-1|0|1)")
_DRIVE = re.compile(r"[A-Za-z]:(?!:)")

_ABSENT = "-1"
"""The mark of a picture without the class that a list of VOC is about."""

_LONGEST = 230
"""Bytes of a file name, less what results add to it."""


def relative_name(text: str) -> str:
    """A path below the folder of a data set, with slashes and without "./".

    Raises:
        ImageError: The path is empty, leads out of the folder, or is no path of any file.
    """
    path = text.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts:
        raise ImageError(
            f"the name '{text}' leads out of the data set; write names as paths below its folder"
        )
    try:
        longest = max((len(os.fsencode(part)) for part in parts), default=0)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold and no file is called
        longest = 0
    if not longest or "\0" in path or longest > _LONGEST:
        raise ImageError(f"{text[:80]!r} is no name of a picture")
    return "/".join(parts)


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


def read_names(path: Path, known: Collection[str] = ()) -> list[str]:
    """The pictures that a list names, one a line, each once and in order; see `read_text`.

    Empty lines, and those that begin with "# ", are passed over. Suffixes of pictures are left
    out. The lists of VOC that mark every picture with 1, 0 or -1 name those not marked -1.

    Args:
        path: The list.
        known: Names that are taken as they are written, whatever else they look like.

    Raises:
        ImageError: The list cannot be read, or a name leads out of the data set.
    """
    lines = (line.replace("\ufeff", "").strip() for line in _LINE_ENDS.split(read_text(path)))
    names = [line for line in lines if line and (line in known or not _COMMENT.match(line))]
    if not all(name in known for name in names):
        names = _unmarked(names)
    try:
        plain = [n if n in known else without_suffix(relative_name(n)) for n in names]
    except ImageError as error:
        raise ImageError(f"'{path}': {error}") from error
    return list(dict.fromkeys(plain))


def _unmarked(lines: list[str]) -> list[str]:
    """The names of lines such as "2007_000033  1", if all are such; else the lines."""
    found = [_MARKED.fullmatch(line) for line in lines]
    marked = [match.groups() for match in found if match is not None]
    if len(marked) < len(lines):
        return lines
    return [name for name, mark in marked if mark != _ABSENT]
