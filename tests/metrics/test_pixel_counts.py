"""Counts of pixels against sets of pixels, and boundaries against erosion class by class."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from zeroseg.errors import ZerosegError
from zeroseg.metrics.pixel_counts import (
    UNLISTED,
    PixelCounts,
    confusion,
    count_pixels,
    near_edge,
)
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "cat", "cow"])


def patches(seed: int, height: int, width: int, values: tuple[int, ...]) -> Tensor:
    """Rectangles of random values over each other, (H, W) int64."""
    dice = np.random.default_rng(seed)
    labels = np.full((height, width), values[0])
    for _ in range(12):
        y, x = dice.integers(height), dice.integers(width)
        h, w = dice.integers(1, height // 2 + 2), dice.integers(1, width // 2 + 2)
        labels[y : y + h, x : x + w] = dice.choice(values)
    return torch.from_numpy(labels)


def eroded_away(mask: np.ndarray, distance: int) -> np.ndarray:
    """The part of a mask within a distance of its edge, as Boundary IoU's authors define it."""
    square = np.ones((3, 3), dtype=bool)
    inside = ndimage.binary_erosion(mask, square, iterations=distance, border_value=0)
    return np.asarray(mask & ~inside)


def slow_boundary(prediction: Tensor, target: Tensor, distance: int) -> list[list[int]]:
    """The three boundary counts of every class, one mask at a time."""
    labelled = (target != CLASSES.ignore_index).numpy()
    rows = []
    for index in range(len(CLASSES)):
        predicted = eroded_away((prediction == index).numpy() & labelled, distance)
        true = eroded_away((target == index).numpy(), distance)
        rows.append([int((predicted & true).sum()), int(predicted.sum()), int(true.sum())])
    return rows


def equal(one: PixelCounts, other: PixelCounts) -> bool:
    """Whether two counts agree in everything."""
    pairs = (
        (one.confusion, other.confusion),
        (one.boundary, other.boundary),
        (one.unlisted, other.unlisted),
    )
    return all(torch.equal(a, b) for a, b in pairs)


def test_confusion_counts_true_rows_and_predicted_columns() -> None:
    matrix = confusion(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 2, 1, 255]), 3, 255)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert confusion(torch.zeros(1), torch.zeros(1), 2, 255).dtype == torch.int64


def test_confusion_equals_torchmetrics() -> None:
    prediction = patches(1, 40, 30, (0, 1, 2, 3))
    target = patches(2, 40, 30, (0, 1, 2, 255))
    theirs = MulticlassConfusionMatrix(4, ignore_index=255)(prediction, target)
    assert torch.equal(count_pixels(prediction, target, CLASSES).confusion, theirs)


def test_maps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        confusion(torch.zeros(2, 2), torch.zeros(4), 3, 255)
    with pytest.raises(ValueError, match="shape"):
        count_pixels(torch.zeros(1, 4), torch.zeros(4, 1), CLASSES)
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=r"outside 0\.\.2"):
            confusion(torch.tensor([bad]), torch.tensor([0]), 3, 255)
        with pytest.raises(ValueError, match=r"outside 0\.\.2"):
            confusion(torch.tensor([0]), torch.tensor([bad]), 3, 255)
    for prediction, target in ((4, 0), (255, 0), (-2, 0), (0, 4), (0, -1), (UNLISTED, -1)):
        with pytest.raises(ValueError, match=r"outside 0\.\.3"):
            count_pixels(torch.tensor([[prediction]]), torch.tensor([[target]]), CLASSES)


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 7, 8, 11])
def test_near_edge_is_what_erosion_takes_away(distance: int) -> None:
    for seed, (height, width) in enumerate([(37, 50), (23, 24), (16, 60), (5, 9), (1, 1)]):
        labels = patches(seed, height, width, (0, 1, 2, 255, -1))
        masks = [eroded_away((labels == value).numpy(), distance) for value in (0, 1, 2, 255, -1)]
        assert np.array_equal(near_edge(labels, distance).numpy(), np.any(masks, axis=0))


@pytest.mark.parametrize(("height", "width"), [(60, 80), (75, 41), (10, 300), (1, 1)])
def test_boundaries_equal_erosion_class_by_class(height: int, width: int) -> None:
    for ratio in (0.001, 0.02, 0.1, 0.9):
        distance = max(1, round(ratio * float(np.hypot(height, width))))
        prediction = patches(3, height, width, (0, 1, 2, 3, UNLISTED))
        target = patches(4, height, width, (0, 1, 2, 255))
        counts = count_pixels(prediction, target, CLASSES, ratio)
        assert counts.boundary.tolist() == slow_boundary(prediction, target, distance)


def test_a_boundary_by_hand() -> None:
    target = torch.zeros(9, 9, dtype=torch.int64)
    target[2:7, 2:7] = 1  # 25 pixels, 16 of them at the edge; a diagonal of 12.7 makes d = 1
    prediction = target.clone()
    prediction[6, 2:7] = 0  # 20 pixels, 14 at the edge, 11 of which at the edge of the truth
    counts = count_pixels(prediction, target, CLASSES, 0.1)
    assert counts.boundary[1].tolist() == [11, 14, 16]


