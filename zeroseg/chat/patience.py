"""How often a server is asked at a time, and how long it is left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zeroseg.chat.lock import Lock

LONGEST_WAIT = 60.0
"""Seconds to wait before a retry at most, whatever the server asks for."""


class Patience:
    """A limit on concurrent requests, and pauses, over all threads.

    Args:
        concurrency: Requests under way at the same time.
        backoff: Seconds before a first repetition; doubled for each further one.
    """

    def __init__(self, concurrency: int, backoff: float) -> None:
        self.concurrency = concurrency
        self.backoff = backoff
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = Lock()
        self._resume = 0.0  # on the monotonic clock: when the server wants to be asked again

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.concurrency, self.backoff)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One request, as soon as there may be one."""
        with self._slots:
            self._pause_with_all()
            yield

    def pause(self, attempt: int = 0, retry_after: float | None = None) -> None:
        """Wait after a failed attempt; or have all threads wait as long as the server asks."""
        if retry_after is None:
            time.sleep(min(self.backoff * 2**attempt, LONGEST_WAIT))
        else:
            until = time.monotonic() + min(max(0.0, retry_after), LONGEST_WAIT)
            with self._lock:
                self._resume = max(self._resume, until)

    def _pause_with_all(self) -> None:
        """Wait as long as the server asked any thread to; again if it asks for more meanwhile."""
        waited = None
        while (until := self._resume) != waited and (left := until - time.monotonic()) > 0:
            time.sleep(left)
            waited = until
