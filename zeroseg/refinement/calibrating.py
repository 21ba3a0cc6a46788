"""Thresholds of presence from scores alone: no picture has a label."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.errors import CalibrationError
from zeroseg.refinement.presence_thresholds import (
    Basis,
    ClassThreshold,
    PresenceThresholds,
    words_of,
)
from zeroseg.refinement.two_groups import TwoGroups, two_groups
from zeroseg.vocabulary import Vocabulary

FEWEST = 20
"""Pictures from which thresholds are found at the least; a few hundred are better."""
APART = 2.0
"""Deviations between the means of two groups; nearer ones have a single peak where they are of one
size (Eisenberger, "Genesis of bimodal distributions", 1964)."""
CLEARLY = 10.0
"""Gain of the Bayesian information criterion that speaks for two groups very strongly (Kass and
Raftery, "Bayes factors", 1995)."""
SMALLEST = 3
"""Pictures in the smaller group."""
OUTLYING = 3.0
"""Spreads (1.4826 times the median deviation from the median) by which a threshold may differ from
what those of the other classes foretell."""


def calibrated(
    scores: Tensor, vocabulary: Vocabulary, checkpoint: str, templates: tuple[str, ...]
) -> PresenceThresholds:
    """Find where each class begins to be there.

    The scores of a class over many pictures fall into two groups: pictures that show it, and all
    others. Both are taken for normal, of one deviation, and the threshold is where they are as
    likely (minimum error, Kittler and Illingworth, 1986). Unlike Otsu's threshold, which it equals
    for groups of one size, it is right for classes that few pictures show.

    A class whose scores do not fall apart, or fall apart far from where those of the others do,
    takes what the others foretell: the middle of their thresholds; or, where that varies less than
    half as much from class to class, as far from its own level as they are from theirs. Encoders
    differ in this: words of CLIP's may have levels of their own.

    Args:
        scores: (N, C) cosines of N pictures with the vocabulary's classes, without the background
            and in order.
        vocabulary: The classes.
        checkpoint: The encoder, for the record.
        templates: The sentences, likewise.

    Raises:
        CalibrationError: There are too few pictures, or no class at all falls into two groups.
    """
    if len(scores) < FEWEST:
        raise CalibrationError(
            f"{len(scores)} pictures are too few to find thresholds from; give at least {FEWEST}, "
            f"better a few hundred of the kind that is to be segmented"
        )
    groups = two_groups(scores.T)
    apart = _fall_apart(groups, scores)
    if not bool(apart.any()):
        raise CalibrationError(
            f"the scores of no class fall into two groups over these {len(scores)} pictures; give "
            f"more of them, which show some of the classes and not others, or name the classes in "
            f"other words"
        )
    foretold, bound = _foretold(groups, apart, scores.double().mean(0))
    own = apart & ((groups.threshold - foretold).abs() <= bound)
    threshold = torch.where(own, groups.threshold, foretold)
    width = torch.where(own, groups.width, groups.width[apart].median())
    there = (scores.double() > threshold).sum(0)
    columns = (x.tolist() for x in (threshold, width, there, own))
    classes = {
        vocabulary.names[index]: ClassThreshold(
            words=words_of(vocabulary, index),
            threshold=round(at, 6),
            width=max(round(over, 6), 1e-6),
            there=seen,
            basis="two groups" if fell else _basis(seen, len(scores)),
        )
        for index, at, over, seen, fell in zip(vocabulary.classes, *columns, strict=True)
    }
    return PresenceThresholds(checkpoint, templates, len(scores), classes)


def _fall_apart(groups: TwoGroups, scores: Tensor) -> Tensor:
    """Whether the scores of each class (C,) are those of two groups rather than of one."""
    above = (scores.double() > groups.threshold).sum(0)
    smaller = torch.minimum(above, len(scores) - above)
    return (groups.gain > CLEARLY) & (groups.separation > APART) & (smaller >= SMALLEST)


def _foretold(groups: TwoGroups, apart: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Thresholds (C,) by those of classes that fall apart, and how far others may be from them."""
    low, high, threshold = (x[apart] for x in (groups.low, groups.high, groups.threshold))
    always = (level - high.median()).abs() < (level - low.median()).abs()
    above, below = (threshold - low).quantile(0.5), (high - threshold).quantile(0.5)
    by_level = torch.where(always, level - below, level + above)
    by_level = torch.where(apart, groups.low + above, by_level)
    middle, spread = _middle(threshold)
    _, relative = _middle(threshold - low)
    foretold = by_level if 2 * relative < spread else middle.expand_as(by_level)
    gap = (high - low).quantile(0.5)
    return foretold, torch.maximum(OUTLYING * torch.minimum(spread, relative), gap / 2)


def _middle(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The median, and a spread that outliers do not change."""
    middle = numbers.quantile(0.5)
    return middle, 1.4826 * (numbers - middle).abs().quantile(0.5)


def _basis(there: int, pictures: int) -> Basis:
    """What the threshold of a class rests on that has taken that of the others."""
    if there < SMALLEST:
        return "never"
    return "always" if pictures - there < SMALLEST else "others"
