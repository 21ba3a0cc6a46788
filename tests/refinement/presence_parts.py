"""Thresholds of presence that are the same for every class."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.presence_thresholds import (
    Basis,
    ClassThreshold,
    PresenceThresholds,
    words_of,
)
from zeroseg.vocabulary import Vocabulary


def thresholds(
    vocabulary: Vocabulary,
    threshold: float = 0.0,
    width: float = 0.1,
    checkpoint: str = "",
    templates: Sequence[str] = ("a photo of a {}.",),
    basis: Basis = "two groups",
) -> PresenceThresholds:
    """The same threshold for every class."""
    classes = {
        vocabulary.names[i]: ClassThreshold(words_of(vocabulary, i), threshold, width, 7, basis)
        for i in vocabulary.classes
    }
    return PresenceThresholds(checkpoint, tuple(templates), 40, classes)
