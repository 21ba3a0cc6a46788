"""Small files that others publish: fetched once, verified by checksum, kept in the user's cache."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import torch

from zeroseg.errors import CheckpointError
from zeroseg.weights.damage import damage, first_line
from zeroseg.weights.hub import disk_problem
from zeroseg.writing import write_whole

TIMEOUT = 30
"""Seconds without a byte after which a download is given up."""
TOTAL_TIMEOUT = 120
"""Seconds after which it is given up in any case."""
LARGEST = 16 * 2**20
"""Bytes that no published list has."""
_PIECE = 2**16


@dataclass(frozen=True)
class AuthorsFile:
    """A file at a fixed address with known content.

    Attributes:
        url: Where it is; http or https.
        sha256: Checksum of its content, 64 hexadecimal digits.
    """

    url: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is kept, in the folder of `torch.hub` (see the variable TORCH_HOME)."""
        return Path(torch.hub.get_dir()) / "zeroseg" / self.url.rsplit("/", 1)[-1]

    def fetch(self) -> Path:
        """Download the file unless it is here already.

        Returns:
            Its path. The content is verified every time.

        Raises:
            CheckpointError: It cannot be fetched, its content is not the published one, or there
                is no place to keep it.
        """
        try:
            if self.path.is_file():
                problem = damage(self.path) or "has changed"
                complaint = f"{self.path} {problem}. Delete it and"
                self._verify(self.path.read_bytes(), complaint)
            else:
                content = self._download()
                self._verify(content, f"{self.url} sent something else. Check the network, or")
                write_whole(self.path, content)
        except OSError as error:
            problem = disk_problem(error, self.path, "TORCH_HOME") or (
                f"{self.path} cannot be used ({error})"
            )
            raise CheckpointError(f"{problem}. Or {self._by_hand}") from error
        return self.path

    def _download(self) -> bytes:
        began = time.monotonic()
        content = b""
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT) as response:
                while piece := response.read1(_PIECE):
                    content += piece
                    if time.monotonic() - began > TOTAL_TIMEOUT or len(content) > LARGEST:
                        raise TimeoutError(f"no end after {len(content)} bytes")
                if response.length:
                    raise http.client.IncompleteRead(content, response.length)
        except (OSError, http.client.HTTPException) as error:
            raise CheckpointError(
                f"{self.url} could not be fetched ({first_line(error)}). Without a network, "
                f"{self._by_hand}"
            ) from error
        return content

    def _verify(self, content: bytes, complaint: str) -> None:
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise CheckpointError(
                f"{complaint} {self._by_hand} Its sha256 is {found}, expected {self.sha256}."
            )

    @property
    def _by_hand(self) -> str:
        return (
            f"copy the file from {self.url} to {self.path}, or put it beside the checkpoint, "
            f"or give its path."
        )
