"""Pictures that are segmented without anybody waiting for an answer, and what is told of them."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from zeroseg.app.answers import JobPicture, JobState, PictureState

HEARTBEAT = 15.0
"""Seconds without an event after which a stream says that it is still there."""

_STILL_THERE = b": still there\n\n"


@dataclass
class Picture:
    """One picture of a job.

    Attributes:
        name: Of its file.
        content: The file; empty once the picture has ended.
        state: How far it is.
        stage: That is worked on, or where it failed.
        answer: JSON of its result, empty before it is there.
        status: HTTP's of its result, once it has ended.
        detail: Why there is no result.
    """

    name: str
    content: bytes
    state: PictureState = "waiting"
    stage: str | None = None
    answer: bytes = b""
    status: int | None = None
    detail: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ("done", "failed", "cancelled")


class Job:
    """Pictures, what was told of them, and who follows that; for one event loop.

    Args:
        pictures: In the order they were sent in.
        stages: That each of them goes through.

    Attributes:
        id: Not to be guessed: whoever knows it may read the results.
        tasks: What works on the pictures.
        turn: Held by the picture that is being read, so that they go on in their order.
        ended_at: By the monotonic clock; None while it is open.
    """

    def __init__(self, pictures: Sequence[Picture], stages: Sequence[str]) -> None:
        self.id = secrets.token_urlsafe(16)
        self.pictures, self.stages = pictures, stages
        self.tasks: Sequence[asyncio.Task[None]] = ()
        self.turn = asyncio.Lock()
        self.ended_at: float | None = None
        self._events: list[bytes] = []
        self._changed = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes that are kept for it."""
        held = sum(len(own.content) + len(own.answer) for own in self.pictures)
        return held + sum(map(len, self._events))

    def tell(self, kind: str, **data: Any) -> None:
        """Add an event, in the format of https://html.spec.whatwg.org/#server-sent-events."""
        head = f"id: {len(self._events)}\nevent: {kind}\n"
        self._events.append(f"{head}data: {json.dumps(data)}\n\n".encode())
        self._changed.set()
        self._changed = asyncio.Event()

    def tell_stage(self, place: int, words: dict[str, Any]) -> None:
        """Tell what a stage said of a picture, unless that has ended meanwhile."""
        picture = self.pictures[place]
        if not picture.ended:
            picture.state, picture.stage = "working", words["stage"]
            self.tell("stage", picture=place, **words)

    def end_picture(
        self,
        place: int,
        state: PictureState,
        status: int,
        answer: bytes = b"",
        detail: str | None = None,
    ) -> None:
        """Tell how a picture ended, and of the last one that the job is done."""
        picture = self.pictures[place]
        picture.state, picture.status, picture.detail = state, status, detail
        picture.content, picture.answer = b"", answer
        picture.stage = picture.stage if state == "failed" else None
        told = self._told(place).model_dump(exclude_none=True)
        self.tell("picture", picture=place, **told)
        if all(own.ended for own in self.pictures):
            self.ended_at = time.monotonic()
            self.tell("done", state="done")

    async def follow(self, place: int) -> AsyncIterator[bytes]:
        """Events from a place on, those to come too, until the job is done."""
        while True:
            for event in self._events[place:]:
                yield event
                place += 1
            if place < len(self._events):
                continue
            if self.ended_at is not None:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), HEARTBEAT)
            except asyncio.TimeoutError:
                yield _STILL_THERE

    def told(self) -> JobState:
        """How far it is, for clients."""
        begun = any(own.state != "waiting" for own in self.pictures)
        return JobState(
            id=self.id,
            state="done" if self.ended_at is not None else "working" if begun else "waiting",
            stages=list(self.stages),
            pictures=[self._told(place) for place in range(len(self.pictures))],
            events=f"/v1/jobs/{self.id}/events",
        )

    def _told(self, place: int) -> JobPicture:
        own = self.pictures[place]
        result = f"/v1/jobs/{self.id}/results/{place}" if own.state == "done" else None
        return JobPicture(
            name=own.name,
            state=own.state,
            stage=own.stage,
            status=own.status,
            detail=own.detail,
            result=result,
        )
