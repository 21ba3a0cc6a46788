"""A watch over what a block does outside its place, by Python's audit events."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHANGES = {
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.truncate": 1,
    "os.chmod": 1,
    "shutil.copyfile": 2,
    "shutil.rmtree": 1,
}
"""Events that change files, and how many of their first arguments are paths."""
_NEVER = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watching: list[tuple[tuple[str, ...], list[str]]] = []
_installed: list[bool] = []


@contextmanager
def confined(*places: Path) -> Iterator[list[str]]:
    """Note what is written outside of some folders, which programs are run and who is called.

    Within the block temporary files go to the first folder, and no bytecode is written.

    Args:
        places: The folders.

    Yields:
        What was seen, a line each; it grows while the block runs.
    """
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    allowed = (*map(str, places), "/dev/null", "/dev/shm")
    seen: list[str] = []
    before = tempfile.tempdir, sys.dont_write_bytecode
    tempfile.tempdir, sys.dont_write_bytecode = str(places[0]), True
    _watching.append((tuple(os.path.realpath(place) for place in allowed), seen))
    try:
        yield seen
    finally:
        _watching.pop()
        tempfile.tempdir, sys.dont_write_bytecode = before


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    allowed, seen = _watching[-1]
    if event in _NEVER:
        seen.append(f"{event} {arguments[:2]!r:.120}")
    elif event == "open":
        path, mode, flags = arguments
        writes = any(c in mode for c in "wax+") if isinstance(mode, str) else flags & _WRITING
        if writes and not _inside(path, allowed):
            seen.append(f"open {path!r} to write")
    elif event in _CHANGES:
        for path in arguments[: _CHANGES[event]]:
            if not _inside(path, allowed):
                seen.append(f"{event} {path!r}")


def _inside(path: Any, allowed: tuple[str, ...]) -> bool:
    if isinstance(path, int):  # an open file
        return True
    real = os.path.realpath(os.fsdecode(path))
    return any(real == place or real.startswith(place + os.sep) for place in allowed)
