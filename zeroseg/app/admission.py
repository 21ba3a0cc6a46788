"""How much is taken on at once: places, bytes and seconds, from the first byte of a request."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zeroseg.app.limits import Limits
from zeroseg.app.measures import Measures
from zeroseg.app.shared_batches import SharedBatches

_COUNTED = ("/v1/segment", "/v1/jobs")
"""Where pictures are sent to: counted by these names, also where a request is refused before it
has a route."""
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


class Admission:
    """Lets in as many requests as there are places, of no more bytes, for no longer than allowed.

    What asks without sending anything is let in. Of all else a place is held from before the first
    byte is read, so that memory has a bound.

    Args:
        app: What is asked.
        limits: See `Limits`.
        batches: Says when there may be room again.
        measures: Counts all answers.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, batches: SharedBatches, measures: Measures
    ) -> None:
        self.app, self.limits, self.batches, self.measures = app, limits, batches, measures
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, status = time.perf_counter(), 0

        async def say(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._limited(scope, receive, say)
        finally:
            route = getattr(scope.get("route"), "path", None)
            route = scope["path"] if scope["path"] in _COUNTED else route or "other"
            self.measures.count_request(route, status or 500, time.perf_counter() - start)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in _WITHOUT_BODY:
            return await self.app(scope, receive, send)
        refused = self._refused(Headers(scope=scope))
        if refused is not None:
            return await refused(scope, receive, send)
        self.taken += 1
        try:
            await self._in_time(scope, self._counted(receive), send)
        finally:
            self.taken -= 1

    def _refused(self, headers: Headers) -> JSONResponse | None:
        if self.taken >= self.limits.requests:
            after = {"retry-after": str(self.batches.patience())}
            said = f"{self.taken} requests are worked on; ask again in {after['retry-after']} s"
            return JSONResponse({"detail": said}, 429, after)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._bytes:
            return JSONResponse({"detail": self._too_large}, 413)
        return None

    @property
    def _bytes(self) -> float:
        return self.limits.megabytes * 1e6

    @property
    def _too_large(self) -> str:
        return f"a request may have {self.limits.megabytes:g} megabytes; send less"

    def _counted(self, receive: Receive) -> Receive:
        """A request's messages, up to as many bytes as are allowed, announced or not."""
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self._bytes:
                raise HTTPException(413, self._too_large)
            return message

        return counted

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def say(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await asyncio.wait_for(self.app(scope, receive, say), self.limits.seconds)
        except asyncio.TimeoutError:
            if begun:
                raise
            said = f"no answer within {self.limits.seconds:g} s; ask again later"
            await JSONResponse({"detail": said}, 504)(scope, receive, send)
