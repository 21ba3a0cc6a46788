"""A language model's stand-in on this machine: known latency, known rate limit, answers by rules.

    python benchmarks/loopback_llm.py --port 8000 --latency 0.5 --rate 50

It speaks the chat-completions protocol, so that it is used as any server is:

    OpenAIChat("loopback", base_url="http://127.0.0.1:8000/v1")

zeroseg's two questions are answered as `LexicalMatcher` reads words: a description's classes, and
the class of each phrase. The classes come from the question itself ("The classes are: ...").
Requests beyond the rate are refused with 429 and a Retry-After, as real servers do.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

from zeroseg.refinement.lexical import LexicalMatcher
from zeroseg.vocabulary import Vocabulary

NAME = "loopback"
CHARACTERS_A_TOKEN = 4
"""Tokens are only estimated: about what English text comes to with the usual tokenizers."""
_CLASSES = re.compile(r"^The classes are: (.+)$", re.MULTILINE)
_PHRASE = re.compile(r'^(?:(\d+)\. )?(".*")$', re.MULTILINE)
_DESCRIPTION = re.compile(r"<description>\n(.*)\n</description>")


@dataclass
class Load:
    """What the server was asked so far, and when it may be asked again.

    Attributes:
        rate: Requests a second that are answered; as many may come at once after a pause.
        requests: Requests answered.
        refused: Requests beyond the rate.
    """

    rate: float
    requests: int = 0
    refused: int = 0
    _tokens: float = field(init=False)
    _filled: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._tokens = self.rate

    def wait(self) -> float:
        """Seconds until a request that comes now may come again; 0 if it is taken."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self.rate, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                self.refused += 1
                return (1 - self._tokens) / self.rate
            self._tokens -= 1
            self.requests += 1
            return 0.0


@contextmanager
def serving(latency: float, rate: float) -> Iterator[str]:
    """The address of a server in a process of its own, for the length of a `with` block."""
    command = [sys.executable, __file__, "--latency", str(latency), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError("the language model's server did not start, see above")
            yield address
        finally:
            process.terminate()


def load_of(address: str) -> dict[str, int]:
    """How many requests a server has answered and refused so far."""
    with urlopen(f"{address}/load") as reply:
        return json.load(reply)


def answer(request: dict[str, Any]) -> str:
    """What the stand-in says to a request's messages."""
    system, user = request["messages"][0]["content"], request["messages"][1]["content"]
    listed = _CLASSES.search(system)
    if listed is None:
        return "none"
    matcher = _matcher(tuple(listed[1].split(", ")))
    description = _DESCRIPTION.search(user)
    in_json = "response_format" in request
    if description is not None:
        labels = present(json.loads(description[1]), matcher)
        return json.dumps({"labels": labels}) if in_json else ", ".join(labels) or "none"
    asked = [(number, json.loads(phrase)) for number, phrase in _PHRASE.findall(user)]
    answers = [(number, covering(phrase, matcher)) for number, phrase in asked]
    if in_json:
        listing = [{"number": int(number), "label": label} for number, label in answers]
        return json.dumps({"answers": listing})
    return "\n".join(f"{number}: {label}" if number else label for number, label in answers)


def present(description: dict[str, Any], matcher: LexicalMatcher) -> list[str]:
    """The classes that a description's words, or narrower words, name."""
    matches = [matcher.match(tag) for tag in description["tags"]]
    matches += matcher.mentions(description.get("caption", ""))
    labels = {match.label for match in matches if match is not None}
    vocabulary = matcher.vocabulary
    return [vocabulary.names[label] for label in sorted(labels - {vocabulary.background})]


def covering(phrase: str, matcher: LexicalMatcher) -> str:
    """The class that a phrase stands for, or "none"."""
    match = matcher.match(phrase)
    return "none" if match is None else matcher.vocabulary.names[match.label]


@lru_cache(maxsize=16)
def _matcher(names: tuple[str, ...]) -> LexicalMatcher:
    return LexicalMatcher(Vocabulary.from_names(names))


def handler(latency: float, load: Load) -> type[BaseHTTPRequestHandler]:
    """Serves completions after `latency` seconds, within the load's rate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/v1/models":
                self._send(200, {"object": "list", "data": [{"id": NAME, "object": "model"}]})
            else:
                self._send(200, {"requests": load.requests, "refused": load.refused})

        def do_POST(self) -> None:
            started = time.monotonic()
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            pause = load.wait()
            if pause:
                error = {"message": "too many requests", "code": "rate_limit_exceeded"}
                self._send(429, {"error": error}, {"Retry-After": f"{pause:.3f}"})
                return
            reply = completion(request)
            time.sleep(max(0.0, latency - (time.monotonic() - started)))
            self._send(200, reply)

        def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] = {}) -> None:  # noqa: B006
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    return Handler


def completion(request: dict[str, Any]) -> dict[str, Any]:
    """The answer in the protocol's form, with its usage."""
    text = answer(request)
    sent = sum(len(message["content"]) for message in request["messages"]) // CHARACTERS_A_TOKEN
    received = max(1, len(text) // CHARACTERS_A_TOKEN)
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
        },
    }


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.5, help="seconds to an answer")
    parser.add_argument("--rate", type=float, default=50, help="requests a second, at least 1")
    args = parser.parse_args()
    if args.latency < 0 or args.rate < 1:
        parser.error("--latency must be at least 0 and --rate at least 1")
    server = Server(("127.0.0.1", args.port), handler(args.latency, Load(args.rate)))
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
