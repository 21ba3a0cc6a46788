"""Batches in flight: while answers are awaited, the device works on the batches after."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import torch

from zeroseg.errors import ChatError

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")
Results = TypeVar("Results")


class Autocast:
    """The mixed precision that is on where this is made, to be put on again elsewhere.

    It is a matter of a thread and a place, and a batch in flight leaves both.
    """

    def __init__(self) -> None:
        self._types = {
            kind: torch.get_autocast_dtype(kind)
            for kind in ("cuda", "xpu", "mps", "cpu")
            if torch.is_autocast_enabled(kind)
        }

    @contextmanager
    def on(self) -> Iterator[None]:
        """The same mixed precision for the body."""
        with ExitStack() as stack:
            for kind, dtype in self._types.items():
                stack.enter_context(torch.autocast(kind, dtype))
            yield


@dataclass(frozen=True)
class Awaited(Generic[Answer]):
    """What a walk needs to go on.

    Attributes:
        future: The answer, or what went wrong.
        elsewhere: Whether it is made on another machine, not by this one's device.
    """

    future: Future[Answer]
    elsewhere: bool = False


Steps = Generator[Awaited[Any], Any, Results]
"""A walk that hands out what it waits for, and is sent the answer when it is there."""

THREADS = 32
"""Calls that can wait at the same time, over all segmenters of the process."""


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="zeroseg-waiting")


@cache
def _second() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="zeroseg-second")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process
    os.register_at_fork(after_in_child=_threads.cache_clear)
    os.register_at_fork(after_in_child=_second.cache_clear)


def beside(call: Callable[[], Answer]) -> Awaited[Answer]:
    """Have a call made in the one thread that computes beside the caller's.

    Calls are made one after the other, so that what only they use is never used twice at once.
    """
    casting = Autocast()

    def inferring() -> Answer:
        with torch.inference_mode(), casting.on():
            return call()

    return Awaited(_second().submit(inferring))


def later(call: Callable[[], Answer]) -> Awaited[Answer]:
    """Have a call made in a thread of its own, since it spends its time waiting."""
    return Awaited(_threads().submit(call), elsewhere=True)


def at_once(call: Callable[[], Answer]) -> Awaited[Answer]:
    """Make a call now, in this thread."""
    done: Future[Answer] = Future()
    done.set_result(call())
    return Awaited(done)


def run(steps: Steps[Results]) -> Results:
    """Walk to the end, waiting wherever the walk waits."""
    answer: Any = None
    while True:
        try:
            waiting = steps.send(answer)
        except StopIteration as stop:
            results: Results = stop.value
            return results
        answer = waiting.future.result()


class Job(Generic[Results]):
    """One batch on its way: done as far as it goes without waiting.

    Args:
        steps: The walk; it runs to where it first waits.
        otherwise: What to do instead when the walk fails, other than for its language model.

    Attributes:
        waited: Seconds that `finish` was blocked by what is made elsewhere.
    """

    def __init__(self, steps: Steps[Results], otherwise: Callable[[], Results]) -> None:
        self._steps, self._otherwise = steps, otherwise
        self._waiting: Awaited[Any] | None = None
        self._results: Results | None = None
        self._failed: Exception | None = None
        self._casting = Autocast()
        self.waited = 0.0
        self._send(None)

    @property
    def done(self) -> bool:
        """Whether `finish` would not wait."""
        return self._waiting is None

    def advance(self) -> None:
        """Go on as far as the answers reach that have come."""
        while self._waiting is not None and self._waiting.future.done():
            self._take()

    def finish(self) -> Results:
        """Wait for all answers, and go to the end.

        Raises:
            ChatError: The language model stayed unreachable.
        """
        while self._waiting is not None:
            start = time.perf_counter()
            wait([self._waiting.future])
            if self._waiting.elsewhere:
                self.waited += time.perf_counter() - start
            self._take()
        if isinstance(self._failed, ChatError):
            raise self._failed
        if self._failed is not None:
            return self._otherwise()
        results: Any = self._results
        return results

    def _take(self) -> None:
        assert self._waiting is not None
        waiting, self._waiting = self._waiting.future, None
        error = waiting.exception()
        if error is None:
            self._send(waiting.result())
        elif isinstance(error, Exception):
            self._failed = error
        else:
            raise error

    def _send(self, answer: Any) -> None:
        try:
            with torch.inference_mode(), self._casting.on():
                self._waiting = self._steps.send(answer)
        except StopIteration as stop:
            self._results = stop.value
        except Exception as error:  # kept for `finish`, where it belongs to its batch
            self._failed = error


def run_ahead(
    batches: Iterable[Batch], begin: Callable[[Batch], Job[Results]], depth: int
) -> Iterator[tuple[Batch, Job[Results]]]:
    """Begin batches before those in front of them are finished.

    Args:
        batches: Taken one by one, never more than `depth` ahead of what is given out.
        begin: Starts a batch.
        depth: Batches in flight; 1 begins each when the one before is finished.

    Yields:
        Each batch and its job, in order. The job may still have to wait.
    """
    flying: deque[tuple[Batch, Job[Results]]] = deque()
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
