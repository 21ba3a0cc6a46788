"""Files that others name: opened, unless they are folders or pipes, and known when they change."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

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
