"""Whether confidence is what it says: of pixels by what is right, of pictures by their order."""

from __future__ import annotations

import torch
from torch import Tensor

FINE = 1000
"""Bins in which scores are counted."""


def count_scores(scores: Tensor, right: Tensor, bins: int = FINE) -> Tensor:
    """Count scores in bins of equal width over [0, 1]; counts of several images are added.

    Args:
        scores: Any shape, in [0, 1].
        right: Of the same shape, bool: whether what was said with this score is so.
        bins: How many.

    Returns:
        (bins, 3) float64: how many, how many of them are right, the sum of their scores.
    """
    scores, right = scores.flatten().double().cpu(), right.flatten().double().cpu()
    place = (scores * bins).long().clamp(0, bins - 1)
    each = (torch.ones_like(scores), right, scores)
    return torch.stack([place.bincount(own, minlength=bins) for own in each], 1)


def calibration_error(counts: Tensor, bins: int = 15) -> float:
    """Expected calibration error (Guo et al., 2017, "On Calibration of Modern Neural Networks").

    The mean over bins, by how much is in them, of the difference between the share that is right
    and the mean probability.

    Args:
        counts: What `count_scores` counted, in any number of bins, of probabilities.
        bins: Of equal width, by which the error is told.
    """
    coarse = _coarse(counts, bins)
    return float((coarse[:, 1] - coarse[:, 2]).abs().sum() / coarse[:, 0].sum())


def rising_knots(counts: Tensor, most: int = 16) -> list[list[float]]:
    """The rising map from scores to probabilities that fits best, as few straight pieces.

    Isotonic regression: scores are put into `most` bins of equal width, and neighbours that would
    fall are pooled (pool adjacent violators).

    Args:
        counts: What `count_scores` counted on pictures that are not those to be judged.
        most: Knots, at most.

    Returns:
        Pairs of a score and its probability, rising; none where nothing was counted.
    """
    coarse = _coarse(counts, most)
    pools: list[Tensor] = []
    for part in coarse[coarse[:, 0] > 0]:
        pools.append(part)
        while len(pools) > 1 and _share(pools[-2]) >= _share(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    return [[round(float(p[2] / p[0]), 4), round(_share(p), 4)] for p in pools]


def _coarse(counts: Tensor, bins: int) -> Tensor:
    """The same counts in fewer bins."""
    place = (torch.arange(len(counts)) + 0.5) / len(counts) * bins
    return torch.zeros(bins, 3, dtype=counts.dtype).index_add_(0, place.long(), counts)


def _share(pool: Tensor) -> float:
    return float(pool[1] / pool[0])


def risk_coverage(scores: Tensor, risks: Tensor) -> float:
    """Area under the risk-coverage curve (Geifman and El-Yaniv, 2017; Geifman et al., 2019).

    The mean risk of the n pictures of the highest scores, averaged over n from 1 to all; equal
    scores in the order given. In any order it is the mean of the risks on average; the order of
    the risks themselves is perfect.

    Args:
        scores: (N,), higher is surer.
        risks: (N,) in [0, 1], such as 1 - mIoU.
    """
    order = scores.argsort(descending=True, stable=True)
    ordered = risks[order].double()
    return float((ordered.cumsum(0) / torch.arange(1, len(risks) + 1)).mean())
