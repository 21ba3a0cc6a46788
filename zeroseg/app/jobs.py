"""All jobs of the server: begun, kept for a while, forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from fastapi import HTTPException
from fastapi.concurrency import run_in_threadpool

from zeroseg.app.answers import PictureState, json_of
from zeroseg.app.asked import Asked
from zeroseg.app.job import Job, Picture
from zeroseg.app.limits import Limits
from zeroseg.app.shared_batches import Watcher
from zeroseg.app.stage_words import words_of
from zeroseg.running.stage_event import StageEvent
from zeroseg.segmentation import Segmentation
from zeroseg.vocabulary import Vocabulary

_log = logging.getLogger(__name__)


Segment = Callable[[bytes, Asked, Watcher, asyncio.Lock], Awaitable[Segmentation]]
"""Segments a picture's file, or raises an HTTPException; see `Service.segment`."""


class Jobs:
    """Works on jobs through the same batches as requests; everything is in memory and bounded.

    Args:
        limits: How many there may be, how large they may be, and how long they are kept.
        segment: What works on a picture.
        at_once: Pictures of all jobs that are decoded, wait for a batch or are in one.
    """

    def __init__(self, limits: Limits, segment: Segment, at_once: int) -> None:
        self.limits, self._segment = limits, segment
        self._places = asyncio.Semaphore(at_once)
        self._jobs: dict[str, Job] = {}

    def find(self, id_: str) -> Job | None:
        """The job of an id, if it is known still."""
        return self._jobs.get(id_)

    def begin(self, pictures: Sequence[Picture], asked: Asked, stages: Sequence[str]) -> Job | None:
        """Begin to work on pictures.

        Args:
            pictures: At least one.
            asked: Classes and options.
            stages: That they go through.

        Returns:
            The job; None where there is no room for it now.
        """
        if not self._make_room(1, sum(len(own.content) for own in pictures)):
            return None
        job = Job(pictures, stages)
        self._jobs[job.id] = job
        places = range(len(pictures))
        job.tasks = [asyncio.create_task(self._work(job, place, asked)) for place in places]
        return job

    def cancel(self, job: Job) -> None:
        """Give up what has not begun; forget a job that has ended."""
        if job.ended_at is not None:
            self._jobs.pop(job.id, None)
        for place, picture in enumerate(job.pictures):
            if picture.state == "waiting":
                self._give_up(job, place)

    def close(self) -> None:
        """Give up all pictures, so that nobody waits for their events any more."""
        for job in list(self._jobs.values()):
            for place, picture in enumerate(job.pictures):
                if not picture.ended:
                    self._give_up(job, place)

    def _give_up(self, job: Job, place: int) -> None:
        job.tasks[place].cancel()
        self._end(job, place, "cancelled", 409, detail="the picture was cancelled")

    async def _work(self, job: Job, place: int, asked: Asked) -> None:
        """Segment one picture of a job, and keep what comes of it."""
        picture = job.pictures[place]
        try:
            async with self._places:
                watcher = _watcher(job, place)
                result = await self._segment(picture.content, asked, watcher, job.turn)
                answer = await run_in_threadpool(json_of, replace(result, name=picture.name))
        except HTTPException as refused:
            return self._end(job, place, "failed", refused.status_code, detail=refused.detail)
        except Exception as error:  # the job has to end, whatever it is
            _log.exception("a picture of a job failed")
            said = f"{type(error).__name__}: {error}"
            return self._end(job, place, "failed", 500, detail=said)
        if not self._make_room(0, len(answer)):
            said = "there is no room for its result; DELETE jobs that are done with"
            return self._end(job, place, "failed", 500, detail=said)
        self._end(job, place, "done", 200, answer)

    def _end(
        self,
        job: Job,
        place: int,
        state: PictureState,
        status: int,
        answer: bytes = b"",
        detail: str | None = None,
    ) -> None:
        """Tell how a picture ended; a job whose last one has ended is forgotten after a while."""
        job.end_picture(place, state, status, answer, detail)
        if job.ended_at is not None:
            loop, seconds = asyncio.get_running_loop(), self.limits.job_seconds
            loop.call_later(seconds, self._jobs.pop, job.id, None)

    def _make_room(self, jobs: int, size: int) -> bool:
        """Forget jobs that have ended, the oldest first, until so much fits; whether it does."""
        ended = [own for own in self._jobs.values() if own.ended_at is not None]
        ended.sort(key=lambda own: own.ended_at or 0.0)
        most = self.limits.job_megabytes * 1e6
        while len(self._jobs) + jobs > self.limits.jobs or self._size + size > most:
            if not ended:
                return False
            del self._jobs[ended.pop(0).id]
        return True

    @property
    def _size(self) -> int:
        return sum(own.size for own in self._jobs.values())


def _watcher(job: Job, place: int) -> Watcher:
    """Tells the stages of a picture, from whichever thread they are worked in."""
    loop = asyncio.get_running_loop()

    def watch(event: StageEvent, vocabulary: Vocabulary) -> None:
        loop.call_soon_threadsafe(job.tell_stage, place, words_of(event, vocabulary))

    return watch
