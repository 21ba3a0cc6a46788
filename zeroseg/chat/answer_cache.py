"""Answers of language models, kept on disk from run to run."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from zeroseg.chat.lock import Lock

if TYPE_CHECKING:
    from diskcache import Cache  # type: ignore[import-untyped]

VARIABLE = "ZEROSEG_CACHE"
"""Environment variable that names the folder."""

SMALLEST = 2**16
"""Bytes that an empty file with its tables takes, and room for a few answers."""

_OTHER_TROUBLE = re.compile("locked|locking|full|readonly|unable to open|permission|out of memory")
"""What SQLite says about a file that is not at fault."""
_PATIENCE = 5.0
"""Seconds to wait for another process that writes, before nothing is kept any more."""

Result = TypeVar("Result")


class AnswerCache(MutableMapping[str, str]):
    """Texts by key in an SQLite file, shared by threads and processes.

    What was not used for longest goes when the file is full. Only text is ever written or read:
    anything else that a file holds counts as damage. A damaged file is set aside, with a warning,
    and a fresh one started; where none can be had, or another process locks it for seconds, a
    warning says so and nothing is kept. Neither is ever an error: a cache may forget. Every
    text has a checksum before it: one that is not as it was written counts as missing.

    Args:
        folder: Where the file lies, in a folder `answers` of its own, which only this user can
            read. By default the environment variable ZEROSEG_CACHE, else `zeroseg` in
            XDG_CACHE_HOME or `~/.cache`.
        size_limit: Bytes that the file may take, about.

    Raises:
        ValueError: `size_limit` is too small for any answer.
    """

    def __init__(self, folder: str | Path | None = None, size_limit: int = 2**30) -> None:
        if size_limit < SMALLEST:
            raise ValueError(f"size_limit is {size_limit}, but must be at least {SMALLEST} bytes")
        self.folder = Path(folder).expanduser() if folder is not None else default_folder()
        self.size_limit = size_limit
        self._lock = Lock()
        self._file: int | None = None
        self._store: Any = self._open()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.size_limit)

    def __getitem__(self, key: str) -> str:
        seal, _, text = str(self._try(lambda store: store.get(key), None)).partition(" ")
        if seal != _seal(key, text):
            raise KeyError(key)
        return text

    def __setitem__(self, key: str, text: str) -> None:
        if not isinstance(key, str) or not isinstance(text, str):
            raise TypeError(f"only text is kept, not {key!r}: {type(text).__name__}")
        self._try(lambda store: store.set(key, f"{_seal(key, text)} {text}"), False)

    def __delitem__(self, key: str) -> None:
        if not self._try(lambda store: store.delete(key), False):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._try(lambda store: list(store), []))

    def __len__(self) -> int:
        return self._try(len, 0)

    def _try(self, operation: Callable[[Cache], Result], otherwise: Result) -> Result:
        """An operation, once more after mending what was wrong; else `otherwise`."""
        from diskcache import Timeout

        for attempt in range(2):
            store = self._store
            if store is None:
                break
            try:
                return operation(store)
            except UnicodeError:  # this can be no text
                break
            except Timeout as error:  # another process writes, and does not end
                self._mend(store, error, give_up=True)
            except Exception as error:  # of packages that read what may be damaged: all their kinds
                self._mend(store, error, give_up=attempt > 0)
        return otherwise

    def _mend(self, broken: Any, error: Exception, give_up: bool) -> None:
        """Open the store anew, or do without; unless another thread has done so."""
        with self._lock:
            if self._store is not broken:
                return
            broken.close()
            if give_up:
                self._warn(error)
            self._store = None if give_up else self._open(error)

    def _open(self, problem: Exception | None = None) -> Cache | None:
        """The store, or a fresh one in place of a damaged one; None where none can be had.

        Args:
            problem: What was wrong with the store that was open until now.
        """
        from diskcache import Timeout

        try:
            if problem is not None and _is_damage(problem):
                self._set_aside(self._file, problem)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            before = self._identify()
            try:
                store = self._connect()
            except Exception as error:  # as above
                if not _is_damage(error):
                    raise
                self._set_aside(before, error)
                store = self._connect()
            self._file = self._identify()
        except (OSError, sqlite3.Error, Timeout) as error:
            self._warn(error)
            return None
        return store

    def _warn(self, error: Exception) -> None:
        """Say that there is no store, and why."""
        message = f"answers of language models are not kept: cannot use '{self._folder}': {error}"
        warnings.warn(message, stacklevel=2)

    def _connect(self) -> Cache:
        from diskcache import Cache

        from zeroseg.chat.text_disk import TextDisk

        self._require_unlocked()
        return Cache(
            str(self._folder),
            timeout=_PATIENCE,
            disk=TextDisk,
            size_limit=self.size_limit,
            eviction_policy="least-recently-used",
            # A mapped file that somebody else cuts off would end the process.
            sqlite_mmap_size=0,
            # All text lies in the database itself: a damaged file is then one folder to rename.
            disk_min_file_size=2**31 - 1,
        )

    def _require_unlocked(self) -> None:
        """Wait for another process that writes; diskcache would for a minute.

        Raises:
            sqlite3.Error: It does not end, or the file is damaged.
        """
        file = self._folder / "cache.db"
        if file.is_file():
            with closing(sqlite3.connect(file, timeout=_PATIENCE)) as probe:
                probe.execute("BEGIN IMMEDIATE")

    @property
    def _folder(self) -> Path:
        return self.folder / "answers"

    def _identify(self) -> int | None:
        """Tells the present file from one that was there before; None where there is none."""
        try:
            return (self._folder / "cache.db").stat().st_ino
        except FileNotFoundError:
            return None

    def _set_aside(self, damaged: int | None, error: Exception) -> None:
        """Rename the folder, unless another process has replaced it already.

        Raises:
            OSError: It cannot be renamed.
        """
        if damaged is None or self._identify() != damaged:
            return
        aside = self._folder.with_name(f"answers.damaged-{uuid4().hex[:8]}")
        self._folder.rename(aside)
        warnings.warn(
            f"the cache of answers was damaged ({error}) and is now '{aside}'; a fresh one begins",
            stacklevel=2,
        )


def default_folder() -> Path:
    """ZEROSEG_CACHE, else `zeroseg` in XDG_CACHE_HOME, else `~/.cache/zeroseg`."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "zeroseg"


def _seal(key: str, text: str) -> str:
    """Tells a text that was written for a key from one in which a bit has changed since."""
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()[:16]


def _is_damage(error: Exception) -> bool:
    """Whether a file is damaged, rather than locked, full or out of reach.

    SQLite reports a file that was cut off as an error of the disk; Python 3.10 does not tell codes.
    What else is read out of a damaged one may have any type, and break whatever is done with it.
    """
    from diskcache import Timeout

    return not isinstance(error, OSError | Timeout) and not _OTHER_TROUBLE.search(str(error))
