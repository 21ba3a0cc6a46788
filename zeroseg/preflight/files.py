"""Which files of a repository a component reads: all of them are here, or what is lacking."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from zeroseg.weights.needs import Checkpoint, Part

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What transformers looks for, the first one first: alone, or as the index of several files."""

_MARKS: dict[Part, tuple[str, ...]] = {
    "pictures": ("preprocessor_config.json", "processor_config.json"),
    "words": ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json"),
}
"""Files of which one at least is there where something prepares pictures or words."""
_SMALL = (".json", ".txt", ".model", ".jinja")


def lacking(folder: Path, checkpoint: Checkpoint) -> list[str]:
    """Names of the files that a checkpoint lacks in a folder; none if it can be loaded from it."""
    if checkpoint.files:
        return [name for name in checkpoint.files if not (folder / name).is_file()]
    absent: list[str] = []
    if "network" in checkpoint.parts:
        absent += [] if (folder / CONFIG).is_file() else [CONFIG]
        absent += _lacking_weights(folder)
    for part, names in _MARKS.items():
        if part in checkpoint.parts and not any((folder / name).is_file() for name in names):
            absent.append(names[0])
    return absent


def weights(folder: Path, checkpoint: Checkpoint) -> list[Path]:
    """The files of weights in a folder where nothing is lacking."""
    if checkpoint.files:
        return [folder / name for name in checkpoint.files]
    for name in WEIGHTS if "network" in checkpoint.parts else ():
        if (folder / name).is_file():
            return [folder / name]
        if shards := _shards(folder / f"{name}.index.json"):
            return [folder / shard for shard in shards]
    return []


def selected(checkpoint: Checkpoint, names: Sequence[str]) -> list[str]:
    """What a component reads of a repository with these files: no format twice, no other network's.

    Raises:
        FileNotFoundError: The repository lacks what it needs; the message is the missing name.
    """
    if checkpoint.files:
        _require(names, checkpoint.files)
        return list(checkpoint.files)
    small = [n for n in names if "/" not in n and n.endswith(_SMALL) and ".index." not in n]
    if "network" not in checkpoint.parts:
        return small
    _require(names, (CONFIG,))
    for weights in WEIGHTS:
        if weights in names:
            return [*small, weights]
        if (index := f"{weights}.index.json") in names:
            stem, _, suffix = weights.rpartition(".")
            shard = re.compile(rf"{stem}-\d+-of-\d+\.{suffix}")
            return [*small, index, *filter(shard.fullmatch, names)]
    raise FileNotFoundError(WEIGHTS[0])


def parameters(file: Path) -> int | None:
    """How many numbers a safetensors file holds, read off its header; None for another file."""
    if file.suffix != ".safetensors":
        return None
    try:
        with file.open("rb") as content:
            header = json.loads(content.read(int.from_bytes(content.read(8), "little")))
        tensors = [value for name, value in header.items() if name != "__metadata__"]
        return sum(math.prod(tensor["shape"]) for tensor in tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        return None  # damaged: whoever loads it says so


def _lacking_weights(folder: Path) -> list[str]:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return []
        index = folder / f"{name}.index.json"
        if index.is_file():
            return [shard for shard in _shards(index) if not (folder / shard).is_file()]
    return [WEIGHTS[0]]


def _shards(index: Path) -> list[str]:
    """The files that an index of weights names; none if there is no such index."""
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        return sorted({str(name) for name in content["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _require(names: Iterable[str], wanted: Iterable[str]) -> None:
    absent = [name for name in wanted if name not in names]
    if absent:
        raise FileNotFoundError(absent[0])
