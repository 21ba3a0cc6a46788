"""Calibration of pixels, and the order of pictures, against sums by hand."""

from __future__ import annotations

import pytest
import torch

from zeroseg.metrics.calibration import (
    calibration_error,
    count_scores,
    rising_knots,
    risk_coverage,
)


def test_the_error_is_what_a_hand_counts() -> None:
    scores = torch.tensor([0.05, 0.05, 0.95, 0.95, 0.95, 0.95])
    right = torch.tensor([False, True, True, True, True, False])
    # two bins: |1/2 - 0.05| of two scores, |3/4 - 0.95| of four
    assert calibration_error(count_scores(scores, right), bins=2) == pytest.approx(
        (2 * 0.45 + 4 * 0.2) / 6
    )


def test_probabilities_that_come_true_have_next_to_no_error() -> None:
    scores = torch.rand(200_000)
    assert calibration_error(count_scores(scores, torch.rand(200_000) < scores)) < 0.01
    assert calibration_error(count_scores(scores, torch.rand(200_000) < scores / 2)) > 0.2


def test_counts_of_parts_add_up() -> None:
    scores, right = torch.rand(100), torch.rand(100) < 0.5
    parts = [count_scores(scores[own], right[own]) for own in (slice(0, 30), slice(30, None))]
    torch.testing.assert_close(parts[0] + parts[1], count_scores(scores, right))
    assert count_scores(torch.tensor([0.0, 1.0]), torch.tensor([True, True])).sum(0).tolist() == [
        2, 2, 1,
    ]  # fmt: skip


def test_knots_rise_and_bring_the_error_down() -> None:
    scores = torch.rand(100_000)
    counts = count_scores(scores, torch.rand(100_000) < scores.sqrt())
    knots = rising_knots(counts)
    x, y = zip(*knots, strict=True)
    assert list(x) == sorted(set(x)) and list(y) == sorted(y)
    for score, probability in knots:
        assert probability == pytest.approx(score**0.5, abs=0.03)


def test_knots_that_would_fall_are_one() -> None:
    scores = torch.tensor([0.1, 0.1, 0.5, 0.5, 0.9, 0.9])
    right = torch.tensor([True, True, False, False, True, True])
    assert rising_knots(count_scores(scores, right), most=3) == [[0.3, 0.5], [0.9, 1.0]]
    assert rising_knots(count_scores(scores[:0], right[:0])) == []


def test_the_area_is_the_mean_of_mean_risks_in_that_order() -> None:
    risks = torch.tensor([0.4, 0.0, 0.2])
    sure = torch.tensor([0.1, 0.5, 0.9])  # the order of risks: 0.2, 0.0, 0.4
    assert risk_coverage(sure, risks) == pytest.approx((0.2 + 0.1 + 0.2) / 3)
    assert risk_coverage(-risks, risks) == pytest.approx((0.0 + 0.1 + 0.2) / 3)
    assert risk_coverage(risks, risks) > risk_coverage(sure, risks) > risk_coverage(-risks, risks)
