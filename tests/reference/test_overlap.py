"""The published rule for overlaps: hand-made cases, and all pairs of masks one after another."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zeroseg.reference.overlap import ReferenceOverlap
from zeroseg.testing import FusionContract
from zeroseg.values import UNRESOLVED, Detections, Geometry, Masks
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "other", "cat", "cow"])
DOG, OTHER, CAT, COW = range(4)


class TestReferenceOverlap(FusionContract):
    def part(self) -> ReferenceOverlap:
        return ReferenceOverlap()


class TestOneMaskAtATime(FusionContract):
    def part(self) -> ReferenceOverlap:
        return ReferenceOverlap(chunk=1)


def row(*things: tuple[str, str, float, int]) -> str:
    """Paint one row of pixels: each thing has the pixels marked x, a phrase, a score, a class."""
    pixels = [[1.0 if mark == "x" else -1.0 for mark in marks] for marks, *_ in things]
    logits = torch.tensor(pixels)[:, None]
    masks = Masks(logits, Geometry.itself((1, logits.shape[2])))
    found = detections([t[1] for t in things], [t[2] for t in things], [t[3] for t in things])
    return "".join("d.ck"[label] for label in ReferenceOverlap()(masks, found, CLASSES)[0])


def detections(phrases: list[str], scores: list[float], labels: list[int]) -> Detections:
    count = len(phrases)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(count, 1)
    index = torch.arange(count)
    return Detections(boxes, torch.tensor(scores), torch.tensor(labels), tuple(phrases), index)


def test_the_lower_score_loses_the_overlap() -> None:
    assert row(("xxx.", "dog", 0.8, DOG), (".xxx", "cat", 0.7, CAT)) == "dddc"


def test_equal_scores_both_lose() -> None:
    assert row(("xxx.", "dog", 0.8, DOG), (".xxx", "cat", 0.8, CAT)) == "d..c"


def test_scores_are_cut_off_not_rounded() -> None:
    assert row(("xxx.", "dog", 0.599, DOG), (".xxx", "cat", 0.591, CAT)) == "d..c"
    assert row(("xxx.", "dog", 0.6, DOG), (".xxx", "cat", 0.599, CAT)) == "dddc"


def test_phrases_are_compared_not_classes() -> None:
    assert row(("xxx.", "hound", 0.8, DOG), (".xxx", "puppy", 0.8, DOG)) == "d..d"
    assert row(("xxx.", "pet", 0.8, DOG), (".xxx", "pet", 0.7, CAT)) == "dccc"


def test_a_winner_takes_what_it_does_not_keep() -> None:
    things = ("xx...", "dog", 0.9, DOG), (".xxx.", "cat", 0.8, CAT), ("..xxx", "cow", 0.7, COW)
    assert row(*things) == "ddcck"
    beaten = ("xxxx.", "dog", 0.8, DOG), (".xx..", "cat", 0.8, CAT), ("..xxx", "cow", 0.7, COW)
    assert row(*beaten) == "d..dk"


def test_what_has_no_class_takes_pixels_and_paints_nothing() -> None:
    assert row(("xxx.", "wizard", 0.8, UNRESOLVED), (".xxx", "cat", 0.7, CAT)) == "...c"


def test_the_background_paints_over_the_same_phrase() -> None:
    assert row(("xxx.", "thing", 0.8, DOG), (".xxx", "thing", 0.7, OTHER)) == "d..."


def scene(seed: int, count: int = 19) -> tuple[Masks, Detections]:
    """Overlapping masks of noise; few phrases and close scores, so that every rule is needed."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, 6, 8, generator=generator) - 0.8
    scores = (torch.rand(count, generator=generator) / 8 + 0.5).sort(descending=True).values
    labels = torch.randint(UNRESOLVED, len(CLASSES), (count,), generator=generator)
    words = torch.randint(0, 3, (count,), generator=generator)
    phrases = [("man", "person", "a dog")[i] for i in words]
    found = detections(phrases, scores.tolist(), labels.tolist())
    return Masks(logits, Geometry((11, 17), (20, 32), (24, 32))), found


def slow(masks: Masks, found: Detections) -> Tensor:
    """Every ordered pair of masks, then every mask, as the rules are told."""
    original = [mask > 0 for mask in masks.full()]
    left = [mask.clone() for mask in original]
    scores = [float(str(score)[:4]) for score in found.scores.tolist()]
    for i in range(len(left)):
        for j in range(len(left)):
            if i != j and found.phrases[i] != found.phrases[j]:
                loser, winner = (i, j) if scores[i] < scores[j] else (j, i)
                left[loser] &= ~original[winner]
    canvas = torch.full(masks.size, CLASSES.background)
    for mask, label in zip(left, found.labels.tolist(), strict=True):
        if label != UNRESOLVED:
            canvas[mask] = label
    return canvas


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_equals_all_pairs(seed: int, chunk: int) -> None:
    masks, found = scene(seed)
    expected = slow(masks, found)
    assert torch.equal(ReferenceOverlap(chunk)(masks, found, CLASSES), expected)
    assert len(expected.unique()) > 1


def test_nothing_at_a_time_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one mask"):
        ReferenceOverlap(0)


def test_scenes_need_every_rule() -> None:
    _, found = scene(0)
    levels = [int(100 * score) for score in found.scores.tolist()]
    assert len(set(levels)) < len(levels)
    assert len(set(found.scores.tolist())) > len(set(levels))
    assert UNRESOLVED in found.labels.tolist()
    assert CLASSES.background in found.labels.tolist()
