"""Small published files from servers that drop, trickle, answer pages, or are not there."""

from __future__ import annotations

import errno
import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch

from zeroseg.errors import CheckpointError
from zeroseg.weights import authors_file
from zeroseg.weights.authors_file import AuthorsFile

CONTENT = b"cat\ndog\n" * 1000
PAGE = b"<html><body>Please log in to the hotel's network</body></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the path says."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        kind = self.path.strip("/").removesuffix(".txt")
        self.send_response(200)
        if kind != "endless":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self._body(kind, self.wfile)
        self.close_connection = True

    def _body(self, kind: str, out: BinaryIO) -> None:
        if kind == "cut":
            out.write(CONTENT[:100])
        elif kind == "page":
            out.write(PAGE + b" " * (len(CONTENT) - len(PAGE)))
        elif kind in ("trickle", "endless"):
            try:
                for _ in range(100):
                    out.write(CONTENT[:50])
                    out.flush()
                    time.sleep(0.005 if kind == "trickle" else 0)
            except OSError:
                pass
        else:
            out.write(CONTENT)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def published(site: str, kind: str) -> AuthorsFile:
    return AuthorsFile(f"{site}/{kind}.txt", hashlib.sha256(CONTENT).hexdigest())


def nothing_is_kept(file: AuthorsFile) -> bool:
    return not file.path.parent.exists() or not list(file.path.parent.iterdir())


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cut", "could not be fetched .*100 bytes read, 7900 more"),
        ("page", "sent something else. Check the network"),
        ("trickle", "could not be fetched .*no end after"),
        ("endless", "could not be fetched .*no end after"),
    ],
)
def test_what_is_not_the_file_is_refused_and_not_kept(
    site: str, kind: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authors_file, "TOTAL_TIMEOUT", 0.1)
    monkeypatch.setattr(authors_file, "LARGEST", len(CONTENT) if kind != "endless" else 200)
    file = published(site, kind)
    with pytest.raises(CheckpointError, match=says) as caught:
        file.fetch()
    assert "\n" not in str(caught.value)
    assert f"copy the file from {file.url} to {file.path}" in str(caught.value)
    assert nothing_is_kept(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"is empty\. Delete it"),
        (CONTENT[:100], r"has changed\. Delete it"),
        (bytes(3000), r"zeros .*\. Delete it"),
        (PAGE, r"is a page of a web server.*\. Delete it"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"pointer of Git LFS.*\. Delete it"),
    ],
)
def test_a_damaged_copy_is_refused(site: str, content: bytes, says: str) -> None:
    file = published(site, "good")
    file.fetch().write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        file.fetch()


def test_a_full_disk_is_said_and_leaves_nothing(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: str, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = published(site, "good")
    monkeypatch.setattr("zeroseg.writing.os.replace", full)
    with pytest.raises(CheckpointError, match=r"the disk of .* is full: .* set TORCH_HOME"):
        file.fetch()
    assert nothing_is_kept(file)


def test_a_place_that_is_no_folder_is_said(site: str, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file")
    with pytest.raises(CheckpointError, match=r"cannot be used .*Or copy the file"):
        published(site, "good").fetch()
