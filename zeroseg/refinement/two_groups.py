"""Numbers that fall into two groups, told apart without labels: a mixture of two normals."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

STARTS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""Shares of the upper group that the search begins with; the likeliest end is taken."""
STEPS = 300
SETTLED = 1e-7
"""Gain of a step in the logarithm of the likelihood, a number, with which the search ends."""
AT_ONCE = 2**21
"""Numbers times starts that are held at once, so that memory is bounded."""
FLOOR = 1e-3
"""The least deviation, as a share of the range: equal numbers have none."""


class TwoGroups(NamedTuple):
    """Two normal distributions of one deviation, for each of K rows of numbers.

    With one deviation for both, the chance that a number x is of the upper group is a logistic
    function of it, sigmoid((x - threshold) / width), which rises everywhere.

    Attributes:
        low, high: (K,) float64, the means, the lower one first.
        deviation: (K,), of both.
        share: (K,), of the upper group.
        gain: (K,), by how much the Bayesian information criterion prefers two groups to one.
    """

    low: Tensor
    high: Tensor
    deviation: Tensor
    share: Tensor
    gain: Tensor

    @property
    def separation(self) -> Tensor:
        """(K,), the distance of the means in deviations."""
        return (self.high - self.low) / self.deviation

    @property
    def width(self) -> Tensor:
        """(K,), over how much the chance rises."""
        return self.deviation.square() / (self.high - self.low)

    @property
    def threshold(self) -> Tensor:
        """(K,), where both groups are as likely."""
        return (self.low + self.high) / 2 + self.width * torch.log((1 - self.share) / self.share)


def two_groups(numbers: Tensor) -> TwoGroups:
    """Fit two groups to each row, by expectation maximisation from several starts.

    Args:
        numbers: (K, N) float, N > 1.
    """
    rows = max(1, AT_ONCE // (numbers.shape[1] * len(STARTS)))
    parts = [_fitted(part) for part in numbers.split(rows)]
    return TwoGroups(*(torch.cat(own) for own in zip(*parts, strict=True)))


def _fitted(numbers: Tensor) -> TwoGroups:
    x = numbers.double().sort(1).values
    count = x.shape[1]
    sizes = torch.tensor([min(max(1, round(share * count)), count - 1) for share in STARTS])
    upper = torch.arange(count) >= count - sizes[:, None]  # (S, N)
    floor = (FLOOR * (x[:, -1] - x[:, 0])).clamp(min=1e-9)[:, None]
    chance = upper.double().expand(len(x), -1, -1)  # (K, S, N)
    likelihood = x.new_full((len(x), len(sizes)), -math.inf)
    for _ in range(STEPS):
        before = likelihood
        low, high, deviation, share = _maximised(x[:, None], chance, floor)
        chance, likelihood = _expected(x[:, None], low, high, deviation, share)
        if bool((likelihood - before < SETTLED * count).all()):
            break
    best = likelihood.argmax(1, keepdim=True)
    low, high, deviation, share, likelihood = (
        part.gather(1, best)[:, 0] for part in (low, high, deviation, share, likelihood)
    )
    more = 2 * math.log(count)  # for two parameters more
    gain = 2 * (likelihood - _alone(x, floor[:, 0])) - more
    return TwoGroups(low, high, deviation, share, gain)


def _maximised(x: Tensor, chance: Tensor, floor: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Means, deviation and share (K, S) from the chance of the upper group (K, S, N)."""
    count = x.shape[-1]
    weight = chance.sum(-1).clamp(1e-9, count - 1e-9)
    high = (chance * x).sum(-1) / weight
    low = ((1 - chance) * x).sum(-1) / (count - weight)
    apart = chance * (x - high[..., None]).square() + (1 - chance) * (x - low[..., None]).square()
    share = (weight / count).clamp(0.5 / count, 1 - 0.5 / count)
    return low, high, torch.maximum(apart.mean(-1).sqrt(), floor), share


def _expected(
    x: Tensor, low: Tensor, high: Tensor, deviation: Tensor, share: Tensor
) -> tuple[Tensor, Tensor]:
    """The chance of the upper group (K, S, N), and the logarithm of the likelihood (K, S)."""
    upper = share.log()[..., None] + _density(x, high, deviation)
    lower = torch.log1p(-share)[..., None] + _density(x, low, deviation)
    return torch.sigmoid(upper - lower), torch.logaddexp(upper, lower).sum(-1)


def _density(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """The logarithm of a normal distribution's density."""
    spread = deviation[..., None]
    return -((x - mean[..., None]) / spread).square() / 2 - spread.log() - math.log(math.tau) / 2


def _alone(x: Tensor, floor: Tensor) -> Tensor:
    """The logarithm of the likelihood (K,) of one normal distribution."""
    deviation = torch.maximum(x.std(1, correction=0), floor)
    return _density(x, x.mean(1), deviation).sum(-1)
