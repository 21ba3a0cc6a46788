"""Where a command's words go: lines of JSON to programs, tables and notes to people."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroseg.cli.report import Terminal
    from zeroseg.values import Failure


class Outlet:
    """What `--json` and `--quiet` mean, for all commands alike.

    Commands print for people, on standard output. With `--json` that goes to standard error, and
    standard output has nothing but lines of JSON; with `--quiet` it goes nowhere, nor do notes,
    warnings and bars. Failures and errors are always told.

    Args:
        as_json: Whether programs read along.
        quiet: Whether nobody does.

    Attributes:
        done: Pictures that were told to be done.
    """

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self.quiet = quiet
        self.done = 0
        self._lines = sys.stdout if as_json else None
        self._errors = sys.stderr

    @contextmanager
    def open(self) -> Iterator[None]:
        """Send what is printed meanwhile, by whatever, where it belongs."""
        with ExitStack() as stack:
            if self.quiet:
                stack.enter_context(redirect_stdout(_Nowhere()))
                stack.enter_context(redirect_stderr(_Nowhere()))
            elif self._lines is not None:
                stack.enter_context(redirect_stdout(self._errors))
            yield

    @property
    def errors(self) -> Terminal:
        """A console for what is told even to nobody."""
        from zeroseg.cli.report import Terminal

        return Terminal(stderr=True, stream=self._errors if self.quiet else None)

    def failed(self, words: str) -> None:
        """Tell of a failure."""
        from zeroseg.cli.report import say

        say(self.errors, f"failed: {words}", "red")

    def picture(self, name: str, failure: Failure | None = None, **more: Any) -> None:
        """Tell programs what came of a picture; people are told by the command.

        Args:
            name: Of the picture.
            failure: What went wrong, if it failed.
            more: What came of it; ready for JSON.
        """
        self.done += failure is None
        state: dict[str, Any] = {"status": "ok"}
        if failure is not None:
            state = {"status": "failed", "stage": failure.stage, "error": failure.message}
        self.line(picture=name, **state, **more)

    def line(self, **fields: Any) -> None:
        """Tell programs something; a number that is none is null."""
        if self._lines is not None:
            shown = {name: None if _is_none(value) else value for name, value in fields.items()}
            print(json.dumps(shown), file=self._lines, flush=True)


def _is_none(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


class _Nowhere(io.TextIOBase):
    """Takes all that is written; never closed, as loggers hold on to it."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)
