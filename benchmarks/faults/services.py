"""A language model's server that fails in every way that servers do, and what pictures make of it.

A fault that passes befalls a question at most so often in a row as it is repeated: the picture has
to end as if nothing had been. One that lasts befalls a question as often as it is asked: the
picture may be degraded or fail, with the reason, and no other picture may notice.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from benchmarks.faults.ending import Ending, compare, of_result
from benchmarks.faults.parts import configuration, write_pictures
from benchmarks.faults.row import Row
from benchmarks.loopback_llm import NAME, Server, completion
from zeroseg.errors import ChatError
from zeroseg.presets import build
from zeroseg.segmenter import ZeroShotSegmenter

PICTURES = 16
"""Of a round; there are as many rounds as it takes to inject what was asked for."""
SHARE = {"passing": 0.6, "lasting": 0.12}
"""Of the requests, or of the questions, that a fault befalls."""
MOST_ROUNDS = 200
LONGEST_OUTAGE = 100
"""How often a run that was stopped is started again, before it counts as lost."""

Answer = dict[str, Any]
Fault = Callable[["Line", Answer], None]


@dataclass
class Line:
    """The connection that a fault befalls."""

    handler: BaseHTTPRequestHandler

    def send(self, status: int, body: bytes, kind: str = "application/json", **extra: str) -> None:
        """A whole response."""
        self.begin(status, len(body), kind, **extra)
        self.handler.wfile.write(body)

    def json(self, body: Answer) -> None:
        """The response to a question that is answered."""
        self.send(200, json.dumps(body).encode())

    def begin(self, status: int, length: int, kind: str, **extra: str) -> None:
        """The head of one."""
        self.handler.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(length), **extra}
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()

    def drop(self, reset: bool = False) -> None:
        """No further byte."""
        connection = self.handler.connection
        if reset:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.handler.wfile.flush()
            connection.close()
        else:
            connection.shutdown(socket.SHUT_RDWR)
        self.handler.close_connection = True


def _error(status: int, message: str, code: str = "", **headers: str) -> Fault:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return lambda line, _: line.send(status, body, **headers)


def _changed(change: Callable[[dict[str, Any]], None]) -> Fault:
    """A completion whose only choice is another."""

    def send(line: Line, answer: Answer) -> None:
        choice = answer["choices"][0]
        change(choice)
        line.json(answer)

    return send


def _text(change: Callable[[str], str]) -> Fault:
    """A completion that says something else."""

    def said(choice: dict[str, Any]) -> None:
        choice["message"]["content"] = change(choice["message"]["content"])

    return _changed(said)


def _cut(line: Line, answer: Answer) -> None:
    body = json.dumps(answer).encode()
    line.send(200, body[: len(body) // 2])


def _stalled(line: Line, answer: Answer) -> None:
    body = json.dumps(answer).encode()
    line.begin(200, len(body), "application/json")
    line.handler.wfile.write(body[: len(body) // 3])
    line.handler.wfile.flush()
    time.sleep(0.05)
    line.drop()


def _cut_off(choice: dict[str, Any]) -> None:
    text = choice["message"]["content"]
    choice["message"]["content"], choice["finish_reason"] = text[: len(text) // 4], "length"


def _refused(choice: dict[str, Any]) -> None:
    choice["message"] |= {"content": None, "refusal": "I cannot help with that picture."}


FILTER = "The response was filtered due to the prompt triggering our content management policy."

REPEATED: dict[str, Fault] = {
    "429 with Retry-After": _error(429, "slow down", "rate_limit_exceeded", Retry_After="0.02"),
    "429 without Retry-After": _error(429, "slow down", "rate_limit_exceeded"),
    "500": _error(500, "internal error"),
    "502, a page": lambda line, _: line.send(502, b"<html>Bad Gateway</html>", "text/html"),
    "503": _error(503, "overloaded"),
    "dropped connection": lambda line, _: line.drop(),
    "reset connection": lambda line, _: line.drop(reset=True),
    "stalled, then dropped": _stalled,
    "cut JSON": _cut,
    "empty body": lambda line, _: line.send(200, b""),
    "a page in place of JSON": lambda line, _: line.send(200, b"<html>Sign in</html>", "text/html"),
    "no choices": lambda line, answer: line.send(
        200, json.dumps({**answer, "choices": []}).encode()
    ),
}
"""What a request is repeated for, by the client."""

ASKED_AGAIN: dict[str, Fault] = {
    "null content": _changed(lambda choice: choice["message"].update(content=None)),
    "cut off at its length": _changed(_cut_off),
    "garbage": _text(lambda _: "\x00\ufffd#!~ lorem ipsum 8=@ ][{"),
    "another schema": _text(lambda _: '{"data": {"status": "done", "count": 3}}'),
}
"""What a question is asked again for, once, by who reads the answer."""

REFUSALS: dict[str, Fault] = {
    "refusal": _changed(_refused),
    "content filter": _error(400, FILTER, "content_filter"),
    "an answer held back": _changed(lambda choice: choice.update(finish_reason="content_filter")),
}
"""What a question is not asked again for."""

READ: dict[str, Fault] = {
    "prose around JSON": _text(
        lambda text: f"Sure! Here it is:\n```json\n{text}\n```\nAnything else?"
    )
}
"""What is as good an answer as any."""

KINDS: dict[str, tuple[Fault, int]] = {
    **{name: (fault, 4) for name, fault in REPEATED.items()},
    **{name: (fault, 1) for name, fault in ASKED_AGAIN.items()},
    **{name: (fault, 1000) for name, fault in READ.items()},
    **{f"{name}, lasting": (fault, 0) for name, fault in {**ASKED_AGAIN, **REFUSALS}.items()},
}
"""Each fault and how often in a row it befalls a question; 0 for as often as it is asked."""


@dataclass
class Faults:
    """What a server does, and how often it did.

    Which request is befallen depends on the seed and on what is asked, not on the order in which
    threads happen to ask.

    Attributes:
        kind: One of `KINDS`, or "" for none, or `OUTAGE`.
        seed: Of the dice.
        injected: Faults so far.
    """

    kind: str
    seed: int
    injected: int = 0
    requests: int = 0
    _row: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def befalls(self, request: dict[str, Any]) -> Fault | None:
        """The fault of a request, if it has one."""
        with self._lock:
            self.requests += 1
            question = json.dumps(request["messages"][:2])  # without what is said when asked again
            fault = self._outage() if self.kind == OUTAGE else self._of(question)
            self.injected += fault is not None
            return fault

    def _of(self, asked: str) -> Fault | None:
        if not self.kind:
            return None
        fault, most = KINDS[self.kind]
        if not most:
            return fault if self._dice(asked) < SHARE["lasting"] else None
        if self._row[asked] >= most or self._dice(asked, self._row[asked]) > SHARE["passing"]:
            self._row[asked] = -1000  # answered, and not befallen any more
            return None
        self._row[asked] += 1
        return fault

    def _outage(self) -> Fault | None:
        """Out of order for a while, from time to time."""
        return KINDS["503"][0] if 4 <= self.requests % 40 < 24 else None

    def _dice(self, *parts: object) -> float:
        return random.Random(repr((self.seed, self.kind, *parts))).random()


OUTAGE = "out of order for a while, run started again"
ALL = (*KINDS, OUTAGE)


@contextmanager
def serving(faults: Faults) -> Iterator[str]:
    """The address of such a server, for the length of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            Line(self).json({"data": [{"id": NAME, "object": "model"}]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = faults.befalls(request)
            line, answer = Line(self), completion(request)
            if fault is None:
                line.json(answer)
            else:
                fault(line, answer)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(count: int, seed: int, folder: Path, kinds: Sequence[str] = ALL) -> list[Row]:
    """Inject so many faults at least, each kind as often as any other."""
    rounds: list[tuple[list[Path], list[Ending]]] = []
    share = -(-count // len(kinds))
    return [_row(kind, share, seed, folder, rounds) for kind in kinds]


def _row(
    kind: str,
    count: int,
    seed: int,
    folder: Path,
    rounds: list[tuple[list[Path], list[Ending]]],
) -> Row:
    """One kind, for as many rounds of pictures as it takes; all kinds have the same rounds."""
    start, injected, played = time.perf_counter(), 0, 0
    endings: list[Ending] = []
    while injected < count:
        if played == MOST_ROUNDS:
            raise RuntimeError(f"{kind}: only {injected} faults took place in {played} rounds")
        if played == len(rounds):
            files = write_pictures(folder / f"round-{played}", PICTURES, seed + played)
            rounds.append((files, segmented(files, Faults("", seed))))
        faults = Faults(kind, seed)
        endings += segmented(rounds[played][0], faults)
        injected, played = injected + faults.injected, played + 1
    undisturbed = [end for _, ends in rounds[:played] for end in ends]
    names = [str(file) for files, _ in rounds[:played] for file in files]
    lasting = kind in KINDS and not KINDS[kind][1]
    seconds = time.perf_counter() - start
    return compare(f"server: {kind}", injected, names, endings, undisturbed, seconds, lasting)


def segmented(files: list[Path], faults: Faults) -> list[Ending]:
    """The endings of pictures; a run that the server's silence stops is started again."""
    endings: list[Ending] = []
    with serving(faults) as address:
        segmenter = build(ZeroShotSegmenter, configuration(address), {})
        for _ in range(LONGEST_OUTAGE):
            left = files[len(endings) :]
            try:
                for file, result in zip(left, segmenter.stream(left), strict=True):
                    endings.append(of_result(str(file), result))
                break
            except ChatError:  # what is done is kept; the next round of the loop goes on
                continue
    return endings
