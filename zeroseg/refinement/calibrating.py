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


def calibrated(
    scores: Tensor, vocabulary: Vocabulary, checkpoint: str, templates: tuple[str, ...]
) -> PresenceThresholds:
    """Find where each class begins to be there.

    The scores of a class over many pictures fall into two groups: pictures that show it, and all
    others. Both are taken for normal, of one deviation, and the threshold is where they are as
    likely (minimum error, Kittler and Illingworth, 1986). Unlike Otsu's threshold, which it equals
    for groups of one size, it is right for classes that few pictures show.

    A class whose scores do not fall apart is in none of the pictures, or in all: whichever its
    level is nearer to, that of absent classes or of present ones. Its threshold is then as far from
    its own mean as in the middle of the others.

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
    threshold, width, bases = _completed(groups, apart, scores.double().mean(0))
    there = (scores.double() > threshold).sum(0)
    rows = zip(vocabulary.classes, threshold.tolist(), width.tolist(), strict=True)
    classes = {
        vocabulary.names[index]: ClassThreshold(
            words_of(vocabulary, index), round(at, 6), max(round(over, 6), 1e-6), int(seen), basis
        )
        for (index, at, over), seen, basis in zip(rows, there, bases, strict=True)
    }
    return PresenceThresholds(checkpoint, templates, len(scores), classes)


def _fall_apart(groups: TwoGroups, scores: Tensor) -> Tensor:
    """Whether the scores of each class (C,) are those of two groups rather than of one."""
    above = (scores.double() > groups.threshold).sum(0)
    smaller = torch.minimum(above, len(scores) - above)
    return (groups.gain > CLEARLY) & (groups.separation > APART) & (smaller >= SMALLEST)


def _completed(
    groups: TwoGroups, apart: Tensor, level: Tensor
) -> tuple[Tensor, Tensor, list[Basis]]:
    """Thresholds and widths (C,) of all classes, and what each rests on."""
    low, high, threshold = (x[apart] for x in (groups.low, groups.high, groups.threshold))
    always = (level - high.median()).abs() < (level - low.median()).abs()
    shift = torch.where(always, -(high - threshold).median(), (threshold - low).median())
    bases: list[Basis] = [
        "two groups" if own else "always" if all_over else "never"
        for own, all_over in zip(apart.tolist(), always.tolist(), strict=True)
    ]
    return (
        torch.where(apart, groups.threshold, level + shift),
        torch.where(apart, groups.width, groups.width[apart].median()),
        bases,
    )
