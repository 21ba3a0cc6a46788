"""What of a checkpoint is on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zeroseg.preflight.files import lacking, parameters, weights
from zeroseg.preflight.known import known
from zeroseg.weights.checkpoints import locate
from zeroseg.weights.hub import is_hub_name, snapshot
from zeroseg.weights.needs import Checkpoint

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True)
class Held:
    """What of a checkpoint is here.

    Attributes:
        checkpoint: What is asked for.
        where: Part of the package, a folder or file of the user's, the hub's cache, or nowhere.
        folder: Where its files lie, None where none of them is here.
        lacks: Files that are missing there, or all that matter.
    """

    checkpoint: Checkpoint
    where: Literal["package", "folder", "cache", "nowhere"]
    folder: Path | None
    lacks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it can be loaded from here."""
        return self.folder is not None and not self.lacks

    @property
    def at_hub(self) -> bool:
        """Whether what is missing may be found at the hub."""
        return self.where in ("cache", "nowhere") and is_hub_name(self.checkpoint.name)


def held(checkpoint: Checkpoint) -> Held:
    """Look for a checkpoint on this machine."""
    path = Path(locate(checkpoint.name))
    if path.is_file():
        return Held(checkpoint, "folder", path.parent)
    if path.is_dir():
        where: Literal["package", "folder"] = "folder"
        where = "package" if checkpoint.name.startswith("tiny:") else where
        return Held(checkpoint, where, path, tuple(lacking(path, checkpoint)))
    cached = snapshot(checkpoint.name, checkpoint.holds) if is_hub_name(checkpoint.name) else None
    if cached is not None:
        return Held(checkpoint, "cache", cached, tuple(lacking(cached, checkpoint)))
    return Held(checkpoint, "nowhere", None, checkpoint.files)


def count(found: Held) -> int | None:
    """How many numbers the network has, by its files or else by what is known of it."""
    counts = [parameters(file) for file in _weights(found)]
    if counts and None not in counts:
        return sum(number or 0 for number in counts)
    return known(found.checkpoint.name).parameters


def size(found: Held) -> int | None:
    """Bytes of the files that are read, by what is known of them or else by those of weights."""
    own = sum(file.stat().st_size for file in _weights(found))
    return known(found.checkpoint.name).bytes or own or None


def memory(found: Held, accelerated: bool) -> int | None:
    """Bytes that the weights take once loaded; None where nothing tells.

    Args:
        found: The checkpoint.
        accelerated: Whether it goes to an accelerator, which decides on the type "auto".
    """
    checkpoint = found.checkpoint
    if checkpoint.holds != "model" or not (checkpoint.files or "network" in checkpoint.parts):
        return 0
    number = count(found)
    dtype = checkpoint.dtype
    if dtype == "auto":
        dtype = "float16" if accelerated else "float32"
    if number is not None and dtype in _BYTES:
        return number * _BYTES[dtype]
    stored = sum(file.stat().st_size for file in _weights(found))
    return stored or known(checkpoint.name).bytes


def _weights(found: Held) -> list[Path]:
    """The files of weights that are here, if the checkpoint is whole."""
    return weights(found.folder, found.checkpoint) if found.folder and found.whole else []
