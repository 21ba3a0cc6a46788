"""Pictures of several users go through one segmenter together."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from torch import Tensor

from zeroseg.app.measures import Measures
from zeroseg.errors import ZerosegError
from zeroseg.running.stage_event import StageEvent
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

Watcher = Callable[[StageEvent, Vocabulary], None]
"""Is told the stages of a picture, and the classes that it is looked at for."""

Work = Callable[[Sequence[Tensor], Sequence[Watcher | None]], Sequence[Segmentation | Failure]]
"""Segments a batch of images, (3, H, W) uint8 each, and tells the stages of each to its watcher."""


class SegmentingError(ZerosegError, RuntimeError):
    """A picture that was read and could not be segmented."""


@dataclass(frozen=True)
class _Job:
    image: Tensor
    key: Hashable
    work: Work
    watcher: Watcher | None = None
    done: Future[Segmentation] = field(default_factory=Future)


class SharedBatches:
    """One thread, which alone uses the segmenter; what waits meanwhile is the next batch.

    A batch is the picture that has waited longest and others of the same key, the oldest first:
    nobody is passed over, and nothing is waited for that has not come yet.

    Args:
        batch_size: Pictures that go through together at most.
        measures: Counts batches and pictures.
    """

    def __init__(self, batch_size: int, measures: Measures) -> None:
        self.batch_size, self._measures = batch_size, measures
        self._waiting: list[_Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._pace = 0.0  # seconds a picture, of the last batch
        self._thread = threading.Thread(target=self._run, name="segmenting", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Finish the batch that is worked on, and give up those that wait."""
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify()
        for job in left:
            job.done.cancel()
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

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            running = [job for job in batch if job.done.set_running_or_notify_cancel()]
            if running:
                self._work(running)

    def _next(self) -> list[_Job] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            key = self._waiting[0].key
            batch = [job for job in self._waiting if job.key == key][: self.batch_size]
            chosen = set(map(id, batch))
            self._waiting = [job for job in self._waiting if id(job) not in chosen]
        return batch

    def _work(self, batch: Sequence[_Job]) -> None:
        start = time.perf_counter()
        try:
            watchers = [job.watcher for job in batch]
            results = batch[0].work([job.image for job in batch], watchers)
        except Exception as error:  # it belongs to those who wait for an answer, whatever it is
            known = isinstance(error, ZerosegError)
            told = error if known else SegmentingError(f"{type(error).__name__}: {error}")
            for job in batch:
                job.done.set_exception(told)
            return
        self._pace = (time.perf_counter() - start) / len(batch)
        self._measures.count_batch(len(batch))
        for job, result in zip(batch, results, strict=True):
            if isinstance(result, Failure):
                said = f"the picture failed at {result.stage}: {result.message}"
                job.done.set_exception(SegmentingError(said))
            else:
                job.done.set_result(result)
