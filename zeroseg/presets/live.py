"""The configuration of a segmenter as it now is, whatever was changed since it was built."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from zeroseg.chat.cached_chat import CachedChat
from zeroseg.preflight.secrets import without_secrets
from zeroseg.presets.entries import is_plain
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.needs import constructor_arguments

_Where = tuple[str, ...]

_NO_SETTINGS = ("scores", "cache")
"""What is counted, and where answers are kept, which changes none."""


@dataclass(frozen=True)
class _Object:
    """Stands for something that no configuration can hold; the same thing is equal."""

    number: int
    class_path: str = field(compare=False)

    def __deepcopy__(self, copied: dict[int, Any]) -> _Object:
        """The copy's part stands for the copy: a module's parts are copied before its values."""
        return _object(copied.get(self.number, self))


def settings(part: nn.Module, where: _Where = ()) -> dict[_Where, Any]:
    """What a system or component holds of its arguments, and those of the components within it.

    Args:
        part: What is looked into.
        where: Names of the arguments that lead to it.

    Returns:
        Values by the names that lead there; anything but a plain value is told by which it is.
    """
    taken = constructor_arguments(type(part))
    held = {**vars(part), **part._modules}
    found: dict[_Where, Any] = {}
    for name in dict.fromkeys((*taken, *part._modules)):
        if name not in held or name in _NO_SETTINGS:
            continue
        value = held[name]
        if isinstance(value, CachedChat):  # keeping answers changes none of them
            value = value.chat
        known = is_plain(value) or isinstance(value, Vocabulary)
        place = (*where, name)
        found[place] = value if known and name in taken else _object(value)
        if isinstance(value, nn.Module) and _has_arguments(value):
            found |= settings(value, place)
    return found


def _object(value: object) -> _Object:
    kind = type(value)
    return _Object(id(value), f"{kind.__module__}.{kind.__qualname__}")


def _has_arguments(part: nn.Module) -> bool:
    """Whether it is a component, and no network of a library."""
    return type(part).__module__.partition(".")[0] not in ("torch", "transformers", "torchmetrics")


def as_it_is(
    config: Mapping[str, Any], before: Mapping[_Where, Any], now: Mapping[_Where, Any]
) -> dict[str, Any] | None:
    """A configuration with what was changed since.

    Args:
        config: What described the system once.
        before: Its settings then.
        now: Its settings now.

    Returns:
        What describes it now; None if nothing can, since it holds something that was not built
        from a configuration.
    """
    described = dict(copy.deepcopy(config))
    for where, value in now.items():
        if where not in before or before[where] == value:  # new: within what was put in, below
            continue
        if isinstance(value, _Object):
            return None
        node = described
        for depth, name in enumerate(where[:-1], start=1):
            node = _arguments(node, name, now[where[:depth]].class_path)
        node[where[-1]] = without_secrets(_written(value), where[-1])
    return described


def _arguments(node: dict[str, Any], name: str, class_path: str) -> dict[str, Any]:
    """The arguments of a component, which may stand there by default."""
    entry = node.get(name) or {"class_path": class_path}
    node[name] = entry
    found: dict[str, Any] = entry.setdefault("init_args", {}) or {}
    entry["init_args"] = found
    while isinstance(inside := found.get("part"), dict):  # of an offloaded one
        found = inside.setdefault("init_args", {})
    return found


def _written(value: Any) -> Any:
    """A value as files hold it."""
    if isinstance(value, Vocabulary):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return list(map(_written, value))
    if isinstance(value, dict):
        return {name: _written(part) for name, part in value.items()}
    return str(value) if isinstance(value, Path) else value
