"""YAML and JSON that others wrote: what is silently wrong in them is an error in one line."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"

# libyaml's is ten times as fast; not every build of PyYAML has it.
_PARSER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


MOST_VALUES = 100_000
"""Values in a text, those that are repeated by reference too; 65,535 classes fit into a mask."""

MOST_LEVELS = 64
"""Lists and mappings within each other."""


def load(text: str) -> Any:
    """What a YAML text holds; `yaml.safe_load` but for a key that stands there twice.

    Raises:
        ValueError: It is no YAML, a mapping repeats a key, or it is too much to be meant; the
            message is one line.
    """
    return _loaded(text, _Values)


def packaged(package: str, name: str) -> Any:
    """What a YAML file holds that comes with a package, such as "zeroseg.chat"."""
    return load(resources.files(package).joinpath(name).read_text(encoding="utf-8"))


def load_words(text: str) -> Any:
    """The same with every scalar as the text it is: no, on, null, 010 and 2012-01-01 are words.

    Only a key without a value, or with null, has None.

    Raises:
        ValueError: See `load`; also for a tag, which could make something else than text.
    """
    return _loaded(text, _Words)


def load_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: It is no JSON, or an object repeats a key; the message is one line.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is no JSON: {error}") from error


def _loaded(text: str, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    try:
        _measure(text)
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no YAML: {' '.join(str(error).split())}") from error


def _measure(text: str) -> None:
    """Refuse a text before anything is made of it that is small itself and large when it is read.

    Raises:
        ValueError: It holds too many values, too deep ones, or one that is within itself.
    """
    count, whole, opened = 0, dict[str, int](), list[tuple[str | None, int]]()
    for event in yaml.parse(text, Loader=_PARSER):
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == name for name, _ in opened):
                raise ValueError(f"the reference *{anchor} is recursive")
            count += whole.get(anchor or "", 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = opened.pop()
            if name is not None:
                whole[name] = count - before
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((anchor, count))
            count += 1
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if anchor is not None:
                whole[anchor] = 1
        if len(opened) > MOST_LEVELS:
            raise ValueError(f"it has more than {MOST_LEVELS} levels")
        if count > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES} values")


def _without_repeats(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    content: dict[Any, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {key!r} stands there twice")
        content[key] = value
    return content


class _Values(yaml.SafeLoader):
    """YAML's own types."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != _MERGE]  # before anchors are merged in
        content = super().construct_mapping(node, deep)
        _without_repeats([(self.construct_object(key, deep=True), None) for key in own])
        return content


class _Words(yaml.BaseLoader):
    """Text, lists and mappings."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        super().construct_mapping(node, deep)  # refuses keys that cannot be one
        return _without_repeats(
            [(self.construct_object(key), self._value(value)) for key, value in node.value]
        )

    def _value(self, node: yaml.Node) -> Any:
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        if plain and node.value in ("", "~", "null", "Null", "NULL"):
            return None
        return self.construct_object(node)

    def _refused(self, node: yaml.Node) -> Any:
        raise ValueError(f"a tag, {node.tag}, has no meaning here")


for _kind, _constructor in (
    ("str", _Words.construct_scalar),
    ("seq", _Words.construct_sequence),
    ("map", _Words.construct_mapping),
):
    _Words.add_constructor(f"tag:yaml.org,2002:{_kind}", _constructor)
_Words.add_constructor(None, _Words._refused)
