"""Signatures from scores: the three groups of places, and the share of nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.fusion.signature_parts import CLASSES, COW, SHEEP, SKY, SOURCE, kept, scored
from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.estimating import estimated
from zeroseg.fusion.signatures import Signatures
from zeroseg.vocabulary import Vocabulary


def found(
    *pictures: ClassScores,
    fewest: int = 1,
    vocabulary: Vocabulary = CLASSES,
    background: bool = False,
) -> Signatures:
    return estimated([kept(p) for p in pictures], vocabulary, background, SOURCE, fewest)


def near(values: list[float]) -> object:
    """Bytes and three decimals are between."""
    return pytest.approx(values, abs=0.003)


def test_a_usual_signature_is_the_mean_of_the_places_that_a_class_wins() -> None:
    one = scored([0.8, 0.6, 0.1], [0.4, 0.2, 0.9], [0.0, 0.0, 0.1])
    other = scored([0.2], [0.7], labels=(SKY, COW))  # the sheep is not in this one
    own = found(one, other)
    assert own.places.tolist() == [0, 3, 1, 0]
    assert own.total == 4
    assert own.pictures == 2
    assert own.usual[COW].tolist() == near([0.0, 0.7, 0.2, 0.2 / 3])
    assert own.usual[SHEEP].tolist() == near([0.0, 0.1, 0.9, 0.1])
    assert own.usual[SKY].tolist() == [0.0] * 4
    assert own.background is None


def test_a_clear_signature_is_of_places_where_a_class_stands_out() -> None:
    # Alone at the first place, sure at the second, just the highest at the third.
    scores = scored([0.9, 0.7, 0.4], [0.1, 0.8, 0.2], [0.0, 0.0, 0.1])
    assert found(scores).clear[COW].tolist() == near([0.0, 0.9, 0.1, 0.0])
    assert found(scores, fewest=2).clear[COW].tolist() == near([0.0, 0.8, 0.45, 0.0])
    assert found(scores, fewest=3).clear[COW].tolist() == near([0.0, 0.65, 0.15, 0.05])


def test_the_share_of_nothing() -> None:
    scores = scored([0.8, 0.2, 0.1, 0.0], [0.1, 0.1, 0.2, 0.0], [0.0, 0.0, 0.1, 0.0])
    own = found(scores, background=True)
    assert own.background == 0.75
    assert own.places.tolist() == [0, 1, 0, 0]
    assert found(scores).places.tolist() == [0, 3, 1, 0]


def test_distractors_tell_the_share_of_nothing() -> None:
    vocabulary = replace(CLASSES, distractors=("tree",))
    scores = scored([0.2, 0.1], [0.8, 0.1], labels=(0, COW))
    own = found(scores, vocabulary=vocabulary, background=True)
    assert own.background == 0.5
    assert own.places.tolist() == [1, 1, 0, 0]
    assert own.words["background"] == ("tree",)


def test_a_picture_of_nothing_counts() -> None:
    nothing = ClassScores((), torch.zeros(0, 1, 3), torch.zeros(0))
    own = found(scored([0.9], [0.1], [0.1]), nothing, background=True)
    assert own.total == 4
    assert own.background == 0.75
