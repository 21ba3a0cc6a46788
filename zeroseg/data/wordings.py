"""The words that classes are asked for with: their names, added ones, or a published list's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from zeroseg import yaml_text
from zeroseg.class_lists.files import STRUCTURED
from zeroseg.errors import ZerosegError
from zeroseg.vocabularies import compiled
from zeroseg.vocabulary import Vocabulary, as_words

NAMES = "names"
"""What asking for classes by their own names is called."""

COMPILED = "compiled"
"""What asking for them by added words as well is called, by those that come with the package."""


def wordings(data: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The lists of words that there are for a data set.

    Args:
        data: Its name in the catalog, for the published lists.
        vocabulary: Its classes.
    """
    added = (COMPILED,) if compiled(vocabulary) is not None else ()
    return (NAMES, *added, *(name for name, lists in _lists().items() if data in lists))


def worded(vocabulary: Vocabulary, data: str, words: str) -> Vocabulary:
    """A data set's classes with the words of a list; nothing else of them changes.

    Args:
        vocabulary: The classes.
        data: The data set's name in the catalog, for the published lists.
        words: One of `wordings(data, vocabulary)`, or a class file with words for the classes.

    Raises:
        ZerosegError: There is no such list for this data set, or one of its words would mean two
            of the classes.
    """
    if words.casefold().endswith(STRUCTURED):
        return vocabulary.asked_like(Vocabulary.parse(words))
    if words not in (known := wordings(data, vocabulary)):
        raise ZerosegError(
            f"{data} has no words '{words}'; there are {', '.join(known)}, and class files (.yaml)"
        )
    if words == NAMES:
        return vocabulary
    if words == COMPILED and (added := compiled(vocabulary)) is not None:
        return added
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
