"""Files of class names: YAML, JSON, and plain text, one name a line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zeroseg import yaml_text
from zeroseg.class_lists.values import shown
from zeroseg.decoding import decoded
from zeroseg.errors import VocabularyError
from zeroseg.regular_file import open_regular

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
        with open_regular(path) as file:
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
        return yaml_text.load_json(text) if is_json else yaml_text.load_words(text)
    except ValueError as error:
        raise VocabularyError(str(error)) from error
