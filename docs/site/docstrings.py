"""Docstrings and signatures of this house, where Sphinx would show them otherwise."""

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


def mark_code(
    app: Sphinx, what: str, name: str, value: object, options: Any, lines: list[str]
) -> None:
    """Have an indented block behind a colon and an empty line be code, as in Markdown."""
    for number, (line, gap, block) in enumerate(zip(lines, lines[1:], lines[2:], strict=False)):
        if line.endswith(":") and not gap and block.startswith(line[: _margin(line)] + "    "):
            lines[number] = line + ":"


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def plain_signature(
    app: Sphinx, what: str, name: str, value: object, options: Any, given: str | None, returned: Any
) -> tuple[str, Any] | None:
    """Write "..." for defaults that are made anew, and nothing where a constructor is torch's."""
    if given is None or given == "(*args: Any, **kwargs: Any)":
        return ("()", returned) if given else None
    return given.replace("<factory>", "..."), returned
