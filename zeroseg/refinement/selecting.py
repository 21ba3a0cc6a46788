"""Making a Selection out of classes, and a smaller one out of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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


def only(selection: Selection, labels: Collection[int]) -> Selection:
    """What a selection asks for of these classes, and what it asks for that is of no class.

    Distractors go with the last of the others.
    """
    kept = [i for i, label in enumerate(selection.labels) if label < 0 or label in labels]
    alone = all(selection.labels[i] == DISTRACTOR for i in kept)
    return selection.keep(() if alone else kept)
