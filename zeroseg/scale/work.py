"""Pictures on their way through pools of workers, and how they are sent."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from zeroseg.server_address import without_passwords
from zeroseg.values import Failure, Usage


@dataclass(frozen=True)
class Work:
    """One picture, and what is known of it so far.

    Attributes:
        name: Unique among the pictures of a run; the path below the archive's root.
        source: Where the picture lies.
        data: The encoded picture; None before it is read, and once nobody needs it any more.
        values: What later stages need of what is known, by name; in the end its "label_map",
            (H, W) uint8, or int32 for indices over 255, and its `zeroseg.result_details.details`.
        seconds: Time of each stage, this picture's share of its batch.
        usage: What a language model was asked for it.
        failure: What went wrong; no later stage touches such a picture.
        stamp: Size and time of the file as its store tells them; "" where it does not.
        digest: Of the encoded picture, once it was read.
    """

    name: str
    source: str
    data: bytes | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    failure: Failure | None = None
    stamp: str = ""
    digest: str | None = None

    @property
    def label_map(self) -> Tensor:
        """The label map of a finished picture, (H, W) uint8 or int32."""
        labels: Tensor = self.values["label_map"]
        return labels

    def failed(self, stage: str, message: str) -> Work:
        """The picture, given up."""
        failure = Failure(self.name, stage, without_passwords(message))
        return replace(self, data=None, values={}, failure=failure)


@dataclass(frozen=True)
class Stop:
    """Why a run has to stop.

    Attributes:
        message: What is wrong, and what to do.
        begun: Whether anything could be begun: a language model that went away stops a run on its
            way, a model that cannot be built stops it at once.
    """

    message: str
    begun: bool


@dataclass(frozen=True)
class Part:
    """Pictures that travel together, and make one file of the manifest.

    Attributes:
        works: The pictures; those that a stop kept from being finished are left out.
        stop: Why some were left out, and the run ends.
    """

    works: tuple[Work, ...]
    stop: Stop | None = None

    @property
    def key(self) -> str:
        """Told by the pictures alone: the same part writes the same file, however often."""
        names = "\n".join(work.name for work in self.works)
        return hashlib.sha256(names.encode()).hexdigest()[:16]


def printable(text: str) -> str:
    """Text that any file can hold; names of files need not be."""
    return text.encode("utf-8", "backslashreplace").decode()


def parts_of(works: Sequence[Work], size: int) -> list[Part]:
    """The pictures in parts of `size`."""
    return [Part(tuple(works[i : i + size])) for i in range(0, len(works), size)]


class _Pickler(pickle.Pickler):
    """Sends a tensor as its own numbers alone, where torch sends all that it is a view of."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return torch.from_numpy, (value.detach().cpu().contiguous().numpy(),)
        return NotImplemented


def pack(part: Part) -> bytes:
    """A part as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(part)
    return buffer.getvalue()


def unpack(packed: bytes) -> Part:
    """What was packed; for bytes of the same run only, as pickle is."""
    part: Part = pickle.loads(packed)
    return part
