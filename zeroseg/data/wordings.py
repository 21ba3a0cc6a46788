"""The words that classes are asked for with: their own names, or those of a published list."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from zeroseg import yaml_text
from zeroseg.errors import ZerosegError
from zeroseg.vocabulary import Vocabulary, as_words

NAMES = "names"
"""What asking for classes by their own names is called."""


def wordings(data: str) -> tuple[str, ...]:
    """The lists of words that there are for a data set, by its name in the catalog."""
    return (NAMES, *(name for name, lists in _lists().items() if data in lists))


def worded(vocabulary: Vocabulary, data: str, words: str) -> Vocabulary:
    """A data set's classes with the words of a list; nothing else of them changes.

    Args:
        vocabulary: The classes.
        data: The data set's name in the catalog.
        words: One of `wordings(data)`.

    Raises:
        ZerosegError: There is no such list for this data set.
    """
    if words not in (known := wordings(data)):
        raise ZerosegError(f"{data} has no words '{words}'; there are {', '.join(known)}")
    if words == NAMES:
        return vocabulary
    found = _lists()[words][data]
    asked: dict[str, list[str]] = {
        as_words(name): texts for name, texts in found.get("classes", {}).items()
    }
    texts = [
        asked.get(as_words(name), [prompt])
        for name, prompt in zip(vocabulary.names, vocabulary.prompts, strict=True)
    ]
    return replace(
        vocabulary,
        prompts=tuple(own[0] for own in texts),
        words=tuple(tuple(own[1:]) for own in texts),
        distractors=tuple(found.get("background", ())),
    )


@cache
def _lists() -> dict[str, Any]:
    content: dict[str, Any] = yaml_text.packaged("zeroseg.data", "wordings.yaml")
    return content
