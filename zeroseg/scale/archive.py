"""Where pictures lie: folders of this machine, of s3://, gs://, or anything else fsspec reads."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem
from torch import Tensor

from zeroseg.errors import ImageError, OutputError, ZerosegError
from zeroseg.find_images import (
    Found,
    choose,
    depth_of,
    is_url,
    nothing_found,
    search,
    shown,
    split_pattern,
)
from zeroseg.images import read_file, read_image
from zeroseg.regular_file import below, relative_name, stamp
from zeroseg.scale.work import Work, printable
from zeroseg.server_address import guard_logs, without_passwords
from zeroseg.writing import alone_in, whole_file, write_whole

READERS = 16
"""Pictures of one part that are read at the same time."""

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}

_FILE = "file://"

_ADVICE = {
    "s3": "credentials are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws, "
    "and AWS_ENDPOINT_URL names a server other than Amazon's",
    "gs": "credentials are taken from 'gcloud auth application-default login' or the file that "
    "GOOGLE_APPLICATION_CREDENTIALS names",
}


def file_system(url: str) -> tuple[Any, str]:
    """The file system that a path or URL belongs to, and its path there.

    What has no protocol is a path, and `::` is a part of names unless protocols stand on both sides
    of it, as in "zip://*.png::s3://archive/photos.zip".

    Raises:
        ZerosegError: There is no such kind of place, or its package is not installed.
    """
    local = _local(url)
    if local is not None:
        return LocalFileSystem(), os.path.abspath(local)
    guard_logs()
    _refuse_login(url)
    try:
        if all(map(is_url, url.split("::")[1:])):
            fs, path = fsspec.core.url_to_fs(url)
        else:
            kind = fsspec.get_filesystem_class(url.partition("://")[0])
            fs, path = kind(**kind._get_kwargs_from_urls(url)), kind._strip_protocol(url)
    except ImportError as error:
        package = _PACKAGES.get(url.partition(":")[0])
        hint = f": pip install {package}" if package else ""
        said = without_passwords(f"{error}{hint}")
        raise ZerosegError(f"cannot open '{shown(url)}': {said}") from None
    except Exception as error:  # packages of object stores raise errors of many kinds
        said = without_passwords(str(error))
        raise ZerosegError(f"cannot open '{shown(url)}': {said}") from None
    return fs, path.rstrip("/")


def _refuse_login(url: str) -> None:
    """Refuse keys in the address of an object store, which takes them for a part of its name."""
    scheme, _, rest = url.rpartition("::")[2].partition("://")
    if scheme in _PACKAGES and without_passwords(url) != url and "@" in rest:
        raise ZerosegError(
            f"'{shown(url)}' was given with a key in it, which is none of a store's name; "
            f"{_ADVICE[scheme.replace('s3a', 's3').replace('gcs', 'gs')]}"
        )


def _local(url: str) -> str | None:
    """The path that a path or URL means on this machine, if it means one."""
    if url.startswith(_FILE):
        return url.removeprefix(_FILE)
    if is_url(url):
        return None
    return url if os.path.lexists(url) else os.path.expanduser(url)


@contextmanager
def reaching(fs: Any, path: str) -> Iterator[None]:
    """Have what goes wrong with a place be an OSError that says what to do.

    Packages of object stores raise errors of many kinds, their own and those of what they use.
    """
    try:
        yield
    except Exception as error:  # of many kinds, as above
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


@dataclass(frozen=True)
class Listing:
    """The pictures of an archive.

    Attributes:
        works: One for each, by name.
        notes: Sentences about what was left out.
    """

    works: list[Work]
    notes: tuple[str, ...] = ()


def list_pictures(source: str, without: str | None = None) -> Listing:
    """The pictures of an archive, by name; see `zeroseg.find_images.search` for what belongs.

    Args:
        source: A folder, which is searched to its depths, a picture or a pattern; on this machine
            or as a URL.
        without: A folder that may lie within, and is left out.

    Raises:
        ZerosegError: It cannot be listed, or there is no picture.
    """
    fs, path = file_system(source)
    local = _local(source)
    if local is not None:
        found = search(local)
        found = replace(found, root=os.path.abspath(found.root))
        stamps: dict[str, str] = {}
    else:
        found, stamps = _search_store(fs, path, source)
    other, theirs = file_system(without) if without else (None, "")
    skip = f"{theirs}/" if type(other) is type(fs) else None
    root = f"{found.root.rstrip('/')}/" if found.root.strip("/") else found.root
    works = [
        replace(
            _work(fs, root, name, source if local is None else None),
            stamp=stamps.get(name, "") if local is None else _local_stamp(root + name),
        )
        for name in found.names
        if not (skip and (root + name).startswith(skip))
    ]
    if not works:
        raise nothing_found(source, found.notes)
    return Listing(works, found.notes)


def _local_stamp(path: str) -> str:
    found = stamp(path)
    return "" if found is None else " ".join(map(str, found))


_TIMES = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "created", "CRC")
"""Where packages of stores say which content a file has, or since when."""


def _store_stamp(told: Mapping[str, Any]) -> str:
    time = next((told[key] for key in _TIMES if told.get(key)), None)
    return "" if time is None else f"{told.get('size')} {time}"


def _work(fs: Any, root: str, name: str, store: str | None) -> Work:
    """One picture; of a store, whose names are anybody's, a name that leads out has failed."""
    source = fs.unstrip_protocol(root + name)
    called = without_passwords(source).endswith(name)  # a token may stand in a name
    work = Work(printable(name if called else name.partition("?")[0]), source)
    if store is None:
        return work
    try:
        relative_name(name)
    except ImageError as error:
        return work.failed("reading", str(error))
    if is_url(name):
        return work.failed("reading", f"the name '{shown(name)}' is that of another place")
    around = store.partition("::")[2]
    return replace(work, source=f"{work.source}::{around}") if is_url(around) else work


