"""Signatures from scores alone: no picture has a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.score_source import Source
from zeroseg.fusion.signatures import FEWEST, Signatures, as_written, asked_words
from zeroseg.vocabulary import Vocabulary

CLEARLY, HARDLY = 0.5, 0.3
"""A class stands out where it scores more than the first and all others less than the second
(ActiveSAM's); where all score less than the second, nothing stands there (ours)."""


def estimated(
    seen: Sequence[ClassScores],
    vocabulary: Vocabulary,
    background: bool,
    source: Mapping[str, Source | None],
    fewest: int = FEWEST,
) -> Signatures:
    """Find the signatures of classes (ActiveSAM v2).

    The usual one of a class is the mean score vector of the places where it scores highest. The
    clear one is that of the places where it does, with more than 0.5, and all others score less
    than 0.3; of all places with more than 0.5, where those are too few; else the usual one.

    Where the background is a choice, ActiveSAM takes its share from the places that words for it
    win, which here are distractors. A list without these is none of its cases: the share is then
    that of places where no class scores 0.3, and these are no part of a usual signature.

    Args:
        seen: Scores of places as bytes, of one picture each; see `SignaturePool`.
        vocabulary: The classes.
        background: Whether places are left to it.
        source: What gave the scores.
        fewest: Places that a class has to win to have a signature.
    """
    groups, total, nothing = _Groups(len(vocabulary)), 0, 0
    for scores in map(read, seen):
        maps = scores.maps.flatten(1)
        total += maps.shape[1]
        empty = (maps < HARDLY).all(0) & (background and not vocabulary.distractors)
        nothing += int(empty.sum())
        groups.add(torch.tensor(scores.labels, dtype=torch.int64), maps, ~empty)
    places = groups.sizes["highest"].long()
    told = int(places[vocabulary.background]) if vocabulary.distractors else nothing
    return Signatures(
        source,
        len(seen),
        total,
        round(told / max(total, 1), 6) if background else None,
        asked_words(vocabulary),
        places,
        as_written(groups.mean("highest")),
        as_written(groups.clear(fewest)),
        fewest,
    )


def read(kept: ClassScores) -> ClassScores:
    """Scores that are kept as bytes, as numbers in [0, 1]."""
    return replace(kept, maps=kept.maps.float() / 255)


class _Groups:
    """Sums of the score vectors of places, for each class in three groups.

    Args:
        classes: K classes.

    Attributes:
        sizes: Of each group (K,) float64, how many places it has.
    """

    def __init__(self, classes: int) -> None:
        names = ("highest", "alone", "sure")
        self.sizes = {name: torch.zeros(classes, dtype=torch.float64) for name in names}
        self.sums = {name: torch.zeros(classes, classes, dtype=torch.float64) for name in names}

    def add(self, labels: Tensor, scores: Tensor, standing: Tensor) -> None:
        """Take in the places of a picture.

        Args:
            labels: (A,) int64, the classes.
            scores: (A, n) float32, A >= 0.
            standing: (n,) bool, where something stands.
        """
        if not len(labels):
            return
        wins = torch.zeros_like(scores, dtype=torch.bool)
        wins.scatter_(0, scores.argmax(0, keepdim=True), True)
        sure = scores > CLEARLY
        alone = wins & sure & (scores.masked_fill(wins, 0).amax(0) < HARDLY)
        groups = {"highest": wins & standing, "alone": alone, "sure": sure}
        for name, members in groups.items():
            own = members.double()
            self.sums[name][labels[:, None], labels] += own @ scores.double().T
            self.sizes[name][labels] += own.sum(1)

    def mean(self, group: str) -> Tensor:
        """Mean score vectors of a group, (K, K) float32; 0 where it is empty."""
        return (self.sums[group] / self.sizes[group].clamp(min=1)[:, None]).float()

    def clear(self, fewest: int) -> Tensor:
        """Those of the first group that has enough places."""
        found = self.mean("highest")
        for group in ("sure", "alone"):
            enough = self.sizes[group] >= fewest
            found = torch.where(enough[:, None], self.mean(group), found)
        return found
