"""Files that others name: below their folder, neither pipe nor device, known when they change."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from zeroseg.errors import ImageError

_DRIVE = re.compile(r"[A-Za-z]:(?!:)")

_LONGEST = 230
"""Bytes of a file name, less what results add to it."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds, by which a file is known.

The time is that of the content or of the file's place, whichever is later: a copy may keep the
time of what it was copied from, and `mv` moves it along.
"""


def stamp(path: str | os.PathLike[str]) -> Stamp | None:
    """The stamp of a file; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, max(found.st_mtime_ns, found.st_ctime_ns)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file that can be read to its end.

    Raises:
        OSError: There is none, or it is something else; `strerror` says which.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise FileNotFoundError(0, "there is no such file", path) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder", path)
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is no regular file, but a pipe, socket or device", path)
    return open(path, "rb")


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


def inside(path: Path, *folders: Path) -> Path:
    """A file to be read, if it lies in one of these folders when all links are followed.

    Folders that are links themselves are the user's own order and no way out.

    Raises:
        ImageError: It lies elsewhere.
    """
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        raise ImageError(
            f"'{path}' is a link that leads out of its folder; put what it leads to in its place"
        )
    return path


def below(folder: str | Path, name: str) -> Path:
    """The path of a name below a folder, links not followed: where its result is written.

    Raises:
        ImageError: It leads out of the folder.
    """
    path = os.path.abspath(os.path.join(folder, name))
    if not Path(path).is_relative_to(os.path.abspath(folder)) or "\0" in name:
        raise ImageError(f"the name '{name}' leads out of the folder '{folder}'")
    return Path(folder, name)
