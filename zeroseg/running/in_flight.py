"""Batches in flight: while answers are awaited, the device works on the batches after."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

import torch

from zeroseg.running.item import Item
from zeroseg.running.precision import Autocast

Batch = TypeVar("Batch")


class Job:
    """One batch on its way: done as far as it goes without waiting.

    Args:
        items: The images.
        steps: Works on them; yields what has to end before it can go on.

    Attributes:
        waited: Seconds that `finish` was blocked by what is done elsewhere.
    """

    def __init__(self, items: Sequence[Item], steps: Iterator[Future[None]]) -> None:
        self.items = items
        self._steps = steps
        self._pending: Future[None] | None = None
        self._failed: Exception | None = None
        self._casting = Autocast()
        self.waited = 0.0
        self._go_on()

    @property
    def done(self) -> bool:
        """Whether `finish` would not wait."""
        return self._pending is None

    def advance(self) -> None:
        """Go on as far as work has ended that was awaited."""
        while self._pending is not None and self._pending.done():
            self._take(self._pending)

    def finish(self) -> Sequence[Item]:
        """Wait for everything, and go to the end.

        Returns:
            The items, each with what was wanted or with what it failed with.

        Raises:
            Exception: What concerns all images alike.
        """
        while self._pending is not None:
            start = time.perf_counter()
            wait([self._pending])
            self.waited += time.perf_counter() - start
            self._take(self._pending)
        if self._failed is not None:
            raise self._failed
        return self.items

    def _take(self, ended: Future[None]) -> None:
        self._pending = None
        error = ended.exception()
        if error is None:
            self._go_on()
        elif isinstance(error, Exception):
            self._failed = error
        else:
            raise error

    def _go_on(self) -> None:
        try:
            with torch.inference_mode(), self._casting.on():
                self._pending = next(self._steps, None)
        except Exception as error:  # kept for `finish`, where it belongs to its batch
            self._failed = error


def in_flight(
    batches: Iterable[Batch], begin: Callable[[Batch], Job], depth: int
) -> Iterator[tuple[Batch, Job]]:
    """Begin batches before those in front of them are finished.

    Args:
        batches: Taken one by one, never more than `depth` ahead of what is given out.
        begin: Starts a batch.
        depth: Batches in flight; 1 begins each when the one before is finished.

    Yields:
        Each batch and its job, in order. The job may still have to wait.
    """
    flying: deque[tuple[Batch, Job]] = deque()
    for batch in batches:
        flying.append((batch, begin(batch)))
        for _, job in flying:
            job.advance()
        if len(flying) >= depth:
            yield flying.popleft()
    while flying:
        yield flying.popleft()
        for _, job in flying:
            job.advance()
