"""The reference way to read a text: cut at ", ", and only class names letter for letter count.

The models of the publication did not think aloud. What a model of today thinks, or wraps around
its answer, is taken off an answer first (see `zeroseg.chat.final_answer`); an answer without such
marks is read as it stands, down to its last space.
"""

from __future__ import annotations

from zeroseg.chat.final_answer import final_answer
from zeroseg.refinement.reply import Answers, Parsed
from zeroseg.values import UNRESOLVED, Description
from zeroseg.vocabulary import Vocabulary

_SEPARATOR = ", "
_NONE = "none"


def told(description: Description) -> str:
    """A description as the reference writes it: "dog, boat: a dog in a boat"."""
    tags = _SEPARATOR.join(tag.name for tag in description.tags)
    return tags if description.caption is None else f"{tags}: {description.caption}"


def tagged(description: Description, vocabulary: Vocabulary) -> tuple[int, ...]:
    """The classes that a description lists.

    The last tag of a description with a caption is lost: "boat: a dog in a boat" is one item.
    """
    return _listed(told(description), vocabulary).labels


def read_labels(text: str, vocabulary: Vocabulary) -> Parsed:
    """The classes that an answer lists.

    "Dog", "dog." and "potted plant" for "potted-plant" are no classes and dropped, and so is a
    class with a new line behind it.
    """
    return _listed(final_answer(text), vocabulary)


def _listed(text: str, vocabulary: Vocabulary) -> Parsed:
    known = {vocabulary.names[label]: label for label in vocabulary.classes}
    items = text.split(_SEPARATOR)
    found = {known[item] for item in items if item in known}
    dropped = tuple(item for item in items if item not in (*known, _NONE) and item.strip())
    return Parsed(tuple(sorted(found)), dropped, empty=text == _NONE)


def read_answer(text: str, vocabulary: Vocabulary) -> Answers:
    """The class that a whole answer about one phrase names; an empty answer is none at all."""
    text = final_answer(text)
    if not text:
        return Answers({})
    if text in vocabulary.names:
        return Answers({0: vocabulary.names.index(text)})
    return Answers({0: UNRESOLVED}, () if text == _NONE else (text.strip(),))
