"""JSON from outside as text that can be written down again."""

from __future__ import annotations

import json
from typing import Any


def loads(content: str | bytes) -> Any:
    r"""The value of a JSON text, halves of surrogate pairs in its strings replaced by "?".

    Escapes such as "\ud800" are JSON, but the string that they make is no text: no file and no
    terminal takes it.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deep.
    """
    value = json.loads(content)
    marks = ("\\ud", "\\uD") if isinstance(content, str) else (b"\\ud", b"\\uD")
    return _clean(value) if any(mark in content for mark in marks) else value  # type: ignore[operator]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(own) for own in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(own) for name, own in value.items()}
    return value
