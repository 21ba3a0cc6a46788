"""Opening files that others name: no folder, and no pipe that someone has to fill."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO


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
