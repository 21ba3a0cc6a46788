"""The components of a configuration, and what each of them needs; none is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

from zeroseg.errors import PresetError
from zeroseg.preflight.class_paths import named
from zeroseg.weights.needs import (
    Checkpoint,
    Need,
    OwnFile,
    Package,
    Sight,
    SmallFile,
    arguments_of,
)

Kind = TypeVar("Kind", Checkpoint, OwnFile, Package, Sight, SmallFile)


@dataclass(frozen=True)
class Place:
    """A component in a configuration.

    Attributes:
        path: Where it stands: names of arguments, from the segmenter's down to its own.
        kind: Its class, or the function that builds it.
        arguments: What it would be built with, defaults included.
        needs: What must be here before.
        known: Whether that is all it needs; False for a component that does not say.
    """

    path: tuple[str, ...]
    kind: Any
    arguments: Mapping[str, Any]
    needs: tuple[Need, ...]
    known: bool

    @property
    def name(self) -> str:
        """How messages call it: the arguments without the words of the configuration's format."""
        return ".".join(step for step in self.path if step != "init_args")


def places(config: Any, path: tuple[str, ...] = ()) -> Iterator[Place]:
    """Every component of a configuration, the outer ones first.

    Args:
        config: Arguments of a segmenter, or a part of them. What is no class path, or leads
            nowhere, is passed over: whoever builds it says so.
        path: Where the part stands.
    """
    if not isinstance(config, Mapping):
        return
    kind = _kind(config.get("class_path")) if path else None
    if kind is not None:
        yield _place(path, kind, config.get("init_args") or {})
    for name, value in config.items():
        yield from places(value, (*path, str(name)))


def needs_of(found: Iterable[Place], kind: type[Kind]) -> Iterator[tuple[Place, Kind]]:
    """The needs of one kind, each with the component that has it."""
    for place in found:
        for need in place.needs:
            if isinstance(need, kind):
                yield place, need


def seeing(found: Sequence[Place]) -> list[Place]:
    """The language models that are shown pictures."""
    shown = {(*own.path, "init_args", need.argument) for own, need in needs_of(found, Sight)}
    return [place for place in found if place.path in shown]


def names_of(found: Iterable[Place]) -> str:
    """The components by name, each once."""
    return " and ".join(dict.fromkeys(place.name for place in found))


def set_arguments(config: dict[str, Any], place: Place, changes: Mapping[str, Any]) -> None:
    """Change arguments of a component, where it stands."""
    node: Any = config
    for step in place.path:
        node = node[step]
    node["init_args"] = {**(node.get("init_args") or {}), **changes}


def installed(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _place(path: tuple[str, ...], kind: Any, given: Mapping[str, Any]) -> Place:
    arguments = {**_defaults(kind), **given}
    says = getattr(kind, "needs", None)
    known = says is not None or str(getattr(kind, "__module__", "")).startswith("zeroseg.")
    try:
        needs = tuple(says(arguments)) if says is not None else ()
    except (KeyError, TypeError, ValueError):  # arguments that it does not take: building says so
        needs, known = (), False
    return Place(path, kind, arguments, needs, known)


def _defaults(kind: Any) -> dict[str, Any]:
    try:
        parameters = arguments_of(kind).values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _kind(path: object) -> Any:
    try:
        return named(path)
    except PresetError:
        return None
