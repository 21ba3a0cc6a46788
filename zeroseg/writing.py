"""Files that are there whole or not at all, and folders that hold one run and have one writer."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zeroseg.errors import OutputError, ZerosegError

if TYPE_CHECKING:
    from PIL import Image

_PARTIAL = ".partial"
"""How the name of a file ends until it is whole."""


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file in one step, so that nobody ever sees a part of it; missing folders are made.

    Where it cannot be written, or a signal ends the process, nothing is left behind.

    Args:
        file: Where to.
        content: Text is written as UTF-8; a half of a surrogate pair, which names of files may
            hold, as an escape.

    Raises:
        OutputError: It cannot be written.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with _partial(file) as partial:
        partial.write_bytes(data)


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, in the same way; see `write_whole`.

    Raises:
        OutputError: It cannot be written.
    """
    with _partial(file) as partial, partial.open("wb") as stream:
        yield stream


@contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """What is written first, and has the file's name in the end."""
    partial = file.with_name(f"{file.name}.{os.getpid()}{_PARTIAL}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, file)
    except OSError as error:
        raise OutputError(f"cannot write '{file}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it has its name, or never came to be
            partial.unlink()


def write_picture(file: Path, picture: Image.Image) -> None:
    """Write a picture in one step; see `write_whole`.

    Args:
        file: Where to; .jpg is a JPEG, all else a PNG.
        picture: What is written.

    Raises:
        OutputError: It cannot be written.
    """
    encoded = io.BytesIO()
    if file.suffix == ".jpg":
        picture.save(encoded, "JPEG", quality=95)
    else:
        picture.save(encoded, "PNG")
    write_whole(file, encoded.getvalue())


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the one run that writes to a folder, which is made if it is not there.

    What a run that was killed left half written is removed. The lock is the system's own, and goes
    with its process, however that ends; where the system or the place has none, there is no lock.

    Raises:
        OutputError: Another run writes there, or nobody can.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if sys.platform != "win32":
                _lock(folder, held)
            for left in folder.rglob(f"*{_PARTIAL}"):
                left.unlink(missing_ok=True)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"cannot write to the folder '{folder}': {error.strerror}") from error
        yield


def _lock(folder: Path, held: ExitStack) -> None:
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    held.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another run writes to '{folder}'; wait for its end, or choose another folder"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            raise


def read_run(place: object, content: bytes) -> dict[str, Any]:
    """What a folder's `run.json` says of its run.

    Args:
        place: The folder, for the message.
        content: Of the file.

    Raises:
        ZerosegError: The file is damaged.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ZerosegError(
            f"the run.json of '{place}' is damaged: nothing tells which run its results are of; "
            f"choose another folder, or delete it"
        )
    return found


def check_same_run(place: object, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a folder that holds another run.

    Args:
        place: The folder, for the message.
        found: What the folder says of its run.
        wanted: What is to be run; both as JSON gives them back.

    Raises:
        ZerosegError: They differ; the message says in what.
    """
    changed = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    if changed:
        raise ZerosegError(
            f"'{place}' holds another run (it differs in {', '.join(changed)}); choose another "
            f"folder, or delete it"
        )


def check_no_run(place: object, results: bool) -> None:
    """Refuse a folder without a `run.json` that holds results all the same.

    Raises:
        ZerosegError: It does.
    """
    if results:
        raise ZerosegError(
            f"'{place}' holds results, but no run.json that tells which run they are of; choose "
            f"another folder, or delete it"
        )
