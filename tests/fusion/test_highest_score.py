"""The highest score takes the pixel: the contract, and a slow restatement of the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from zeroseg.fusion.highest_score import HighestScore
from zeroseg.testing import FusionContract, boxed
from zeroseg.values import DISTRACTOR, UNRESOLVED, Detections, Geometry, Masks
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "other", "cat", "cow"])


class TestHighestScore(FusionContract):
    def part(self) -> HighestScore:
        return HighestScore()


class TestOneMaskAtATime(FusionContract):
    def part(self) -> HighestScore:
        return HighestScore(chunk=1)


def scene(seed: int, count: int = 23) -> tuple[Masks, Detections]:
    """Overlapping masks of noise with equal scores among them, some of no class."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, 6, 8, generator=generator)
    scores = (torch.rand(count, generator=generator) * 5).round() / 5
    labels = torch.randint(UNRESOLVED, len(CLASSES), (count,), generator=generator)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(count, 1)
    detections = Detections(
        boxes, scores.sort(descending=True).values, labels, ("x",) * count, torch.arange(count)
    )
    return Masks(logits, Geometry((11, 17), (20, 32), (24, 32))), detections


def slow(masks: Masks, detections: Detections) -> Tensor:
    """Every pixel by itself: the class of the first mask of a class that covers it."""
    full = masks.full()
    labels = torch.full(masks.size, CLASSES.background)
    for y in range(masks.size[0]):
        for x in range(masks.size[1]):
            for index in range(len(masks)):
                label = int(detections.labels[index])
                if label not in (UNRESOLVED, CLASSES.background) and full[index, y, x] > 0:
                    labels[y, x] = label
                    break
    return labels


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chunk", [1, 2, 7, 16, 100])
def test_equals_the_slow_restatement_in_chunks_of_any_size(seed: int, chunk: int) -> None:
    masks, detections = scene(seed)
    assert torch.equal(HighestScore(chunk)(masks, detections, CLASSES), slow(masks, detections))


def test_more_masks_than_a_byte_counts() -> None:
    masks, detections = scene(0, count=300)
    masks = replace(masks, logits=masks.logits - 2.5)  # so that the last ones are seen, too
    expected = slow(masks, detections)
    assert torch.equal(HighestScore(1000)(masks, detections, CLASSES), expected)
    last = replace(masks, logits=masks.logits.roll(290, 0))
    assert torch.equal(HighestScore(1000)(last, detections, CLASSES), slow(last, detections))


def test_nothing_at_a_time_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one mask"):
        HighestScore(0)


def test_the_background_claims_nothing() -> None:
    masks, detections = scene(0, 2)
    masks = Masks(torch.ones(2, 6, 8), masks.geometry)
    found = detections.relabel(torch.tensor([CLASSES.background, CLASSES.index("cow")]))
    assert set(HighestScore()(masks, found, CLASSES).unique().tolist()) == {CLASSES.index("cow")}


def test_a_distractor_claims_its_pixels_for_the_background() -> None:
    logits = torch.full((2, 4, 6), -1.0)
    logits[0, :, :3], logits[1] = 1.0, 1.0
    found = replace(
        boxed((0, 0, 3, 4), (0, 0, 6, 4)), labels=torch.tensor([DISTRACTOR, CLASSES.index("cat")])
    )
    labels = HighestScore()(Masks(logits, Geometry.itself((4, 6))), found, CLASSES)
    cat, other = CLASSES.index("cat"), CLASSES.background
    assert labels[0].tolist() == [other] * 3 + [cat] * 3
