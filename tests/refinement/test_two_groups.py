"""Two groups of numbers, told apart without labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zeroseg.refinement.two_groups import two_groups


def drawn(count: int, share: float, apart: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Numbers of two groups of deviation 0.02 around 0.2 and above, and which are of the upper."""
    dice = torch.Generator().manual_seed(seed)
    upper = torch.arange(count) < round(share * count)
    noise = 0.02 * torch.randn(count, generator=dice)
    return 0.2 + noise + upper * 0.02 * apart, upper


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5, 0.95])
def test_the_groups_are_found_whatever_their_sizes(share: float) -> None:
    numbers, upper = drawn(600, share, apart=6.0)
    found = two_groups(numbers[None])
    assert float(found.share) == pytest.approx(share, abs=0.01)
    assert float(found.separation) == pytest.approx(6.0, abs=0.6)
    wrong = (numbers > found.threshold) != upper
    assert int(wrong.sum()) <= 6
    assert float(found.gain) > 100


def test_the_chance_is_calibrated() -> None:
    numbers, upper = drawn(20_000, 0.3, apart=2.5)
    found = two_groups(numbers[None])
    chance = torch.sigmoid((numbers - found.threshold) / found.width)
    for low in (0.1, 0.3, 0.5, 0.7):
        here = (chance >= low) & (chance < low + 0.2)
        assert float(upper[here].float().mean()) == pytest.approx(low + 0.1, abs=0.04)


def test_one_group_is_not_taken_for_two() -> None:
    numbers = torch.stack([drawn(400, 0.0, 0.0, seed)[0] for seed in range(20)])
    found = two_groups(numbers)
    apart = (found.gain > 10) & (found.separation > 2)
    assert not bool(apart.any())


def test_many_rows_are_done_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.stack([drawn(50, 0.3, 5.0, seed)[0] for seed in range(5)])
    together = two_groups(rows)
    monkeypatch.setattr("zeroseg.refinement.two_groups.AT_ONCE", 2 * 50 * 8)
    for one, other in zip(two_groups(rows), together, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_rows_are_independent_and_order_changes_nothing() -> None:
    rows = torch.stack([drawn(100, 0.3, 5.0, seed)[0] for seed in range(3)])
    together = two_groups(rows)
    alone = two_groups(rows[1:2].flip(1))
    assert float(alone.threshold) == pytest.approx(float(together.threshold[1]), abs=1e-5)


def test_equal_numbers_are_one_group() -> None:
    found = two_groups(torch.full((1, 30), 0.25))
    assert float(found.low) == pytest.approx(0.25) == float(found.high)
    assert not bool(found.separation > 2)
