"""The values of files that zeroseg writes and reads back, each of one kind or refused.

All take where a value stands, for the message, and raise a ValueError for what is something else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from zeroseg.class_lists.values import shown


def mapping(value: object, keys: Sequence[str], where: str) -> dict[str, Any]:
    """A mapping of these keys and no others."""
    if not isinstance(value, dict) or set(value) != set(keys):
        held = list(value) if isinstance(value, dict) else value
        raise ValueError(f"{where}: {shown(held)}, expected a mapping of {', '.join(keys)}")
    return value


def text(value: object, where: str) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {shown(value)} is not text")
    return value


def texts(value: object, where: str) -> tuple[str, ...]:
    """A list of such texts, at least one."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where}: {shown(value)} is not a list of texts")
    return tuple(text(item, where) for item in value)


def number(value: object, where: str) -> float:
    """A finite number."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(f"{where}: {shown(value)} is not a number")
    return float(value)  # type: ignore[arg-type]


def count(value: object, where: str) -> int:
    """A whole number from 0 up."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{where}: {shown(value)} is not a whole number from 0 up")
    return value
