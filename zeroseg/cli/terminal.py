"""The terminal: what is printed of names and words of others moves no cursor and hides nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from zeroseg.decoding import visible

_BAR = re.compile(r"\r|(?:\x1b\[A)+$")
"""What progress bars of other packages begin to write with, or write to go up by a line."""


@contextmanager
def guarded() -> Iterator[None]:
    """Have whatever is printed meanwhile be without control characters."""
    before = sys.stdout, sys.stderr
    guards: Any = tuple(map(_Guarded, before))
    sys.stdout, sys.stderr = guards
    try:
        yield
    finally:
        for stream, guard, name in zip(before, guards, ("stdout", "stderr"), strict=True):
            if getattr(sys, name) is guard:
                setattr(sys, name, stream)


class _Guarded:
    """A stream that shows control characters as escapes; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text; the start of a progress bar stays as it is."""
        bar = _BAR.match(text)
        start = bar[0] if bar else ""
        self.stream.write(start + visible(text[len(start) :]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def unguarded(stream: Any) -> TextIO:
    """The stream itself: for what makes its texts visible and has colours of its own."""
    found: TextIO = stream.stream if isinstance(stream, _Guarded) else stream
    return found
