"""Scores against a slow restatement over sets of pixels."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from zeroseg.metrics.pixel_counts import PixelCounts, count_pixels
from zeroseg.metrics.protocol import PAPER
from zeroseg.metrics.segmentation_scores import SegmentationScores, class_iou, summarize
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
    nothing = everything_void.compute()
    assert math.isnan(nothing["miou"])
    assert math.isnan(nothing["pixel_accuracy"])


def test_reset_forgets() -> None:
    scores = SegmentationScores(CLASSES)
    scores.update(torch.tensor([[1]]), torch.tensor([[2]]))
    scores.reset()
    scores.update(torch.tensor([[1]]), torch.tensor([[1]]))
    assert scores.compute()["miou"] == 1


def ious(matrix: list[list[int]], unlisted: list[int]) -> list[float]:
    edges = torch.zeros(len(matrix), 3, dtype=torch.int64)
    counts = PixelCounts.of(torch.tensor(matrix), edges, torch.tensor(unlisted))
    found: list[float] = class_iou(*counts.areas.double().unbind(1)).tolist()
    return found


def test_counts_of_many_pixels_stay_exact() -> None:
    assert ious([[2**40 + 1, 0], [0, 1]], [0, 0]) == [1.0, 1.0]


def test_pixels_predicted_as_no_class_are_missed() -> None:
    assert ious([[3, 1], [0, 4]], [0, 5]) == [3 / 4, 4 / 10]


def test_every_score_by_hand() -> None:
    counts = PixelCounts.of(
        confusion=torch.tensor([[6, 2, 0, 0], [1, 7, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0]]),
        boundary=torch.tensor([[2, 3, 4], [1, 1, 1], [0, 1, 0], [0, 0, 3]]),
        unlisted=torch.tensor([0, 0, 0, 1]),
    )
    found = summarize(counts, CLASSES)
    ious = {"background": 6 / 9, "dog": 7 / 10, "cat": 0.0, "cow": 0.0}
    accuracies = {"background": 6 / 8, "dog": 7 / 8, "cat": math.nan, "cow": 0.0}
    boundary = {"background": 2 / 5, "dog": 1.0, "cat": 0.0, "cow": 0.0}
    expected = {
        "miou": (6 / 9 + 7 / 10) / 4,
        "mean_accuracy": (6 / 8 + 7 / 8) / 3,
        "pixel_accuracy": 13 / 20,
        "frequency_weighted_iou": (8 * 6 / 9 + 8 * 7 / 10) / 20,
        "boundary_iou": 1.4 / 4,
        **{f"iou/{name}": value for name, value in ious.items()},
        **{f"accuracy/{name}": value for name, value in accuracies.items()},
        **{f"boundary_iou/{name}": value for name, value in boundary.items()},
    }
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, nan_ok=True)


def test_scores_of_some_classes_only() -> None:
    pairs = [random_maps(6, 20, 30)]
    scores, chosen = SegmentationScores(CLASSES), SegmentationScores(CLASSES, scored=[1, 2])
    for prediction, target in pairs:
        scores.update(prediction, target)
        chosen.update(prediction, target)
    every, some = scores.compute(), chosen.compute()
    for mean, each in (
        ("miou", "iou"),
        ("mean_accuracy", "accuracy"),
        ("boundary_iou", "boundary_iou"),
    ):
        assert some[mean] == pytest.approx((every[f"{each}/dog"] + every[f"{each}/cat"]) / 2)
    prediction, target = pairs[0]
    kept = (target == 1) | (target == 2)
    right = (prediction == target)[kept].double().mean()
    assert some["pixel_accuracy"] == pytest.approx(float(right))
    dogs = float((target[kept] == 1).double().mean())
    weighted = dogs * every["iou/dog"] + (1 - dogs) * every["iou/cat"]
    assert some["frequency_weighted_iou"] == pytest.approx(weighted)
    assert some["iou/background"] == every["iou/background"]


def test_equals_torchmetrics() -> None:
    scores = SegmentationScores(CLASSES)
    iou = MulticlassJaccardIndex(4, average="none", ignore_index=255)
    accuracy = MulticlassAccuracy(4, average="none", ignore_index=255)
    pixels = MulticlassAccuracy(4, average="micro", ignore_index=255)
    weighted = MulticlassJaccardIndex(4, average="weighted", ignore_index=255)
    for seed in range(4):
        prediction, target = random_maps(seed, 30, 20)
        scores.update(prediction, target)
        for metric in (iou, accuracy, pixels, weighted):
            metric.update(prediction, target)
    found = scores.compute()
    for index, name in enumerate(CLASSES.names[:3]):
        assert found[f"iou/{name}"] == pytest.approx(float(iou.compute()[index]), abs=1e-6)
        assert found[f"accuracy/{name}"] == pytest.approx(float(accuracy.compute()[index]))
    assert found["pixel_accuracy"] == pytest.approx(float(pixels.compute()))
    assert found["frequency_weighted_iou"] == pytest.approx(float(weighted.compute()), abs=1e-6)


def test_things_and_stuff_have_means_of_their_own() -> None:
    names = ["background", "dog", "sky", "cat", "road"]
    classes = Vocabulary.from_names(names, stuff=["sky", "road"])
    target = torch.tensor([[0, 1, 1, 2, 2, 4]])
    prediction = torch.tensor([[0, 1, 2, 2, 2, 2]])
    scores = SegmentationScores(classes)
    scores.update(prediction, target)
    found = scores.compute()
    assert found["miou_things"] == pytest.approx(1 / 2)  # the cat is absent
    assert found["miou_stuff"] == pytest.approx((2 / 4 + 0) / 2)
    assert found["miou"] == pytest.approx((1 + 1 / 2 + 1 / 2 + 0) / 4)
    counts = scores.counts
    paper = summarize(counts, classes, PAPER, void_classes=1)
    assert paper["miou_things"] == pytest.approx(1 / 4)  # absent counts as 0, void as no thing
    some = summarize(counts, classes, scored=[0, 1, 4])
    assert some["miou_things"] == pytest.approx(1 / 2)
    assert some["miou_stuff"] == 0
    assert math.isnan(summarize(counts, classes, scored=[1])["miou_stuff"])
    assert not [name for name in summarize(PixelCounts.zeros(4), CLASSES) if "things" in name]


def test_the_metric_is_the_summary_of_its_counts() -> None:
    pairs = [random_maps(1, 40, 30), random_maps(2, 20, 50)]
    scores = SegmentationScores(CLASSES, PAPER, scored=[0, 1, 3], void_classes=1)
    total = PixelCounts.zeros(4)
    for prediction, target in pairs:
        scores.update(prediction, target)
        total = total + count_pixels(prediction, target, CLASSES)
    found = scores.compute()
    assert found == summarize(total, CLASSES, PAPER, [0, 1, 3], 1)
    assert found["miou"] == pytest.approx((found["iou/background"] + found["iou/dog"]) / 4)
    assert torch.equal(scores.counts.boundary, total.boundary)


def test_without_boundaries_their_scores_are_missing() -> None:
    scores = SegmentationScores(CLASSES, boundaries=False)
    scores.update(*random_maps(1, 20, 20))
    names = scores.compute()
    assert "miou" in names
    assert not [name for name in names if "boundary" in name]


def test_a_copy_adds_to_itself_only() -> None:
    scores = SegmentationScores(CLASSES)
    scores.update(*random_maps(1, 20, 20))
    copy = pickle.loads(pickle.dumps(scores))
    before = scores.compute()["miou"]
    copy.update(*random_maps(2, 20, 20))
    assert scores.counts.confusion.sum() < copy.counts.confusion.sum()
    scores.update(*random_maps(2, 20, 20))
    assert scores.compute() == pytest.approx(copy.compute(), nan_ok=True)
    assert scores.compute()["miou"] != before
