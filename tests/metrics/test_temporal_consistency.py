"""Temporal consistency, against counting by hand and against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.motion import draw_clip
from zeroseg.metrics import TemporalConsistency
from zeroseg.vocabularies import DRAWN_ALL


def test_counted_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    consistency = TemporalConsistency(classes=3)
    shared, either, same, total = np.zeros(3), np.zeros(3), 0, 0
    for _ in range(2):
        before, now = rng.integers(0, 3, (2, 5, 6))
        source = np.stack([rng.integers(0, 5, (5, 6)), rng.integers(0, 6, (5, 6))], -1)
        seen = rng.random((5, 6)) < 0.7
        consistency.update(*map(torch.from_numpy, (before, now, source, seen)))
        for y, x in np.argwhere(seen):
            a, b = before[tuple(source[y, x])], now[y, x]
            same, total = same + (a == b), total + 1
            for k in range(3):
                shared[k] += a == k and b == k
                either[k] += a == k or b == k
    assert consistency.agreement == pytest.approx(same / total)
    assert consistency.tc == pytest.approx((shared / either).mean())


def test_the_truth_is_consistent_and_a_flicker_is_not() -> None:
    truth, flicker = TemporalConsistency(len(DRAWN_ALL)), TemporalConsistency(len(DRAWN_ALL))
    before = None
    for own in draw_clip(7, 1, 5, (64, 64)):
        labels = label_map(own.scene, DRAWN_ALL)
        flickering = labels if own.index % 2 else labels.roll(1, 0).flip(1)
        if before is not None:
            places = torch.from_numpy(own.source), torch.from_numpy(own.seen)
            truth.update(before[0], labels, *places)
            flicker.update(before[1], flickering, *places)
        before = labels, flickering
    assert truth.agreement == truth.tc == 1
    assert flicker.agreement < 0.9 and flicker.tc < 0.7


def test_without_a_pixel_there_is_no_number() -> None:
    consistency = TemporalConsistency(classes=2)
    assert math.isnan(consistency.tc) and math.isnan(consistency.agreement)


def test_a_class_in_neither_is_left_out() -> None:
    consistency = TemporalConsistency(classes=9)
    still = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij"), -1)
    labels = torch.tensor([[0, 0], [1, 1]])
    consistency.update(labels, labels, still, torch.ones(2, 2, dtype=torch.bool))
    assert consistency.tc == 1
