"""Scores against a slow restatement over sets of pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from zeroseg.metrics.segmentation_scores import SegmentationScores, class_iou, confusion
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "cat", "cow"])


def random_maps(seed: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A prediction and a target; the cow is never there, a tenth has no label."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randint(0, 3, (height, width), generator=generator)
    target = torch.randint(0, 3, (height, width), generator=generator)
    void = torch.rand(height, width, generator=generator) < 0.1
    return prediction, torch.where(void, 255, target)


def slow_iou(pairs: list[tuple[Tensor, Tensor]], index: int) -> float:
    """Intersection over union of two sets of (image, row, column)."""
    predicted: set[tuple[int, int, int]] = set()
    true: set[tuple[int, int, int]] = set()
    for number, (prediction, target) in enumerate(pairs):
        for y in range(target.shape[0]):
            for x in range(target.shape[1]):
                if target[y, x] == 255:
                    continue
                if prediction[y, x] == index:
                    predicted.add((number, y, x))
                if target[y, x] == index:
                    true.add((number, y, x))
    union = predicted | true
    return len(predicted & true) / len(union) if union else math.nan


def test_equals_the_slow_restatement() -> None:
    pairs = [random_maps(1, 9, 14), random_maps(2, 20, 5), random_maps(3, 1, 3)]
    scores = SegmentationScores(CLASSES)
    for prediction, target in pairs:
        scores.update(prediction, target)
    found = scores.compute()
    ious = [slow_iou(pairs, index) for index in range(4)]
    for name, iou in zip(CLASSES.names, ious, strict=True):
        assert found[f"iou/{name}"] == pytest.approx(iou, abs=1e-12, nan_ok=True)
    assert math.isnan(found["iou/cow"])
    assert found["miou"] == pytest.approx(float(np.nanmean(ious)), abs=1e-12)
    kept = [(p[t != 255], t[t != 255]) for p, t in pairs]
    right = sum(int((p == t).sum()) for p, t in kept) / sum(len(t) for _, t in kept)
    assert found["pixel_accuracy"] == pytest.approx(right)


def test_images_weigh_by_their_pixels() -> None:
    scores = SegmentationScores(CLASSES)
    scores.update(torch.ones(10, 10, dtype=torch.int64), torch.ones(10, 10, dtype=torch.int64))
    scores.update(torch.zeros(1, 10, dtype=torch.int64), torch.ones(1, 10, dtype=torch.int64))
    assert scores.compute()["iou/dog"] == pytest.approx(100 / 110)  # not the mean of 1 and 0


def test_a_class_predicted_but_never_there_counts_as_zero() -> None:
    scores = SegmentationScores(CLASSES)
    target = torch.tensor([[1, 1, 1, 1]])
    scores.update(torch.tensor([[1, 1, 1, 3]]), target)
    found = scores.compute()
    assert found["iou/cow"] == 0
    assert math.isnan(found["iou/background"])
    assert found["miou"] == pytest.approx((0.75 + 0) / 2)


def test_pixels_without_label_count_for_nothing() -> None:
    scores = SegmentationScores(CLASSES)
    scores.update(torch.tensor([[1, 2]]), torch.tensor([[1, 255]]))
    found = scores.compute()
    assert found["miou"] == found["pixel_accuracy"] == 1
    assert math.isnan(found["iou/cat"])
    everything_void = SegmentationScores(CLASSES)
    everything_void.update(torch.tensor([[1, 2]]), torch.tensor([[255, 255]]))
    assert math.isnan(everything_void.compute()["miou"])


def test_reset_forgets() -> None:
    scores = SegmentationScores(CLASSES)
    scores.update(torch.tensor([[1]]), torch.tensor([[2]]))
    scores.reset()
    scores.update(torch.tensor([[1]]), torch.tensor([[1]]))
    assert scores.compute()["miou"] == 1


def test_confusion_counts_true_rows_and_predicted_columns() -> None:
    matrix = confusion(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 2, 1, 255]), 3, 255)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert class_iou(matrix).tolist() == [1.0, 0.5, 0.0]


def test_counts_of_many_pixels_stay_exact() -> None:
    matrix = torch.tensor([[2**40 + 1, 0], [0, 1]])
    assert class_iou(matrix).tolist() == [1.0, 1.0]
    assert confusion(torch.zeros(1), torch.zeros(1), 2, 255).dtype == torch.int64


def test_maps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        confusion(torch.zeros(2, 2), torch.zeros(4), 3, 255)
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=r"outside 0\.\.2"):
            confusion(torch.tensor([bad]), torch.tensor([0]), 3, 255)
        with pytest.raises(ValueError, match=r"outside 0\.\.2"):
            confusion(torch.tensor([0]), torch.tensor([bad]), 3, 255)
