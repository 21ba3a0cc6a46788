"""Docstrings and signatures as this house writes them, where Sphinx would read them otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sphinx.application import Sphinx

_VALUES = {"attribute", "data", "property"}

_Listener = Callable[[Sphinx, str, str, object, Any, list[str]], None]


def keep_colons() -> tuple[_Listener, _Listener]:
    """Have napoleon take no words before a colon for a type, in what is said of a value.

    Returns:
        What is to be called before napoleon, and what behind it.
    """
    written: dict[str, list[str]] = {}

    def before(
        app: Sphinx, what: str, name: str, _: object, options: Any, lines: list[str]
    ) -> None:
        if what in _VALUES:
            written[name] = list(lines)

    def behind(
        app: Sphinx, what: str, name: str, _: object, options: Any, lines: list[str]
    ) -> None:
        if what in _VALUES:
            lines[:] = written.pop(name)

    return before, behind


def name_no_factory(
    app: Sphinx, what: str, name: str, value: object, options: Any, given: str | None, returned: Any
) -> tuple[str, Any] | None:
    """Write "..." for defaults of dataclasses that are made anew, which no parser understands."""
    return (given.replace("<factory>", "..."), returned) if given else None
