"""Presence of classes, against hand-made cases and torchmetrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from torch import tensor
from torchmetrics.classification import MultilabelF1Score, MultilabelPrecision, MultilabelRecall

from zeroseg.metrics.presence import presence_scores
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "background", "cat", "cow"])
DOG, BACKGROUND, CAT, COW = range(4)


def test_by_hand() -> None:
    pairs = [({DOG, CAT}, {DOG}), ({DOG}, {DOG, CAT}), (set(), {CAT}), ({CAT}, {CAT})]
    found = presence_scores(pairs, CLASSES)
    assert found["precision"] == pytest.approx(3 / 5)
    assert found["recall"] == pytest.approx(3 / 4)
    assert found["f1"] == pytest.approx(6 / 9)
    assert found["image_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 1) / 4)
    assert list(found["per_class"]) == ["dog", "cat", "cow"]
    assert found["per_class"]["dog"] == {"precision": 1, "recall": 1, "f1": 1}
    cat = {"precision": pytest.approx(1 / 3), "recall": 0.5, "f1": pytest.approx(2 / 5)}
    assert found["per_class"]["cat"] == cat
    assert all(math.isnan(value) for value in found["per_class"]["cow"].values())


def test_equals_torchmetrics_on_random_sets() -> None:
    true, said = np.random.default_rng(3).random((2, 60, 3)) < [[[0.5, 0.2, 0.7]]]
    things = [DOG, CAT, COW]
    pairs = [
        (
            [c for c, on in zip(things, t, strict=True) if on],
            [c for c, on in zip(things, s, strict=True) if on],
        )
        for t, s in zip(true, said, strict=True)
    ]
    found = presence_scores(pairs, CLASSES)
    metrics = {
        "precision": MultilabelPrecision,
        "recall": MultilabelRecall,
        "f1": MultilabelF1Score,
    }
    for name, metric in metrics.items():
        each = metric(3, average="none")(tensor(said), tensor(true)).tolist()
        assert [found["per_class"][c][name] for c in ("dog", "cat", "cow")] == pytest.approx(each)
        micro = metric(3, average="micro")(tensor(said), tensor(true))
        assert found[name] == pytest.approx(float(micro))


def test_nothing_there_and_nothing_said_is_right() -> None:
    found = presence_scores([(set(), set()), ({DOG}, set())], CLASSES)
    assert found["image_f1"] == 0.5
    assert math.isnan(found["precision"])
    assert found["recall"] == found["f1"] == 0


def test_the_background_and_what_is_no_class_are_not_counted() -> None:
    pairs = [({DOG, BACKGROUND, 255}, {DOG, -1}), ({BACKGROUND}, {BACKGROUND})]
    found = presence_scores(pairs, CLASSES)
    assert found["precision"] == found["recall"] == found["f1"] == found["image_f1"] == 1
    assert "background" not in found["per_class"]


def test_a_class_said_twice_counts_once() -> None:
    assert presence_scores([((DOG,), (DOG, DOG, CAT))], CLASSES)["precision"] == 0.5


def test_no_image_has_no_scores() -> None:
    found = presence_scores([], CLASSES)
    assert all(math.isnan(found[name]) for name in ("precision", "recall", "f1", "image_f1"))
