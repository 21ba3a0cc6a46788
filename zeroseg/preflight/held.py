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


def memory(found: Held, accelerated: bool) -> int | None:
    """Bytes that the weights take once loaded; None where nothing tells.

    Args:
        found: The checkpoint.
        accelerated: Whether it goes to an accelerator, which decides on the type "auto".
    """
    checkpoint = found.checkpoint
    if checkpoint.holds != "model" or not (checkpoint.files or "network" in checkpoint.parts):
        return 0
    files = weights(found.folder, checkpoint) if found.folder and found.whole else []
    counts = [parameters(file) for file in files]
    count = known(checkpoint.name).parameters
    if counts and None not in counts:
        count = sum(number or 0 for number in counts)
    dtype = checkpoint.dtype
    if dtype == "auto":
        dtype = "float16" if accelerated else "float32"
    if count is not None and dtype in _BYTES:
        return count * _BYTES[dtype]
    return sum(file.stat().st_size for file in files) or known(checkpoint.name).bytes
