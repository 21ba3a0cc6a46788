"""What a configuration takes from files of this machine: classes of one's own, weights, lists."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_ENDS = 2**20
"""Bytes at the beginning and at the end of a file that tell it, with its size, from others."""


def origins(config: Mapping[str, Any] | None) -> dict[str, str]:
    """Digests of the files that a configuration names, by how it names them.

    The source of classes that are not of this package; files, and folders with all that is in them,
    of which no more is read than their ends: weights are large. A cache of answers changes none.
    """
    parts = {
        name: value
        for name, value in (config or {}).items()
        if name == "class_path" or (isinstance(value, Mapping) and name != "vocabulary")
    }
    found = {text: _told(text, name) for name, text in dict.fromkeys(_texts(parts))}
    return {text: told for text, told in found.items() if told is not None}


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a configuration, each after what it is called."""
    if isinstance(value, Mapping):
        for inner, part in value.items():
            if inner != "cache":
                yield from _texts(part, str(inner))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part, name)
    elif isinstance(value, str | Path):
        yield name, str(value)


def _told(text: str, name: str) -> str | None:
    if name == "class_path":
        return None if text.startswith("zeroseg.") else _module(text)
    path = Path(text)
    try:
        if ("/" not in text and not path.suffix) or not path.exists():
            return None
    except (OSError, ValueError):  # too long for a name: a prompt, or a list of classes
        return None
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    told = [f"{os.path.relpath(file, path)} {_ends(file)}" for file in files if file.is_file()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _module(class_path: str) -> str | None:
    module = class_path.rpartition(".")[0]
    while module:  # of a class's method, the class comes before its module
        try:
            spec = find_spec(module)
        except (ImportError, ValueError, AttributeError):
            spec = None
        if spec is not None and spec.origin and os.path.isfile(spec.origin):
            return _ends(Path(spec.origin))
        module = module.rpartition(".")[0]
    return None


def _ends(file: Path) -> str:
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as opened:
        digest.update(opened.read(_ENDS))
        opened.seek(max(_ENDS, size - _ENDS))
        digest.update(opened.read(_ENDS))
    return digest.hexdigest()[:16]
