"""What the hub has of a checkpoint, and why not, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import HfApi

from zeroseg.errors import ZerosegError
from zeroseg.preflight.files import selected
from zeroseg.weights.hub import page, refusal
from zeroseg.weights.needs import Checkpoint

TIMEOUT = 10.0
"""Seconds without an answer after which the hub counts as out of reach."""


class HubError(ZerosegError):
    """The hub does not give what is asked for; the message says what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A file at the hub.

    Attributes:
        name: In its repository.
        size: In bytes.
        digest: Checksum of its content: sha256 of a large file, git's own name of a small one.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Remote:
    """What a component reads of a repository at the hub.

    Attributes:
        name: Of the repository.
        holds: What the hub calls it: "model" or "dataset".
        commit: The repository's newest.
        files: What is read of it.
        licence: As its card says; None where it says nothing.
        gated: Whether its licence has to be accepted first; it has been, if there is a `Remote`.
        config: What the hub tells of its `config.json`: kind of model and of network.
    """

    name: str
    holds: str
    commit: str
    files: tuple[RemoteFile, ...]
    licence: str | None
    gated: bool
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The address of the repository's page."""
        return page(self.name, self.holds)


def ask(checkpoint: Checkpoint) -> Remote:
    """Ask the hub for what a component reads of a repository.

    Raises:
        HubError: The hub is out of reach, has no such repository, or does not open it.
    """
    name, holds = checkpoint.name, checkpoint.holds
    api = HfApi()
    try:
        info = api.repo_info(name, repo_type=holds, files_metadata=True, timeout=TIMEOUT)
        if info.gated:
            api.auth_check(name, repo_type=holds)
    except Exception as error:  # its HTTP library's own errors differ from version to version
        raise HubError(refusal(page(name, holds), error)) from error
    sizes = {file.rfilename: file for file in info.siblings or []}
    try:
        names = selected(checkpoint, list(sizes))
    except FileNotFoundError as error:
        raise HubError(f"{page(name, holds)} has no file {error}") from None
    files = tuple(_remote_file(sizes[file]) for file in names)
    licence = (info.card_data or {}).get("license")
    config = getattr(info, "config", None) or {}
    return Remote(name, holds, str(info.sha), files, licence, bool(info.gated), config)


def _remote_file(file: Any) -> RemoteFile:
    digest = file.lfs.sha256 if file.lfs is not None else file.blob_id
    return RemoteFile(file.rfilename, int(file.size or 0), str(digest))