def test_a_prediction_that_is_right_where_there_is_a_truth_has_the_true_boundary() -> None:
    target = patches(5, 50, 70, (0, 1, 2, 255))
    noise = patches(6, 50, 70, (0, 1, 2, 3, UNLISTED))
    counts = count_pixels(torch.where(target == 255, noise, target), target, CLASSES)
    assert (counts.boundary == counts.boundary[:, 2:]).all()
    assert counts.boundary[3].tolist() == [0, 0, 0]
    assert counts.boundary.sum() > 0
    assert int(counts.confusion.diagonal().sum()) == int((target != 255).sum())


def test_everything_void_counts_nothing() -> None:
    void = torch.full((8, 8), 255)
    counts = count_pixels(torch.ones(8, 8, dtype=torch.int64), void, CLASSES)
    assert equal(counts, PixelCounts.zeros(4))


def test_unlisted_predictions_are_missed_and_predicted_nowhere() -> None:
    prediction = torch.tensor([[1, UNLISTED, UNLISTED, UNLISTED, 2]])
    target = torch.tensor([[1, 1, 1, 255, 2]])
    counts = count_pixels(prediction, target, CLASSES)
    assert counts.confusion.diagonal().tolist() == [0, 1, 1, 0]
    assert counts.confusion.sum() == 2
    assert counts.unlisted.tolist() == [0, 2, 0, 0]
    assert counts.areas.tolist() == [[0, 0, 0], [1, 1, 3], [1, 1, 1], [0, 0, 0]]


def test_boundaries_can_be_left_out() -> None:
    prediction, target = patches(7, 30, 30, (0, 1, 2)), patches(8, 30, 30, (0, 1, 2))
    whole, without = (count_pixels(prediction, target, CLASSES, ratio) for ratio in (0.02, None))
    assert torch.equal(whole.confusion, without.confusion)
    assert whole.boundary.sum() > 0
    assert without.boundary.tolist() == [[0, 0, 0]] * 4


def test_small_integer_types_count_alike() -> None:
    prediction, target = patches(9, 30, 40, (0, 1, 2)), patches(10, 30, 40, (0, 1, 2, 255))
    as_bytes = count_pixels(prediction.to(torch.uint8), target.to(torch.uint8), CLASSES)
    assert equal(as_bytes, count_pixels(prediction, target, CLASSES))


def test_counts_add_up() -> None:
    pairs = [
        (patches(s, 30, 40, (0, 1, UNLISTED)), patches(s + 50, 30, 40, (0, 1, 2, 255)))
        for s in (1, 2)
    ]
    one, two = (count_pixels(prediction, target, CLASSES) for prediction, target in pairs)
    total = PixelCounts.zeros(4) + one + two
    labelled = sum(int((target != 255).sum()) for _, target in pairs)
    assert int(total.confusion.sum() + total.unlisted.sum()) == labelled
    assert total.boundary.tolist() == (one.boundary + two.boundary).tolist()
    assert int(total.unlisted.sum()) == int(one.unlisted.sum() + two.unlisted.sum()) > 0


def test_counts_survive_json() -> None:
    prediction = patches(11, 30, 40, (0, 1, 3, UNLISTED))
    counts = count_pixels(prediction, patches(12, 30, 40, (0, 1, 255)), CLASSES)
    content = json.loads(json.dumps(counts.to_dict()))
    assert equal(PixelCounts.from_dict(content, 4), counts)
    assert all(entry[-1] > 0 for entries in content.values() for entry in entries)
    nothing = PixelCounts.zeros(4)
    assert nothing.to_dict() == {"confusion": [], "boundary": [], "unlisted": []}
    assert equal(PixelCounts.from_dict(nothing.to_dict(), 4), nothing)


def test_counts_of_another_vocabulary_are_refused() -> None:
    counts = count_pixels(torch.tensor([[3]]), torch.tensor([[0]]), CLASSES)
    with pytest.raises(ZerosegError, match="another vocabulary"):
        PixelCounts.from_dict(counts.to_dict(), 3)


def test_counts_stay_as_small_as_what_an_image_holds() -> None:
    many = Vocabulary.from_names([f"class {i}" for i in range(200)])
    labels = patches(3, 40, 30, (0, 7, 150))
    counts = count_pixels(labels, labels.clone(), many)
    assert counts.occurring.tolist() == [0, 7, 150]
    assert counts.matrix.shape == (3, 3)
    assert counts.confusion.shape == (201, 201)
    other = count_pixels(patches(4, 40, 30, (0, 9)), labels, many)
    total = counts + other
    assert total.occurring.tolist() == [0, 7, 9, 150]
    assert torch.equal(total.confusion, counts.confusion + other.confusion)
    assert torch.equal(total.boundary, counts.boundary + other.boundary)
    assert equal(PixelCounts.from_dict(json.loads(json.dumps(total.to_dict())), 201), total)
