"""Thresholds of single classes: what speaks less for a class than its threshold is not heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from zeroseg.errors import ZerosegError
from zeroseg.running.stage import Stage
from zeroseg.values import DenseScores, Detections
from zeroseg.vocabulary import Vocabulary


def by_class(thresholds: Mapping[str, float], vocabulary: Vocabulary) -> dict[int, float]:
    """Thresholds by class index.

    Args:
        thresholds: By the names of classes, numbers in [0, 1].
        vocabulary: The classes.

    Raises:
        ZerosegError: One is no number in [0, 1], or for a class that is not looked for.
    """
    found: dict[int, float] = {}
    for name, least in thresholds.items():
        label = vocabulary.index(name)
        if label == vocabulary.background:
            raise ZerosegError(f"'{name}' is the background, which is not detected: no threshold")
        number = isinstance(least, Real) and not isinstance(least, bool)
        if not number or not 0 <= least <= 1:
            raise ZerosegError(f"the threshold of '{name}' is {least!r}; a number from 0 to 1")
        found[label] = float(least)
    return found


class Thresholding(Stage):
    """Detections and dense scores below the threshold of their class are dropped.

    Of dense scores, places are, where map times presence is less.

    Args:
        thresholds: By class index, in [0, 1].
    """

    name, needs = "thresholds", ("detections",)
    takes: ClassVar[Mapping[str, Any]] = {"dense": None}
    gives = ("detections", "dense", "unreviewed")
    timed = False

    def __init__(self, thresholds: Mapping[int, float]) -> None:
        self.thresholds = thresholds

    def __call__(
        self, detections: Sequence[Detections], dense: Sequence[DenseScores | None]
    ) -> tuple[Sequence[Detections], Sequence[DenseScores | None], Sequence[Tensor]]:
        """See `Stage.__call__`."""
        left = [self._heard(found) for found in detections]
        maps = [scores and self._loud(scores) for scores in dense]
        return left, maps, [found.labels for found in detections]

    def _heard(self, found: Detections) -> Detections:
        least = [self.thresholds.get(label, 0.0) for label in found.labels.tolist()]
        left = found.select(found.scores >= found.scores.new_tensor(least))
        return left if left.dense is None else replace(left, dense=self._loud(left.dense))

    def _loud(self, scores: DenseScores) -> DenseScores:
        if self.thresholds.keys().isdisjoint(scores.labels):
            return scores
        least = scores.maps.new_tensor([self.thresholds.get(label, 0.0) for label in scores.labels])
        weights = 1.0 if scores.presence is None else scores.presence[:, None, None]
        heard = scores.maps * weights >= least[:, None, None]
        return replace(scores, maps=torch.where(heard, scores.maps, 0.0))
