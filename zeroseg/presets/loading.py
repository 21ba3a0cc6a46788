"""How components of a configuration are made: by `from_pretrained`, where they have it.

A configuration can name no network, so the arguments of a component that is built around one are
those of its `from_pretrained`. jsonargparse makes what a class path names; it is told of a class
whose arguments are these, and which makes the component.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from zeroseg.errors import PresetError
from zeroseg.preflight.class_paths import named
from zeroseg.weights.needs import maker


def with_loading(value: Any) -> Any:
    """A part of a configuration in which components are made by what makes them."""
    if isinstance(value, list | tuple):
        return [with_loading(part) for part in value]
    if not isinstance(value, Mapping):
        return value
    entry = {name: with_loading(part) for name, part in value.items()}
    if "class_path" in entry and (kind := _found(entry["class_path"])) is not None:
        entry["class_path"] = _loading(kind)
    return entry


def as_written(message: str) -> str:
    """A message of jsonargparse with the class paths that stand in the configuration."""
    for path, written in _WRITTEN.items():
        message = message.replace(path, written)
    return message


def _found(path: object) -> Any:
    """What a class path means if it is made by `from_pretrained`, else None."""
    try:
        kind = named(path)
    except PresetError:
        return None  # jsonargparse says so
    return kind if maker(kind) is not kind else None


_WRITTEN: dict[str, str] = {}


@cache
def _loading(kind: Any) -> str:
    from jsonargparse.typing import class_from_function

    written = f"{kind.__module__}.{kind.__qualname__}"
    name = written.replace(".", "_")
    globals().pop(name, None)  # of the class before its module was loaded anew, as notebooks do
    made = class_from_function(kind.from_pretrained, kind, name)
    path = f"{made.__module__}.{made.__qualname__}"
    _WRITTEN[path] = written
    return path
