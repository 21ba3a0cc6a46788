"""A hub on this machine that huggingface_hub's own client accepts through HF_ENDPOINT.

It answers as the public one does: large files are redirected to another host, their checksums and
the commit stand in headers, and refusals carry an X-Error-Code.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pth", ".h5", ".msgpack", ".onnx")
"""Endings of what lies in large-file storage."""
PIECE = 16384
"""Bytes that are sent at a time."""


@dataclass
class Fault:
    """What goes wrong with one file.

    Attributes:
        drop_after: Bytes after which the connection is dropped, None for never.
        times: How often it is dropped.
        absent: It is listed, but not there.
        sends: Other bytes than the file's.
        pause: Seconds before each piece.
    """

    drop_after: int | None = None
    times: int = 1
    absent: bool = False
    sends: bytes | None = None
    pause: float = 0.0


@dataclass
class Repository:
    """A repository at one commit.

    Attributes:
        files: Content by name.
        licence: As its card says.
        gated: Whether its licence has to be accepted first.
        faults: What goes wrong, by file.
    """

    files: Mapping[str, bytes]
    licence: str | None = "apache-2.0"
    gated: bool = False
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        """Its name."""
        digests = [name + hashlib.sha1(content).hexdigest() for name, content in self.files.items()]
        return hashlib.sha1("".join(digests).encode()).hexdigest()


@dataclass
class Hub:
    """A running hub and what it was asked.

    Attributes:
        repositories: By name.
        site: Plain files of other places, by path.
        members: Tokens of those who accepted every licence.
        requests: Method, path and Range header of every request.
        address: What HF_ENDPOINT has to be.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    site: dict[str, bytes] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    address: str = ""

    def downloads(self) -> list[str]:
        """Paths of all contents that were asked for."""
        return [
            path for method, path, _ in self.requests if method == "GET" and "/api/" not in path
        ]


def oid(content: bytes) -> str:
    """Git's name of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(name: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": name, "rfilename": name}
    entry |= {"size": len(content), "oid": oid(content), "blobId": oid(content)}
    if name.endswith(LARGE):
        sha = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": sha, "sha256": sha, "size": len(content), "pointerSize": 134}
    return entry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        if path in self.hub.site:
            self._send(self.hub.site[path])
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
            self._content(found[1], found[2])
        elif found := re.fullmatch(r"/api/(?:models|datasets)/([^/]+/[^/]+)(/.*)?", path):
            self._api(found[1], found[2] or "")
        elif found := re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[3])
        else:
            self._refuse(404, "RepoNotFound", "Repository not found")

    def _repository(self, name: str) -> Repository | None:
        found = self.hub.repositories.get(name)
        if found is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
        return found

    def _barred(self, repository: Repository) -> bool:
        if not repository.gated:
            return False
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.hub.members:
            return False
        said = "Access to this model is restricted. You must be authenticated to access it."
        self._refuse(403 if token else 401, "GatedRepo", said)
        return True

    def _api(self, name: str, rest: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return
        if rest.startswith("/auth-check"):
            if not self._barred(repository):
                self._json({})
            return
        entries = [_entry(file, content) for file, content in repository.files.items()]
        if rest.startswith("/tree"):
            if not self._barred(repository):
                self._json(entries)
            return
        card = {"license": repository.licence} if repository.licence else {}
        about = {"id": name, "modelId": name, "sha": repository.commit, "private": False}
        gated = "manual" if repository.gated else False
        self._json({**about, "gated": gated, "siblings": entries, "cardData": card, "tags": []})

    def _resolve(self, name: str, file: str) -> None:
        repository = self._repository(name)
        if repository is None or self._barred(repository):
            return
        headers = {"X-Repo-Commit": repository.commit}
        content = repository.files.get(file)
        if content is None or repository.faults.get(file, Fault()).absent:
            self._refuse(404, "EntryNotFound", "Entry not found", headers)
        elif file.endswith(LARGE):
            port = self.server.server_address[1]
            headers["X-Linked-Size"] = str(len(content))
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["Location"] = f"http://localhost:{port}/cdn/{name}/{file}"
            self._send(b"", 302, headers)
        else:
            self._content(name, file, {**headers, "ETag": f'"{oid(content)}"'})

    def _content(self, name: str, file: str, headers: Mapping[str, str] | None = None) -> None:
        repository = self.hub.repositories[name]
        fault = repository.faults.get(file, Fault())
        content = repository.files[file] if fault.sends is None else fault.sends
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        headers = dict(headers or {})
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(content[start:], 206 if start else 200, headers, fault)

    def _json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), 200, {"Content-Type": "application/json"})

    def _refuse(
        self, status: int, code: str, said: str, headers: Mapping[str, str] | None = None
    ) -> None:
        about = {"X-Error-Code": code, "X-Error-Message": said, **(headers or {})}
        self._send(json.dumps({"error": said}).encode(), status, about)

    def _send(
        self,
        content: bytes,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:
        fault = fault or Fault()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = 0
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE]
            if (
                fault.drop_after is not None
                and fault.times
                and sent + len(piece) > fault.drop_after
            ):
                self.wfile.write(piece[: fault.drop_after - sent])
                self.wfile.flush()
                fault.times -= 1
                self.close_connection = True
                return
            time.sleep(fault.pause)
            try:
                self.wfile.write(piece)
            except OSError:  # the other side has gone
                self.close_connection = True
                return
            sent += len(piece)


@contextmanager
def running() -> Iterator[Hub]:
    """A hub that runs as long as the block does."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
