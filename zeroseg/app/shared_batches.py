"""Pictures of several users go through one segmenter together."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from zeroseg.app.measures import Measures
from zeroseg.errors import ZerosegError
from zeroseg.running.stage_event import StageEvent
from zeroseg.running.threads import use_cores
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

Watcher = Callable[[StageEvent, Vocabulary], None]
"""Is told the stages of a picture, and the classes that it is looked at for."""

Work = Callable[[Sequence[Tensor], Sequence[Watcher | None]], Sequence[Segmentation | Failure]]
"""Segments a batch of images, (3, H, W) uint8 each, and tells the stages of each to its watcher."""


class SegmentingError(ZerosegError, RuntimeError):
    """A picture that was read and could not be segmented."""


Made = TypeVar("Made")


@dataclass(frozen=True)
class _Job:
    image: Tensor
    key: Hashable
    work: Work
    watcher: Watcher | None = None
    done: Future[Segmentation] = field(default_factory=Future)


@dataclass(frozen=True)
class _Task:
    work: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)


class SharedBatches:
    """One thread, which alone uses the segmenter; what waits meanwhile is the next batch.

    A batch is the picture that has waited longest and others of the same key, the oldest first:
    nobody is passed over, and nothing is waited for that has not come yet.

    Args:
        batch_size: Pictures that go through together at most.
        measures: Counts batches and pictures.
        cores: That the thread has for an operation; None for as many as the one that makes it.
    """

    def __init__(self, batch_size: int, measures: Measures, cores: int | None = None) -> None:
        self.batch_size, self._measures = batch_size, measures
        self._cores = torch.get_num_threads() if cores is None else cores
        self._waiting: list[_Job] = []
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._started = threading.Event()
        self._pace = 0.0  # seconds a picture, of the last batch
        self._thread = threading.Thread(target=self._run, name="segmenting", daemon=True)

    def start(self) -> None:
        """Begin to work; the thread that calls keeps its cores."""
        kept = torch.get_num_threads()
        self._thread.start()
        self._started.wait()
        torch.set_num_threads(kept)

    def close(self) -> None:
        """Finish the batch that is worked on, and give up those that wait."""
        with self._changed:
            self._closed = True
            left: list[Future[Any]] = [own.done for own in self._waiting]
            left += [own.done for own in self._tasks]
            self._waiting, self._tasks = [], deque()
            self._changed.notify()
        for done in left:
            done.cancel()
        self._thread.join()

    @property
    def working(self) -> bool:
        """Whether pictures are worked on as they come."""
        return self._thread.is_alive() and not self._closed

    @property
    def waiting(self) -> int:
        """Pictures that wait."""
        return len(self._waiting)

    def patience(self) -> int:
        """Whole seconds, at least 1, after which there may be room again."""
        return max(1, math.ceil(self._pace * min(self.batch_size, 1 + self.waiting)))

    def submit(
        self, image: Tensor, key: Hashable, work: Work, watcher: Watcher | None = None
    ) -> Future[Segmentation]:
        """Have a picture segmented.

        Args:
            image: (3, H, W) uint8.
            key: Equal where pictures may go through together.
            work: What segments them; that of the oldest picture is called for all of a batch.
            watcher: Is told this picture's stages, in threads of the segmenter. What it raises
                ends the batch.

        Returns:
            Its result; it raises a SegmentingError where this picture failed or all did, and a
            ZerosegError of `work` as it is.

        Raises:
            ZerosegError: The server is about to end.
        """
        job = _Job(image, key, work, watcher)
        with self._changed:
            if self._closed:
                raise ZerosegError("the server is about to end")
            self._waiting.append(job)
            self._changed.notify()
        return job.done

    def call(self, work: Callable[[], Made]) -> Future[Made]:
        """Have something short done by the thread that uses the segmenter, before what waits.

        Args:
            work: What is done.

        Returns:
            What it gives; it raises as `submit` does.

        Raises:
            ZerosegError: The server is about to end.
        """
        task = _Task(work)
        with self._changed:
            if self._closed:
                raise ZerosegError("the server is about to end")
            self._tasks.append(task)
            self._changed.notify()
        return task.done

    def _run(self) -> None:
        use_cores(self._cores)
        self._started.set()
        while (batch := self._next()) is not None:
            if isinstance(batch, _Task):
                self._do(batch)
                continue
            running = [job for job in batch if job.done.set_running_or_notify_cancel()]
            if running:
                self._work(running)

    def _next(self) -> list[_Job] | _Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._tasks or self._closed)
            if self._closed:
                return None
            if self._tasks:
                return self._tasks.popleft()
            key = self._waiting[0].key
            batch = [job for job in self._waiting if job.key == key][: self.batch_size]
            chosen = set(map(id, batch))
            self._waiting = [job for job in self._waiting if id(job) not in chosen]
        return batch

    def _do(self, task: _Task) -> None:
        if not task.done.set_running_or_notify_cancel():
            return
        try:
            task.done.set_result(task.work())
        except Exception as error:  # it belongs to whoever waits for an answer, as in _work
            task.done.set_exception(_told(error))

    def _work(self, batch: Sequence[_Job]) -> None:
        start = time.perf_counter()
        try:
            watchers = [job.watcher for job in batch]
            results = batch[0].work([job.image for job in batch], watchers)
        except Exception as error:  # it belongs to those who wait for an answer, whatever it is
            for job in batch:
                job.done.set_exception(_told(error))
            return
        self._pace = (time.perf_counter() - start) / len(batch)
        self._measures.count_batch(len(batch))
        for job, result in zip(batch, results, strict=True):
            if isinstance(result, Failure):
                said = f"the picture failed at {result.stage}: {result.message}"
                job.done.set_exception(SegmentingError(said))
            else:
                job.done.set_result(result)


def _told(error: Exception) -> Exception:
    """What those who wait are told."""
    known = isinstance(error, ZerosegError)
    return error if known else SegmentingError(f"{type(error).__name__}: {error}")
