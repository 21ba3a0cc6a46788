"""Fetch a checkpoint: whole files only, each verified, an interrupted one gone on with.

huggingface_hub's client goes on with a dropped connection, but gives up what it has when the
process ends, and does not look at checksums. So files are received here, by its own means, and put
where it looks for them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from zeroseg.preflight.hub import HubError, Remote, RemoteFile
from zeroseg.weights.hub import refusal, storage

ATTEMPTS = 4
"""How often a file is asked for; the client itself goes on with dropped connections in between."""
PAUSE = 1.0
"""Seconds before the second attempt; twice as many before each further one."""
_PIECE = 1 << 20


def into_cache(remote: Remote) -> None:
    """Fetch what is missing of a checkpoint into the hub's cache.

    Raises:
        HubError: It cannot be fetched, is not what the hub announces, or the disk is full.
    """
    for file in remote.files:
        blob = storage(remote.name, remote.holds) / "blobs" / file.digest
        if not blob.is_file():
            download(remote, file, blob)
        try:  # the client finds the blob, and gives it its name
            hf_hub_download(remote.name, file.name, repo_type=remote.holds)
        except Exception as error:  # its HTTP library's own errors differ from version to version
            raise HubError(f"{file.name}: {refusal(remote.page, error)}") from error


def into_folder(remote: Remote, folder: Path) -> None:
    """Fetch what is missing of a checkpoint into a folder; what the cache has is copied.

    Raises:
        HubError: It cannot be fetched, is not what the hub announces, or the disk is full.
    """
    for file in remote.files:
        target = folder / file.name
        if target.is_file() and target.stat().st_size == file.size:
            continue
        blob = storage(remote.name, remote.holds) / "blobs" / file.digest
        if blob.is_file():
            copy(blob, target)
        else:
            download(remote, file, target)


def copy(source: Path, target: Path) -> None:
    """Copy a file; a copy that is cut short is not left behind under its name.

    Raises:
        HubError: The disk is full.
    """
    part = _part(target, "copy")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _disk(error, target) from error


def left(remote: Remote, folder: Path | None = None) -> int:
    """Bytes that are still to be received, into the cache or a folder."""
    total = 0
    for file in remote.files:
        blob = storage(remote.name, remote.holds) / "blobs" / file.digest
        target = blob if folder is None else folder / file.name
        if not target.is_file():
            part = _part(target, file.digest)
            total += file.size - (part.stat().st_size if part.is_file() else 0)
    return max(total, 0)


def download(remote: Remote, file: RemoteFile, target: Path) -> None:
    """Receive one file and verify it; what an earlier attempt received is gone on with.

    Raises:
        HubError: It cannot be fetched, is not what the hub announces, or the disk is full. What
            has been received stays for the next attempt, unless it is wrong.
    """
    part = _part(target, file.digest)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.is_file() and part.stat().st_size > 0
        _receive(remote, file, part)
        if resumed and _digest(part, file.digest) != file.digest:
            part.unlink()  # the earlier piece may have been the wrong one
            _receive(remote, file, part)
        found = _digest(part, file.digest)
        if found != file.digest:
            part.unlink()
            raise HubError(
                f"{remote.page} sends something else for {file.name} than it announces "
                f"(checksum {found}, expected {file.digest}): check what stands between here and "
                f"the hub (proxy, mirror in HF_ENDPOINT), and try again; nothing of it is kept"
            )
        os.replace(part, target)
    except OSError as error:
        raise _disk(error, target) from error


def _receive(remote: Remote, file: RemoteFile, part: Path) -> None:
    """Receive the rest of a file, in several attempts if need be."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            return _go_on(remote, file, part)
        except EntryNotFoundError as error:
            raise HubError(f"{remote.page} lists {file.name}, but does not have it") from error
        except HfHubHTTPError as error:
            problem = refusal(remote.page, error)
            if error.response.status_code < 500 and error.response.status_code != 429:
                raise HubError(f"{file.name}: {problem}") from error
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the connection
                raise
            problem = f"{file.name}: {error}".splitlines()[0]
            part.unlink(missing_ok=True)
        except Exception as error:  # its HTTP library's own errors differ from version to version
            problem = f"{file.name}: the connection broke ({type(error).__name__}: {error})"
    kept = "another one goes on from there" if part.is_file() else "nothing of it is kept"
    raise HubError(f"{problem}; given up after {ATTEMPTS} attempts, {kept}")


def _go_on(remote: Remote, file: RemoteFile, part: Path) -> None:
    headers = build_hf_headers()
    url = hf_hub_url(remote.name, file.name, repo_type=remote.holds, revision=remote.commit)
    place = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).location
    if urlsplit(place).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the token is the hub's, not of where it keeps files
    if part.is_file() and part.stat().st_size > file.size:
        part.unlink()
    with part.open("ab") as content:
        http_get(
            place,
            content,
            resume_size=content.tell(),
            headers=headers,
            expected_size=file.size,
            displayed_filename=file.name,
        )


def _part(target: Path, digest: str) -> Path:
    """Where a file is kept until it is whole."""
    return target.with_name(f"{target.name}.{digest[:12]}.part")


def _digest(file: Path, like: str) -> str:
    """The checksum of a file, of the kind of another one: sha256, or git's name of a blob."""
    found = hashlib.sha256() if len(like) == 64 else hashlib.sha1()
    if len(like) != 64:
        found.update(b"blob %d\0" % file.stat().st_size)
    with file.open("rb") as content:
        while piece := content.read(_PIECE):
            found.update(piece)
    return found.hexdigest()


def _disk(error: OSError, target: Path) -> HubError:
    if error.errno == errno.ENOSPC:
        return HubError(
            f"the disk is full: {target.parent} has no room for {target.name}; free some, or set "
            f"HF_HUB_CACHE to another disk, and try again: what is whole stays"
        )
    return HubError(f"cannot write {target}: {error.strerror or error}")
