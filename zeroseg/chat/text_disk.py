"""How a cache of answers reads its database; apart, since only such a cache needs diskcache."""

from __future__ import annotations

import sqlite3
from typing import Any

from diskcache import Disk  # type: ignore[import-untyped]

_RAW = 1
"""How the database marks a value that it holds as it is."""


class TextDisk(Disk):
    """Reads nothing but text out of the database: no pickles, no other files."""

    def get(self, key: Any, raw: Any) -> str:
        """A key as it is stored."""
        return self._text(key if raw else None)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        """A value as it is stored."""
        return self._text(value if mode == _RAW and filename is None else None)

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise sqlite3.DatabaseError("it holds something else than text")
        return value
