"""Named conventions: what strays, absent classes and the void class count for."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from zeroseg.errors import VocabularyError, ZerosegError
from zeroseg.metrics.pixel_counts import UNLISTED, count_pixels
from zeroseg.metrics.protocol import PAPER, STANDARD, Protocol, Stray, indices_of, resized
from zeroseg.metrics.segmentation_scores import summarize
from zeroseg.vocabularies import CITYSCAPES, COCO81, DRAM, VOC2012
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "cat", "cow"])


def published(ids: list[int]) -> np.ndarray:
    """Every 8-bit id as it comes out of replacing ids by indices one class after the other."""
    values = np.arange(256)
    for index, number in enumerate(ids):
        values[values == number] = index
    return values


@pytest.mark.parametrize("vocabulary", [DRAM, VOC2012, CITYSCAPES, COCO81], ids=lambda v: v.name)
def test_alias_is_the_published_replacement(vocabulary: Vocabulary) -> None:
    indices = indices_of(torch.arange(256), vocabulary, "alias").numpy()
    expected = published(list(vocabulary.ids))
    assert np.array_equal(indices, np.where(expected < len(vocabulary), expected, UNLISTED))


def test_a_stray_takes_the_place_of_a_class_as_published() -> None:
    ids = torch.tensor([[0, 3, 1, 14]])  # of DRAM: background, bird, nothing, nothing
    assert indices_of(ids, DRAM, "alias").tolist() == [[0, 1, 1, UNLISTED]]
    assert indices_of(ids, DRAM, "ignore").tolist() == [[0, 1, UNLISTED, UNLISTED]]
    with pytest.raises(VocabularyError, match=r"no class of 'dram' has the id 1, 14; its ids"):
        indices_of(ids, DRAM, "refuse")


@pytest.mark.parametrize("stray", ["refuse", "ignore", "alias"])
def test_ids_of_classes_become_indices_and_abstaining_is_no_class(stray: Stray) -> None:
    ids = torch.tensor([*COCO81.ids, 255], dtype=torch.uint8)
    assert indices_of(ids, COCO81, stray).tolist() == [*range(81), UNLISTED]


def test_ids_in_any_order() -> None:
    turned = Vocabulary.from_names(["background", "dog", "cat"], ids=[2, 0, 1])
    assert indices_of(torch.tensor([0, 1, 2]), turned, "alias").tolist() == [1, 2, 0]


def test_numbers_that_no_byte_holds_are_strays() -> None:
    ids = torch.tensor([-1, 256, 1000, 1])
    assert indices_of(ids, CLASSES, "ignore").tolist() == [UNLISTED, UNLISTED, UNLISTED, 1]
    assert indices_of(ids, CLASSES, "alias").tolist() == [UNLISTED, UNLISTED, UNLISTED, 1]
    with pytest.raises(VocabularyError, match="-1, 256, 1000"):
        indices_of(ids, CLASSES, "refuse")


def test_a_map_of_fractions_is_refused() -> None:
    with pytest.raises(VocabularyError, match="whole numbers"):
        indices_of(torch.rand(3, 3), CLASSES, "alias")


def test_absent_classes_count_by_protocol() -> None:
    target = torch.tensor([[1, 1, 2, 2]])
    counts = count_pixels(torch.tensor([[1, 1, 2, 1]]), target, CLASSES)
    standard, paper = (summarize(counts, CLASSES, p) for p in (STANDARD, PAPER))
    assert standard["miou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert standard["mean_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert math.isnan(standard["iou/cow"])
    assert paper["miou"] == pytest.approx((2 / 3 + 1 / 2) / 4)
    assert paper["mean_accuracy"] == pytest.approx((1 + 1 / 2) / 4)
    assert paper["iou/cow"] == paper["accuracy/cow"] == 0
    for name in ("pixel_accuracy", "frequency_weighted_iou"):
        assert paper[name] == standard[name]


def test_the_void_of_voc_divides_by_22() -> None:
    everything = torch.arange(21)[None]
    counts = count_pixels(everything, everything, VOC2012)
    paper = summarize(counts, VOC2012, PAPER, void_classes=1)
    assert paper["miou"] == pytest.approx(21 / 22)
    assert paper["mean_accuracy"] == pytest.approx(21 / 22)
    assert paper["pixel_accuracy"] == 1
    assert summarize(counts, VOC2012, STANDARD, void_classes=1)["miou"] == 1
    assert summarize(counts, VOC2012, PAPER)["miou"] == 1


def test_a_data_set_as_the_published_evaluation_scores_it() -> None:
    """From prediction files to the mean, restated with histograms as the publication has it."""
    dice = np.random.default_rng(5)
    files, truths = dice.integers(0, 20, (2, 6, 30, 40))
    truths = np.where(np.isin(truths, DRAM.ids[:-2]), truths, 255)  # two classes never occur
    classes = len(DRAM)
    areas = np.zeros((3, classes))
    for file, truth in zip(files, truths, strict=True):
        predicted, true = published(list(DRAM.ids))[file], published(list(DRAM.ids))[truth]
        predicted = np.where(truth == 255, 255, predicted)
        true = np.where(truth == 255, 255, true)
        for row, values in enumerate((predicted[predicted == true], predicted, true)):
            areas[row] += np.histogram(values, bins=np.arange(classes + 1) - 0.5)[0]
    hit, predicted_area, true_area = areas
    union = predicted_area + true_area - hit
    counts = sum(
        (
            count_pixels(
                indices_of(torch.from_numpy(file), DRAM, PAPER.stray),
                DRAM.from_ids(torch.from_numpy(truth)),
                DRAM,
            )
            for file, truth in zip(files, truths, strict=True)
        ),
        start=count_pixels(torch.zeros(1, 1), torch.full((1, 1), 255), DRAM),
    )
    scores = summarize(counts, DRAM, PAPER)
    assert counts.unlisted.sum() > 0
    assert counts.areas.T.tolist() == areas.tolist()
    assert scores["miou"] == pytest.approx(float(np.mean(hit / (union + 1e-10))))
    assert scores["mean_accuracy"] == pytest.approx(float(np.mean(hit / (true_area + 1e-10))))
    assert scores["pixel_accuracy"] == pytest.approx(hit.sum() / true_area.sum())


def test_resizing_takes_the_nearest_pixel_before() -> None:
    labels = torch.tensor([[1, 2], [3, 4]])
    assert resized(labels, (4, 3)).tolist() == [[1, 1, 2], [1, 1, 2], [3, 3, 4], [3, 3, 4]]
    assert resized(resized(labels, (6, 10)), (2, 2)).tolist() == labels.tolist()
    large = torch.arange(35).view(5, 7)
    theirs = torch.nn.functional.interpolate(large[None, None].float(), (11, 4), mode="nearest")
    assert resized(large, (11, 4)).tolist() == theirs[0, 0].long().tolist()


def test_protocols_by_name() -> None:
    assert Protocol.parse("standard") is STANDARD
    assert Protocol.parse("paper") is PAPER
    with pytest.raises(ZerosegError, match="'field' is not a protocol; choose one of standard, p"):
        Protocol.parse("field")
    for protocol in (STANDARD, PAPER):
        assert Protocol(**json.loads(json.dumps(protocol.to_dict()))) == protocol
