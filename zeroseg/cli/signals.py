"""What ends a command from outside."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Ended(KeyboardInterrupt):
    """A signal asks for the end."""


@contextmanager
def listening() -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM end what is done, in the same way.

    Each raises a KeyboardInterrupt, which libraries clean up after; what they make of it, such as
    an exit code of their own, does not matter, since the signal is kept. A second signal ends the
    process at once. A signal that the caller has ignored, as nohup does, stays so.

    Yields:
        A list that gets the signal.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in signals}
    owner = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
        if os.getpid() != owner:  # a process that reads pictures ahead, forked from this one
            signal.raise_signal(number)
        received.append(number)
        raise Ended

    def again(swallowed: sys.UnraisableHookArgs) -> None:
        if not isinstance(swallowed.exc_value, Ended):
            told(swallowed)
            return
        # It was raised within a destructor, out of which no error comes, nor out of this.
        signal.signal(received[-1], end)
        later = threading.Timer(0.05, _thread.interrupt_main, (received[-1],))
        later.daemon = True
        later.start()

    told, sys.unraisablehook = sys.unraisablehook, again
    for each, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(each, end)
    try:
        yield received
    finally:
        sys.unraisablehook = told
        for each, handler in before.items():
            signal.signal(each, handler)
