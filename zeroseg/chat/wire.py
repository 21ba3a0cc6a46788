"""Requests to a server, each over within a bounded time."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import weakref
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from zeroseg.chat.json_text import loads
from zeroseg.chat.lock import Lock
from zeroseg.chat.refusals import Refusal
from zeroseg.errors import ChatError
from zeroseg.server_address import SHORTEST_SECRET, guard_logs, shown_address, without_passwords

if TYPE_CHECKING:
    import openai  # takes a second, which only who asks a server has to spend

LONGEST_LISTING = 20.0
"""Seconds at most for a server to say which models it has."""


class Unreadable(Exception):
    """What came back, if anything did, is no answer: it may be one the next time.

    Args:
        problem: What is wrong.
        answered: Whether the server has answered at all.
    """

    def __init__(self, problem: str, answered: bool = True) -> None:
        super().__init__(problem)
        self.answered = answered


class Wire:
    """Sends JSON to one server and gives back the JSON that it answers with.

    A request has `timeout` seconds in all, from looking up the host to the last byte. A library's
    timeouts start anew with every byte, so that a server that trickles would never be given up
    on; here each request is a task of an event loop, in a thread of its own, that is cancelled
    when its time is up.

    Args:
        address: Of the server, as `clean_address` gives it.
        key: Goes along with each request, and is shown nowhere; "" sends none that means anything.
        timeout: Seconds for one request.
    """

    def __init__(self, address: str, key: str, timeout: float) -> None:
        self.address = address
        self.timeout = timeout
        self._key = key
        self._lock = Lock()
        self._line: _Line | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address, self._key, self.timeout)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the server completes a request for chat with.

        Raises:
            Refusal: The server says no, with a status or within an answer.
            Unreadable: There is no answer in time, or nothing that could be one.
        """
        named = {name: request[name] for name in ("model", "messages")}
        rest = {name: value for name, value in request.items() if name not in named}
        line = self._open()
        create = line.client.chat.completions.with_raw_response.create
        body = self._result(line, create(**named, extra_body=rest), self.timeout)
        if not isinstance(body, dict):
            raise Unreadable("the body is no JSON object")
        if not body.get("choices"):
            for name in ("error", "detail"):
                if body.get(name):
                    raise refusal_of(body[name])
        return body

    def models(self) -> Any:
        """What the server lists as its models, as it came.

        Raises:
            Refusal: The server says no.
            Unreadable: There is no answer in time, or it is no JSON.
        """
        line = self._open()
        seconds = min(self.timeout, LONGEST_LISTING)
        return self._result(line, line.client.models.with_raw_response.list(), seconds)

    def hide(self, text: str) -> str:
        """A text without what is secret of key and address: servers repeat them in their messages.

        What is shorter than a key can be is no secret, and would take letters out of every word.
        """
        address = urlsplit(self.address)
        queried = (value for _, value in parse_qsl(address.query))
        secrets = (self._key, address.password or "", *queried)
        for secret in sorted(secrets, key=len, reverse=True):  # one may hold another
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return without_passwords(text)

    def _open(self) -> _Line:
        """The connections of this process; a child process does not use its parent's."""
        with self._lock:
            if self._line is None or self._line.process != os.getpid():
                try:
                    self._line = _Line(self.address, self._key, self.timeout)
                except Exception as error:  # of addresses, proxies, certificates: all its kinds
                    shown = shown_address(self.address)
                    said = self.hide(str(error))
                    raise ChatError(f"base_url '{shown}' cannot be used: {said}") from error
            return self._line

    def _result(self, line: _Line, request: Awaitable[Any], seconds: float) -> Any:
        import openai

        try:
            content: bytes = line.wait_for(request, seconds).content
        except openai.APIStatusError as error:
            raise Refusal(error.status_code, *_received(error)) from None
        except (asyncio.TimeoutError, openai.APITimeoutError):
            raise Unreadable(f"timeout: no answer within {seconds:g} seconds", False) from None
        except Exception as error:  # the one boundary of this door
            # Whatever the client and its decoders make of bytes from outside, such as a body that
            # is cut off or in a charset that does not exist.
            cause = error.__cause__ or error.__context__
            reason = f"{error} ({cause})" if cause is not None and str(cause) else str(error)
            shown = self.hide(f"{type(error).__name__}: {reason}")
            shown = shown.replace(self.address, shown_address(self.address))
            raise Unreadable(shown, answered=False) from None
        try:
            return loads(content)
        except (ValueError, RecursionError):
            page = content.lstrip()[:1] == b"<"
            what = "a page of HTML" if page else "no JSON" if content else "empty"
            raise Unreadable(f"the body is {what}: is base_url right?") from None


def refusal_of(error: Any) -> Refusal:
    """A refusal from an error as it stands in a body."""
    code = str(error.get("code", error.get("status"))) if isinstance(error, dict) else ""
    status = int(code) if code in map(str, range(400, 600)) else 0
    return Refusal(status, json.dumps({"error": error}).encode())


def _received(error: openai.APIStatusError) -> tuple[bytes, Mapping[str, str]]:
    try:
        return error.response.content, error.response.headers
    except Exception:  # of the same boundary: the body could not be read
        return b"", error.response.headers


class _Line:
    """A client and the thread in which its requests run."""

    def __init__(self, address: str, key: str, timeout: float) -> None:
        import openai

        guard_logs(key, unquote(urlsplit(address).password or ""))
        self.process = os.getpid()
        base, _, query = address.partition("?")
        self.client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base,
            default_query=dict(parse_qsl(query, keep_blank_values=True)),
            timeout=timeout,
            max_retries=0,
        )
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=(self._loop,), daemon=True, name="chat")
        thread.start()
        weakref.finalize(self, _end, self._loop, self.client, self.process)

    def wait_for(self, request: Awaitable[Any], seconds: float) -> Any:
        """The result of a request, which is cancelled after some seconds."""
        task = asyncio.run_coroutine_threadsafe(_bounded(request, seconds), self._loop)
        try:
            return task.result()
        except BaseException:
            task.cancel()
            raise


async def _bounded(request: Awaitable[Any], seconds: float) -> Any:
    return await asyncio.wait_for(request, seconds)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, client: openai.AsyncOpenAI, process: int) -> None:
    """Close the connections and end the thread."""

    async def close() -> None:
        await client.close()
        loop.stop()

    if process == os.getpid():
        asyncio.run_coroutine_threadsafe(close(), loop)