def _search_store(fs: Any, path: str, source: str) -> tuple[Found, dict[str, str]]:
    """The same as `search`, in a place that is not of this machine; and the files' stamps by name.

    Raises:
        ZerosegError: It cannot be listed.
    """
    try:
        with reaching(fs, path):
            root, pattern = split_pattern(path, fs.exists)
            told = fs.find(root, maxdepth=depth_of(pattern), detail=True)
    except OSError as error:
        said = without_passwords(str(error))
        raise ZerosegError(f"cannot list '{shown(source)}': {said}") from None
    if list(told) == [root]:
        folder, _, name = root.rpartition("/")
        return Found(folder, (name,)), {name: _store_stamp(told[root])}
    start = f"{root}/" if root else fs.root_marker
    stamps = {file.removeprefix(start): _store_stamp(own) for file, own in told.items()}
    return Found(root, *choose(stamps, source, pattern)), stamps


def read_all(works: Sequence[Work]) -> list[Work]:
    """Fetch the encoded pictures; one that cannot be fetched has failed."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(_read, works))


def _read(work: Work) -> Work:
    if work.data is not None or work.failure is not None:
        return work
    try:
        data = content_of(work.source)
    except ImageError as error:
        return work.failed("reading", str(error))
    except Exception as error:  # the one boundary: whatever one picture's store raises is its own
        return work.failed("reading", f"the file '{shown(work.source)}' cannot be read: {error}")
    return replace(work, data=data, digest=hashlib.sha256(data).hexdigest()[:16])


def content_of(source: str) -> bytes:
    """The content of a picture's file, on this machine or in a store.

    Raises:
        ImageError: There is none.
        OSError: It cannot be read.
    """
    local = _local(source)
    if local is not None:
        return read_file(local)
    data = fetch(*file_system(source))
    if data is None:
        raise ImageError(f"there is no file '{shown(source)}'")
    return data


def look(work: Work) -> tuple[Work, Tensor | None]:
    """A picture and its pixels; one that cannot be decoded, or has failed before, has none."""
    if work.failure is not None:
        return work, None
    try:
        return work, read_image(b"" if work.data is None else work.data)
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
            ImageError: The name leads out of the folder.
        """
        below(self._root if self._local else "/", name)
        path = f"{self._root}/{name}"
        if not self._local:  # object stores show a file when it is complete
            with reaching(self._fs, path):
                self._fs.pipe_file(path, content)
            return
        write_whole(Path(path), content)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file to write piece by piece, which others see when it is whole.

        Raises:
            OSError: It cannot be written.
        """
        path = f"{self._root}/{name}"
        if self._local:
            with whole_file(Path(path)) as stream:
                yield stream
            return
        with tempfile.TemporaryFile() as kept:
            yield kept
            kept.seek(0)
            with reaching(self._fs, path), self._fs.open(path, "wb") as remote:
                shutil.copyfileobj(kept, remote)

    def local_path(self, name: str) -> str | None:
        """The path of a file on this machine; None where the folder is not here."""
        return f"{self._root}/{name}" if self._local else None

    def require(self) -> None:
        """Look whether it is still there, if it is on this machine.

        Raises:
            OutputError: It is gone.
        """
        if self._local and not os.path.isdir(self._root):
            raise OutputError(f"cannot write to the folder '{self.url}': it is gone")

    def alone(self) -> AbstractContextManager[None]:
        """Be the one run that writes to it, where that can be known: on this machine.

        Raises:
            OutputError: Another run does, or nobody can.
        """
        return alone_in(Path(self._root)) if self._local else nullcontext()

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
