"""Recall of boxes: hand-made cases, and a slow search for the best overlap first."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zeroseg.metrics.box_recall import count_boxes, recall_scores
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "cat"])
DOG, CAT, NONE = 1, 2, -1


def rows(*boxes: tuple[float, float, float, float]) -> Tensor:
    """(N, 4) float32."""
    return torch.tensor(boxes).view(-1, 4)


def count(found: list[tuple[Tensor, int]], true: list[tuple[Tensor, int]]) -> list[list[int]]:
    """Count boxes that are given as pairs of (1, 4) and class."""
    parts = [
        (torch.cat([rows(), *(b for b, _ in pairs)]), torch.tensor([c for _, c in pairs]).long())
        for pairs in (found, true)
    ]
    return count_boxes(*parts[0], *parts[1], classes=3).tolist()


def overlap(one: list[float], other: list[float]) -> float:
    """IoU of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (one, other)]
    return shared / (sum(areas) - shared)


def slow_count(
    boxes: Tensor, labels: Tensor, true_boxes: Tensor, true_labels: Tensor
) -> list[list[int]]:
    """Take the best pair, strike both out, and so on."""
    counts = [[0, 0, 0] for _ in range(3)]
    for label in true_labels.tolist():
        counts[label][0] += 1
    for column, same_class in ((1, True), (2, False)):
        pairs = [
            (overlap(true, box), t, d)
            for t, true in enumerate(true_boxes.tolist())
            for d, box in enumerate(boxes.tolist())
            if not same_class or true_labels[t] == labels[d]
        ]
        while pairs:
            best, t, d = max(pairs)
            if best >= 0.5:
                counts[int(true_labels[t])][column] += 1
            pairs = [pair for pair in pairs if pair[1] != t and pair[2] != d]
    return counts


def test_equals_a_slow_search() -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(30):
        true_boxes = torch.rand(8, 4, generator=generator) * 20
        true_boxes[:, 2:] += true_boxes[:, :2] + 5
        near = torch.randint(8, (12,), generator=generator)
        boxes = true_boxes[near] + torch.rand(12, 4, generator=generator) * 4
        labels = torch.randint(-1, 3, (12,), generator=generator)
        true_labels = torch.randint(1, 3, (8,), generator=generator)
        expected = slow_count(boxes, labels, true_boxes, true_labels)
        assert count_boxes(boxes, labels, true_boxes, true_labels, 3).tolist() == expected


def test_found_under_its_own_class_under_another_or_not() -> None:
    left, right, far = rows((0, 0, 10, 10)), rows((20, 0, 30, 10)), rows((50, 50, 60, 60))
    found = [(left, DOG), (right, NONE)]
    assert count(found, [(left, DOG), (right, CAT), (far, CAT)]) == [
        [0, 0, 0],
        [1, 1, 1],
        [2, 0, 1],
    ]


def test_half_is_enough() -> None:
    true = rows((0, 0, 10, 10))
    assert count([(rows((0, 0, 10, 5)), DOG)], [(true, DOG)])[DOG] == [1, 1, 1]
    assert count([(rows((0, 0, 10, 4.99)), DOG)], [(true, DOG)])[DOG] == [1, 0, 0]


def test_one_detection_finds_one_thing() -> None:
    one, other = rows((0, 0, 10, 10)), rows((0, 0, 10, 9))
    assert count([(one, DOG)], [(one, DOG), (other, DOG)])[DOG] == [2, 1, 1]
    assert count([(one, DOG), (other, DOG)], [(one, DOG), (other, DOG)])[DOG] == [2, 2, 2]


def test_the_best_overlap_goes_first() -> None:
    true, near, exact = rows((0, 0, 10, 10)), rows((0, 0, 10, 8)), rows((0, 0, 10, 10))
    other = rows((0, 0, 10, 6.5))
    assert count([(near, DOG), (exact, CAT)], [(true, CAT), (other, DOG)])[CAT] == [1, 1, 1]
    assert count([(exact, NONE), (near, NONE)], [(other, DOG), (true, DOG)])[DOG] == [2, 0, 2]


def test_nothing_found_and_nothing_there() -> None:
    box = rows((0, 0, 10, 10))
    assert count([], [(box, DOG)])[DOG] == [1, 0, 0]
    assert count([(box, DOG)], []) == [[0, 0, 0]] * 3
    assert count([], []) == [[0, 0, 0]] * 3
    empty = rows((0, 0, 0, 0))  # a region that is hidden altogether
    assert count([(empty, DOG)], [(empty, DOG)])[DOG] == [1, 0, 0]


def test_recall_of_a_data_set() -> None:
    scores = recall_scores(torch.tensor([[0, 0, 0], [8, 4, 6], [2, 1, 1]]), CLASSES)
    assert scores == {
        "recall": 0.5,
        "recall_any_class": 0.7,
        "count": 10,
        "per_class": {"dog": {"recall": 0.5, "count": 8}, "cat": {"recall": 0.5, "count": 2}},
    }


def test_recall_of_nothing_is_not_defined() -> None:
    scores = recall_scores(torch.zeros(3, 3, dtype=torch.int64), CLASSES)
    assert scores["count"] == 0
    assert math.isnan(scores["recall"])
    assert math.isnan(scores["per_class"]["dog"]["recall"])
    assert scores["per_class"]["dog"]["count"] == pytest.approx(0)
