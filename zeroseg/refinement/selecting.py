"""Making a Selection out of classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from zeroseg.values import DISTRACTOR, Exchange, Selection
from zeroseg.vocabulary import Vocabulary


def select_classes(
    labels: Iterable[int], vocabulary: Vocabulary, exchanges: tuple[Exchange, ...] = ()
) -> Selection:
    """Ask for classes by all their words, in the vocabulary's order, without the background.

    Where anything is asked for, the distractors are, too.
    """
    chosen = sorted(set(labels) - {vocabulary.background})
    asked = {
        word: label
        for label in chosen
        for word in (vocabulary.prompts[label], *vocabulary.words[label])
    }
    return with_distractors(Selection(tuple(asked), tuple(asked.values()), exchanges), vocabulary)


def with_distractors(selection: Selection, vocabulary: Vocabulary) -> Selection:
    """The selection and the vocabulary's distractors, if it asks for anything."""
    more = [word for word in vocabulary.distractors if word not in selection.prompts]
    if not more or not selection.prompts:
        return selection
    return replace(
        selection,
        prompts=(*selection.prompts, *more),
        labels=(*selection.labels, *(DISTRACTOR for _ in more)),
    )
