"""How sure pixels are: the contract, and a slow restatement of the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from zeroseg.confidence.evidence_confidence import EvidenceConfidence, expected_iou
from zeroseg.testing import BoxMasks, ConfidenceEstimatorContract, blank, boxed
from zeroseg.values import DISTRACTOR, UNRESOLVED, DenseScores, Detections, Geometry, Masks
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "other", "cat", "cow"])
SIZE = (5, 7)


class TestEvidenceConfidence(ConfidenceEstimatorContract):
    def part(self) -> EvidenceConfidence:
        return EvidenceConfidence([[0.2, 0.1], [0.8, 0.9]])


class TestOneMapAtATime(ConfidenceEstimatorContract):
    def part(self) -> EvidenceConfidence:
        return EvidenceConfidence(chunk=1)


def scene(count: int = 9) -> tuple[Masks, Detections, DenseScores]:
    """Overlapping masks and dense maps of noise, some of no class, and distractors."""
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(count, 1)
    labels = torch.randint(DISTRACTOR, len(CLASSES), (count,))
    scores = torch.rand(count).sort(descending=True).values
    found = Detections(boxes, scores, labels, ("x",) * count, torch.arange(count))
    masks = Masks(3 * torch.randn(count, 3, 4), Geometry(SIZE, (10, 14), (12, 16)))
    asked = (0, UNRESOLVED, 2, 2, 3, DISTRACTOR)
    own = Geometry(SIZE, (3, 4), (3, 4))
    return masks, found, DenseScores(torch.rand(6, 3, 4), asked, own, torch.rand(6))


def slow(
    labels: Tensor, masks: Masks, found: Detections, dense: DenseScores, words: Vocabulary
) -> tuple[Tensor, Tensor]:
    """Every pixel by itself: its class's score, and the margin over the best other."""
    inside, maps = masks.full().sigmoid(), dense.full()
    assert dense.presence is not None
    own, margin = torch.zeros(SIZE), torch.zeros(SIZE)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            scores = dict.fromkeys((*words.classes, DISTRACTOR), 0.0)
            for label, score, mask in zip(found.labels, found.scores, inside, strict=True):
                if int(label) in scores:
                    scores[int(label)] = max(scores[int(label)], float(score * mask[y, x]))
            for label, weight, values in zip(dense.labels, dense.presence, maps, strict=True):
                if label in scores:
                    scores[label] = max(scores[label], float(weight * values[y, x]))
            beside = scores.pop(DISTRACTOR)
            scores[words.background] = max(1 - max(scores.values()), beside)
            label = int(labels[y, x])
            own[y, x] = scores.pop(label)
            if words.exhaustive:
                scores.pop(words.background, None)
            margin[y, x] = max(0.0, float(own[y, x]) - max(scores.values()))
    return own, margin


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_equals_the_slow_restatement_in_chunks_of_any_size(chunk: int, exhaustive: bool) -> None:
    masks, found, dense = scene()
    words = replace(CLASSES, exhaustive=exhaustive)
    labels = torch.randint(0, len(words), SIZE)
    sure = EvidenceConfidence(chunk=chunk)(labels, masks, found, words, dense)
    own, margin = slow(labels, masks, found, dense, words)
    assert sure.margin is not None
    torch.testing.assert_close(sure.probability, own)
    torch.testing.assert_close(sure.margin, margin)


def test_scores_become_probabilities_between_knots_and_stay_level_beyond() -> None:
    maps = EvidenceConfidence([[0.2, 0.1], [0.4, 0.5], [0.8, 0.9]], [[0.5, 0.7]])
    scores = torch.tensor([[0.0, 0.2, 0.3, 0.6, 0.8, 1.0, 0.1]])
    background = torch.tensor([[False] * 6 + [True]])
    expected = torch.tensor([[0.1, 0.1, 0.3, 0.7, 0.9, 0.9, 0.7]])
    torch.testing.assert_close(maps.probability(scores, background), expected)


def test_the_image_scores_as_its_expected_miou() -> None:
    values = torch.tensor([[0.2, 0.4, 1.0], [0.0, 0.0, 0.5]])
    labels = torch.tensor([[0, 0, 2], [255, 255, 2]])
    # of class 0 0.6 of two are right, and half a pixel of it is expected among those of class 2
    assert expected_iou(values, labels, 4) == pytest.approx((0.6 / 2.5 + 1.5 / 3.4) / 2)
    assert expected_iou(values, torch.zeros(2, 3).long(), 4) == pytest.approx(2.1 / 6)
    assert expected_iou(values, torch.full((2, 3), 255), 4) == 1.0


def test_pixels_that_are_right_as_often_as_they_say_have_that_miou() -> None:
    truth = torch.randint(0, 3, (400, 400))
    sure = 0.5 + 0.5 * torch.rand(400, 400)
    wrong = (truth + torch.randint(1, 3, (400, 400))) % 3
    labels = torch.where(torch.rand(400, 400) < sure, truth, wrong)
    ious = [
        float(((labels == c) & (truth == c)).sum() / ((labels == c) | (truth == c)).sum())
        for c in range(3)
    ]
    assert expected_iou(sure, labels, 3) == pytest.approx(sum(ious) / 3, abs=0.01)


def test_an_uncertain_mask_is_less_sure_than_a_certain_one() -> None:
    found = boxed((0, 0, 24, 32), (24, 0, 48, 32), scores=[0.9, 0.5], labels=[1, 4])
    [masks] = BoxMasks()([blank()], [found])
    labels = torch.ones(32, 48, dtype=torch.int64)
    labels[:, 24:] = 4
    words = Vocabulary.from_names(["background", "dog", "cat", "cow", "person"])
    sure = EvidenceConfidence()(labels, masks, found, words)
    assert float(sure.probability[0, 0]) > float(sure.probability[0, 40])
    assert float(sure.margin[0, 40]) == 0  # type: ignore[index]  # the background scores more


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"chunk": 0}, "at least one"),
        ({"knots": [[0.2, 0.1], [0.1, 0.5]]}, "do not rise"),
        ({"knots": [[0.1, 0.5], [0.2, 0.4]]}, "do not rise"),
        ({"background_knots": [[0.1, 1.5]]}, "pairs of numbers"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=says):
        EvidenceConfidence(**options)
