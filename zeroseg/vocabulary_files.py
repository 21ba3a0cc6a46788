"""Files of class names: YAML, JSON, and plain text, one name a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from zeroseg.decoding import decoded
from zeroseg.errors import VocabularyError
from zeroseg.vocabulary_values import shown

STRUCTURED = (".yaml", ".yml", ".json")
"""Endings of files that can hold more than names."""

PLAIN = (".txt", ".names", ".csv", ".tsv")
"""Endings of files with one name a line."""

LARGEST_FILE = 1 << 20
"""Bytes; 255 classes with all that belongs to them take a few thousand."""

_PLACE = re.compile(r"(\.{0,2}|~|[A-Za-z]:|[a-z0-9]+:/)[/\\]")


def is_file_name(text: str) -> bool:
    """Whether a text is evidently the name of a file rather than of a class."""
    text = text.strip()
    ending = text.casefold().endswith((*STRUCTURED, *PLAIN))
    return len(text.splitlines()) == 1 and bool(ending or _PLACE.match(text))


def read_file(path: Path) -> str:
    """The text of a small file, UTF-8 or whatever its byte order mark says.

    Raises:
        VocabularyError: It is not there, no file, no text, or too long for a vocabulary.
    """
    try:
        if not path.is_file():
            raise VocabularyError("it is a folder" if path.is_dir() else "there is no such file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise VocabularyError(f"it has more than {LARGEST_FILE} bytes, too long for names")
        return decoded(data)
    except OSError as error:
        raise VocabularyError(str(error.strerror)) from error
    except UnicodeError as error:
        raise VocabularyError(str(error)) from error


def read_structured_file(path: Path) -> dict[Any, Any] | list[Any]:
    """The list or mapping in a YAML or JSON file.

    Raises:
        VocabularyError: It cannot be read, or holds something else.
    """
    content = read_structure(read_file(path), is_json=path.suffix.casefold() == ".json")
    if not isinstance(content, dict | list):
        held = "nothing" if content is None else shown(content)
        raise VocabularyError(
            f"it holds {held}, neither a list of names nor a mapping with `classes`"
        )
    return content


def read_structure(text: str, is_json: bool = False) -> Any:
    """What a YAML or JSON text holds; in YAML every word is text, as it stands there.

    Raises:
        VocabularyError: It is no such text, or a key stands there twice.
    """
    try:
        if is_json:
            return json.loads(text, object_pairs_hook=_without_repeats)
        return yaml.load(text, Loader=_Words)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        kind = "JSON" if is_json else "YAML"
        raise VocabularyError(f"this is no {kind}: {reason}") from error


def _without_repeats(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    content: dict[Any, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {shown(key)} stands there twice")
        content[key] = value
    return content


class _Words(yaml.BaseLoader):
    """Keeps no, on, null, 010 and 2012-01-01 the words they are; a key without a value is None."""

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
