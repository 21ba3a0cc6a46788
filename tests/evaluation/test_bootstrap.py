"""Intervals: the same as a plain loop over the same draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.evaluation.result_runs import records_of, scenes
from zeroseg.errors import ZerosegError
from zeroseg.evaluation import bootstrap
from zeroseg.evaluation.bootstrap import (
    Interval,
    areas,
    class_ious,
    draws,
    interval,
    mean_iou,
    paired_difference,
    resampled_ious,
)
from zeroseg.evaluation.record import ImageRecord
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.metrics.protocol import PAPER, STANDARD, Protocol
from zeroseg.metrics.segmentation_scores import summarize
from zeroseg.vocabulary import Vocabulary

SCENES = scenes(9, 5, seed=3)
A, B = records_of(SCENES, 0.5, seed=1), records_of(SCENES, 0.3, seed=50)
WORDS = Vocabulary.from_names(["background", "a", "b", "c", "d"])


def drawn_indices(images: int, resamples: int, seed: int) -> list[list[int]]:
    """The images of each draw, from how often each is in it."""
    counts = np.concatenate(list(draws(images, resamples, seed))).astype(int)
    return [[i for i, times in enumerate(row) for _ in range(times)] for row in counts]


def bootstrap_miou(
    records: Sequence[ImageRecord],
    classes: int,
    scored: Sequence[int] | None = None,
    absent: str = "exclude",
    resamples: int = 100,
    seed: int = 0,
    void_classes: int = 0,
) -> Interval:
    """The mIoU of one run and its interval, of the parts that `paired_difference` is made of."""
    chosen = range(classes) if scored is None else scored
    table = areas(records, classes)
    value = float(mean_iou(class_ious(table.sum(0)), chosen, absent, void_classes))
    [resampled] = resampled_ious([table], resamples, seed)
    return interval(value, mean_iou(resampled, chosen, absent, void_classes))


def loop_miou(
    records: Sequence[ImageRecord],
    indices: Sequence[int],
    protocol: Protocol,
    scored: Sequence[int],
    void_classes: int,
) -> float:
    """mIoU of a draw by the metrics module, one record added after the other."""
    total = PixelCounts.zeros(5)
    for index in indices:
        pixels = records[index].pixels
        assert pixels is not None
        total = total + pixels
    return summarize(total, WORDS, protocol, scored, void_classes)["miou"]


@pytest.mark.parametrize(
    ("protocol", "scored", "void_classes"),
    [(STANDARD, [0, 1, 2, 3, 4], 0), (STANDARD, [1, 2, 4], 0), (PAPER, [0, 1, 2, 3, 4], 1)],
)
def test_the_interval_is_that_of_a_plain_loop(
    protocol: Protocol, scored: list[int], void_classes: int
) -> None:
    options = {"absent": protocol.absent, "resamples": 60, "seed": 4, "void_classes": void_classes}
    found = paired_difference(A, B, 5, scored, **options)  # type: ignore[arg-type]
    chosen = drawn_indices(len(A), 60, 4)

    def miou(records: Sequence[ImageRecord], indices: Sequence[int]) -> float:
        return loop_miou(records, indices, protocol, scored, void_classes)

    differences = [miou(B, indices) - miou(A, indices) for indices in chosen]
    low, high = np.quantile(differences, [0.025, 0.975])
    everything = range(len(A))
    assert found == pytest.approx((miou(B, everything) - miou(A, everything), low, high), abs=1e-12)
    one = bootstrap_miou(B, 5, scored, **options)  # type: ignore[arg-type]
    alone = [miou(B, indices) for indices in chosen]
    assert one == pytest.approx(
        (miou(B, everything), *np.quantile(alone, [0.025, 0.975])), abs=1e-12
    )


def test_draws_do_not_depend_on_how_many_are_held_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = np.concatenate(list(draws(9, 50, 0)))
    assert whole.shape == (50, 9)
    assert (whole.sum(1) == 9).all()
    assert len({tuple(row) for row in whole}) > 40
    monkeypatch.setattr(bootstrap, "_CHUNK", 27)
    parts = list(draws(9, 50, 0))
    assert len(parts) == 17
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_clear_difference_leaves_zero_out_and_none_does_not() -> None:
    value, low, high = paired_difference(A, B, 5, resamples=300)
    assert 0 < low < value < high
    assert paired_difference(A, A, 5, resamples=50) == (0, 0, 0)
    back = paired_difference(B, A, 5, resamples=300)
    assert back == pytest.approx((-value, -high, -low), abs=1e-12)


def test_pairing_is_sharper_than_two_separate_intervals() -> None:
    paired = paired_difference(A, B, 5, resamples=400)
    ends = [bootstrap_miou(records, 5, resamples=400) for records in (A, B)]
    apart = math.hypot(*(end.high - end.low for end in ends))
    assert paired.high - paired.low < apart


def test_one_image_has_no_spread_and_absent_classes_none_at_all() -> None:
    value, low, high = bootstrap_miou(A[:1], 5, resamples=20)
    assert value == low == high
    assert all(math.isnan(end) for end in bootstrap_miou(A, 5, scored=[4], resamples=20))


def test_predicting_nothing_of_the_list_is_a_miss() -> None:
    confusion, unlisted = torch.tensor([[3, 0], [0, 1]]), torch.tensor([0, 3])
    pixels = PixelCounts.of(confusion, torch.zeros(2, 3, dtype=torch.int64), unlisted)
    one = replace(A[0], pixels=pixels)
    assert bootstrap_miou([one], 2, resamples=3).value == pytest.approx((1 + 1 / 4) / 2)


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ZerosegError, match="9 and 8 images"):
        paired_difference(A, B[:-1], 5)
    with pytest.raises(ZerosegError, match="'set/000' with 'set/008'"):
        paired_difference(A, B[::-1], 5)
    other = replace(B[0], digest="0" * 16)
    with pytest.raises(ZerosegError, match="'set/000' is not the same in both"):
        paired_difference(A[:1], [other], 5)
    with pytest.raises(ZerosegError, match="'set/000' has no scores"):
        bootstrap_miou([replace(A[0], pixels=None)], 5)
    with pytest.raises(ZerosegError, match="no scored images"):
        bootstrap_miou([], 5)
