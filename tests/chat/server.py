"""A server on this machine that speaks the chat-completions protocol, from a script."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Response:
    """What the server does with one request.

    Attributes:
        text: The model's answer, inside a well-formed completion.
        status: HTTP status; anything but 200 sends `error` in place of the answer.
        error: Body of an error, `{"error": error}`.
        headers: Sent along, e.g. Retry-After.
        finish: "stop", or "length" for an answer that was cut off.
        usage: Prompt and completion tokens, None for a server that does not count.
        body: Sent as it is in place of a completion, e.g. broken JSON.
        delay: Seconds before anything is sent.
        drop: Close the connection without a word.
        message: The whole message of a completion, in place of `text`.
        wire: Bytes sent in place of all of HTTP, status line and headers included.
        pace: Seconds between any two bytes of `wire`.
    """

    text: str = ""
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=lambda: {"message": "scripted"})
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: str = "stop"
    usage: tuple[int, int] | None = (100, 10)
    body: str | bytes | None = None
    delay: float = 0.0
    drop: bool = False
    message: Any = None
    wire: bytes | None = None
    pace: float = 0.0

    def content(self) -> bytes:
        """The body that goes over the wire."""
        if isinstance(self.body, bytes):
            return self.body
        if self.body is not None:
            return self.body.encode()
        if self.status != 200:
            return json.dumps({"error": self.error}).encode()
        return json.dumps(_completion(self)).encode()


@dataclass
class ChatServer:
    """A running server and what it was asked.

    Attributes:
        script: Responses in the order of requests, the last one repeating, or a function of the
            request's JSON body.
        requests: JSON bodies of all requests so far.
        keys: Their Authorization headers.
        paths: Where they went, queries included.
        busiest: Most requests that were under way at the same time.
        models: What it says to GET /v1/models; None knows no such address.
    """

    script: list[Response] | Callable[[dict[str, Any]], Response]
    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    busiest: int = 0
    models: Response | None = None
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: dict[str, Any], key: str) -> Response:
        """Note a request and look up what to do with it."""
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
            if callable(self.script):
                return self.script(request)
            return self.script[min(len(self.requests), len(self.script)) - 1]

    def done(self) -> None:
        """Note that a request has been answered."""
        with self._lock:
            self._under_way -= 1


def answer(text: str = "", **details: Any) -> Response:
    """A good answer."""
    return Response(text, **details)


def offering(*names: str, **dates: str) -> Response:
    """A list of models, some with the day of their shutdown."""
    offers = [{"id": name, "object": "model", "created": 1, "owned_by": "us"} for name in names]
    offers += [{"id": name, "shutdown_date": day} for name, day in dates.items()]
    return Response(body=json.dumps({"object": "list", "data": offers}))


def playing(case: Mapping[str, Any]) -> Callable[[dict[str, Any]], Response]:
    """A script that plays the rules of a case of `tests/cases/llm`."""

    def fits(rule: Mapping[str, Any], request: dict[str, Any]) -> bool:
        said = " ".join(str(message["content"]) for message in request["messages"])
        roles = [message["role"] for message in request["messages"]]
        return (
            rule.get("if_has", "model") in request
            and rule.get("if_says", "") in said
            and rule.get("if_role", roles[0]) in roles
        )

    def play(request: dict[str, Any]) -> Response:
        rules = [*case["rules"], case["otherwise"]]
        rule = next(rule for rule in rules if fits(rule, request))
        return Response(status=rule["status"], body=json.dumps(rule["body"]))

    return play


def refusal(status: int, message: str = "scripted", **details: Any) -> Response:
    """An HTTP error with OpenAI's error body; `details` may hold headers."""
    headers = details.pop("headers", {})
    return Response(status=status, error={"message": message, **details}, headers=headers)


@contextmanager
def serving(
    script: list[Response] | Callable[[dict[str, Any]], Response],
) -> Iterator[ChatServer]:
    """Run a server for the length of a `with` block."""
    chat = ChatServer(script)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(chat))
    httpd.daemon_threads = True
    chat.address = f"http://127.0.0.1:{httpd.server_port}/v1"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield chat
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _handler(chat: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            request = json.loads(self.rfile.read(length))
            chat.paths.append(self.path)
            response = chat.take(request, self.headers.get("Authorization", ""))
            try:
                self._send(response)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                chat.done()

        def do_GET(self) -> None:
            unknown = Response(status=404, body='{"detail": "Not Found"}')
            listed = chat.models if self.path.partition("?")[0] == "/v1/models" else None
            self._send(listed or unknown)

        def _send(self, response: Response) -> None:
            time.sleep(response.delay)
            if response.wire is not None:
                self._trickle(response.wire, response.pace)
            if response.drop or response.wire is not None:
                self.close_connection = True
                return
            known = self.path.partition("?")[0] in ("/v1/chat/completions", "/v1/models")
            content = response.content() if known else b"{}"
            self.send_response(response.status)
            if "Content-Type" not in response.headers:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _trickle(self, content: bytes, pace: float) -> None:
            step = 1 if pace else len(content)
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                self.wfile.flush()
                time.sleep(pace)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    return Handler


def _completion(response: Response) -> dict[str, Any]:
    message = response.message or {"role": "assistant", "content": response.text}
    completion: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": response.finish}],
    }
    if response.usage is not None:
        sent, received = response.usage
        completion["usage"] = {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
        }
    return completion
