"""Making a Selection out of classes."""

from __future__ import annotations

from collections.abc import Iterable

from zeroseg.values import Exchange, Selection
from zeroseg.vocabulary import Vocabulary


def select_classes(
    labels: Iterable[int], vocabulary: Vocabulary, exchanges: tuple[Exchange, ...] = ()
) -> Selection:
    """Ask for classes by their own prompts, in the vocabulary's order, without the background."""
    chosen = tuple(sorted(set(labels) - {vocabulary.background}))
    prompts = tuple(vocabulary.prompts[label] for label in chosen)
    return Selection(prompts, chosen, exchanges)
