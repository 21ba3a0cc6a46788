"""Where pictures lie: folders of this machine, of s3://, gs://, or anything else fsspec reads."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zeroseg.errors import ImageError, ZerosegError
from zeroseg.images import SUFFIXES, read_image
from zeroseg.scale.work import Work, printable
from zeroseg.writing import write_whole

READERS = 16
"""Pictures of one part that are read at the same time."""

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}

_ADVICE = {
    "s3": "credentials are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws, "
    "and AWS_ENDPOINT_URL names a server other than Amazon's",
    "gs": "credentials are taken from 'gcloud auth application-default login' or the file that "
    "GOOGLE_APPLICATION_CREDENTIALS names",
}


def file_system(url: str) -> tuple[Any, str]:
    """The file system that a path or URL belongs to, and its path there.

    Raises:
        ZerosegError: There is no such kind of place, or its package is not installed.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(url.partition(":")[0])
        hint = f": pip install {package}" if package else ""
        raise ZerosegError(f"cannot open '{url}': {error}{hint}") from error
    except (ValueError, OSError) as error:
        raise ZerosegError(f"cannot open '{url}': {error}") from error
    return fs, path.rstrip("/")


@contextmanager
def reaching(fs: Any, path: str) -> Iterator[None]:
    """Have what goes wrong with a place be an OSError that says what to do.

    Packages of object stores raise errors of many kinds, their own and those of what they use.
    """
    try:
        yield
    except Exception as error:
        advice = [_ADVICE[name] for name in _protocols(fs) if name in _ADVICE]
        if not advice and isinstance(error, OSError):
            raise
        reason = str(error) or type(error).__name__
        if advice and isinstance(error, FileNotFoundError):
            reason = f"there is no bucket '{path.partition('/')[0]}', or it is not to be seen"
        raise OSError("; ".join([reason, *advice])) from error


def fetch(fs: Any, path: str) -> bytes | None:
    """The content of a file; None if there is none.

    Raises:
        OSError: It cannot be read.
    """
    with reaching(fs, path):
        try:
            content: bytes = fs.cat_file(path)
        except FileNotFoundError:
            return None
    return content


def list_pictures(source: str, without: str | None = None) -> list[Work]:
    """The pictures of an archive, by name.

    Args:
        source: A folder, which is searched to its depths, a picture or a glob; on this machine or
            as a URL.
        without: A folder that may lie within, and is left out.

    Raises:
        ZerosegError: It cannot be listed, or there is no picture.
    """
    fs, path = file_system(source)
    try:
        with reaching(fs, path):
            if any(sign in path for sign in "*?["):
                found, root = fs.glob(path), _before_signs(path)
            else:
                found, root = fs.find(path), path
    except OSError as error:
        raise ZerosegError(f"cannot list '{source}': {error}") from error
    if found == [root]:
        root = root.rpartition("/")[0]
    other, theirs = file_system(without) if without else (None, "")
    skip = f"{theirs}/" if type(other) is type(fs) else None
    chosen = [
        file
        for file in sorted(found)
        if file.lower().endswith(SUFFIXES) and not (skip and file.startswith(skip))
    ]
    if not chosen:
        raise ZerosegError(f"no pictures found at '{source}' (looked for {', '.join(SUFFIXES)})")
    start = len(root) + 1 if root else 0
    return [Work(printable(file[start:].lstrip("/")), fs.unstrip_protocol(file)) for file in chosen]


def _before_signs(pattern: str) -> str:
    """The folder of a glob down to its first wildcard."""
    first = min(pattern.find(sign) for sign in "*?[" if sign in pattern)
    return pattern[:first].rpartition("/")[0]


def read_all(works: Sequence[Work]) -> list[Work]:
    """Fetch the encoded pictures; one that cannot be fetched has failed."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(_read, works))


def _read(work: Work) -> Work:
    if work.data is not None or work.failure is not None:
        return work
    try:
        data = fetch(*file_system(work.source))
    except (OSError, ZerosegError) as error:
        return work.failed("reading", f"the picture '{work.source}' cannot be read: {error}")
    if data is None:
        return work.failed("reading", f"there is no file '{work.source}'")
    return replace(work, data=data)


def decode(data: bytes, source: str) -> Tensor:
    """An encoded picture as (3, H, W) uint8; see `read_image`.

    Raises:
        ImageError: It is no picture, damaged, or too small.
    """
    if not data:
        raise ImageError(f"the file '{source}' is empty")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return read_image(picture)
    except UnidentifiedImageError as error:
        raise ImageError(f"the file '{source}' is not a picture that can be read") from error
    except ImageError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"the picture '{source}' cannot be read: {error}") from error


def look(work: Work) -> tuple[Work, Tensor | None]:
    """A picture and its pixels; one that cannot be decoded, or has failed before, has none."""
    if work.failure is not None:
        return work, None
    try:
        return work, decode(work.data or b"", work.source)
    except ImageError as error:
        return work.failed("reading", str(error)), None


class Folder:
    """A folder that results are written to, each file in one step.

    Args:
        url: A path, or a URL that fsspec can write to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = file_system(url)
        self._local = "file" in _protocols(self._fs)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, so that others see all of it or nothing.

        Raises:
            OSError: It cannot be written.
        """
        path = f"{self._root}/{name}"
        if not self._local:  # object stores show a file when it is complete
            with reaching(self._fs, path):
                self._fs.pipe_file(path, content)
            return
        write_whole(Path(path), content)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none.

        Raises:
            OSError: It cannot be read.
        """
        return fetch(self._fs, f"{self._root}/{name}")

    def list(self, below: str, ending: str) -> list[str]:
        """Names of the files below a subfolder, as `write` was given them.

        Raises:
            OSError: They cannot be listed.
        """
        with reaching(self._fs, self._root):
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{below}")
        return sorted(file[len(self._root) + 1 :] for file in found if file.endswith(ending))

    def remove(self, name: str) -> None:
        """Delete a file.

        Raises:
            OSError: It cannot be deleted.
        """
        with reaching(self._fs, self._root):
            self._fs.rm_file(f"{self._root}/{name}")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
