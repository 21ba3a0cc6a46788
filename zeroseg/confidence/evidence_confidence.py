"""How sure a class is by what speaks for it, and by what speaks for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from zeroseg.confidence.confidence_estimator import ConfidenceEstimator
from zeroseg.running.transfer import sent
from zeroseg.values import DISTRACTOR, Confidence, DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary


class EvidenceConfidence(ConfidenceEstimator):
    """Compares the scores of all classes at every pixel.

    A class scores as the highest of score x sigmoid(logit) of its detections, and of its dense maps
    weighed by presence; the background as 1 less the highest of the others, or as its distractors
    score where that is more. Where every pixel is of a class that is looked for
    (`Vocabulary.exhaustive`), the background is no rival.

    The margin of a pixel is the score of its class less the highest of the others, and 0 where
    another one scores more. Its probability is the score of its class after a map that rises with
    it: scores of detectors are no probabilities. The map is fitted on other pictures; see
    `zeroseg.metrics.calibration.rising_knots` and `benchmarks/confidence.py`.

    The score of the image is the mIoU that is to be expected by these probabilities, see
    `expected_iou`.

    Args:
        knots: Pairs of a score and its probability, both rising, between which the map of classes
            is straight; it is level before the first and after the last. Without any,
            probabilities are the scores.
        background_knots: The same for the background.
        chunk: Masks or maps brought to full size at a time; memory is about
            (4 * chunk + 24) * H * W bytes.

    Raises:
        ValueError: Knots do not rise or are not in [0, 1], or `chunk` is less than 1.
    """

    def __init__(
        self,
        knots: list[list[float]] | None = None,
        background_knots: list[list[float]] | None = None,
        chunk: int = 8,
    ) -> None:
        super().__init__()
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, at least one map must be read at a time")
        _check_knots(knots or [])
        _check_knots(background_knots or [])
        self.knots, self.background_knots, self.chunk = knots, background_knots, chunk

    def forward(
        self,
        label_map: Tensor,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Confidence:
        """See `ConfidenceEstimator.forward`."""
        labels = sent(label_map, masks.logits.device)
        own, best = self.compare(labels, masks, detections, vocabulary, dense)
        probability = self.probability(own, labels == vocabulary.background)
        score = expected_iou(probability, labels, len(vocabulary))
        return Confidence(probability, (own - best).clamp(0, 1), min(max(score, 0.0), 1.0))

    def compare(
        self,
        labels: Tensor,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> tuple[Tensor, Tensor]:
        """At every pixel the score of its class, and the highest of the others: (H, W) each."""
        own = torch.zeros(masks.size, device=masks.logits.device)
        best, beside = torch.zeros_like(own), torch.zeros_like(own)
        found = detections.labels.cpu()
        asked = torch.tensor(() if dense is None else dense.labels, dtype=torch.int64)
        for label in {*found.tolist(), *asked.tolist()}:
            parts = self._parts(label, found, asked, masks, detections, dense)
            if label == DISTRACTOR:
                beside = _highest(parts, beside)
            elif label in vocabulary.classes:
                scores, mine = _highest(parts, torch.zeros_like(own)), labels == label
                own = torch.where(mine, scores, own)
                best = torch.where(mine, best, best.maximum(scores))
        left = labels == vocabulary.background
        nothing = (1 - own.maximum(best)).maximum(beside)
        if not vocabulary.exhaustive:
            best = torch.where(left, best, best.maximum(nothing))
        return torch.where(left, nothing, own), best

    def _parts(
        self,
        label: int,
        found: Tensor,
        asked: Tensor,
        masks: Masks,
        detections: Detections,
        dense: DenseScores | None,
    ) -> Iterator[Tensor]:
        """What speaks for a class, (n, H, W) at a time."""
        device = masks.logits.device
        scores = detections.scores.to(device)
        for part in (found == label).nonzero()[:, 0].split(self.chunk):
            part = sent(part, device)
            yield masks.full(part).sigmoid_().mul_(scores[part][:, None, None])
        if dense is None:
            return
        for part in (asked == label).nonzero()[:, 0].split(self.chunk):
            part = sent(part, dense.maps.device)
            weights = 1.0 if dense.presence is None else dense.presence[part][:, None, None].float()
            yield (dense.full(part) * weights).to(device)

    def probability(self, scores: Tensor, background: Tensor) -> Tensor:
        """Scores (H, W) as probabilities.

        Args:
            scores: Of each pixel's own class.
            background: (H, W) bool, which of them are of the background.
        """
        of_classes = _mapped(scores, self.knots)
        return torch.where(background, _mapped(scores, self.background_knots), of_classes)


def expected_iou(probability: Tensor, labels: Tensor, count: int) -> float:
    """The mIoU that is to be expected of a label map, over the classes that are in it.

    Of a class, the pixels that are expected to be right, over all of its pixels and those of it
    that are expected elsewhere: what is expected to be wrong in the other classes is shared out
    evenly among those that are there.

    Args:
        probability: (H, W) float in [0, 1], how likely each pixel is right.
        labels: (H, W) int64, below `count`; others are left out.
        count: Of classes.

    Returns:
        A number in [0, 1]; 1 where no pixel has a class.
    """
    known = labels < count
    classes, weights = labels[known].cpu(), probability[known].cpu().double()
    pixels = classes.bincount(minlength=count)
    there = pixels > 0
    right = classes.bincount(weights, minlength=count)[there]
    wrong = pixels[there] - right
    elsewhere = (wrong.sum() - wrong) / max(len(wrong) - 1, 1)
    return float((right / (pixels[there] + elsewhere)).mean()) if len(wrong) else 1.0


def _highest(parts: Iterator[Tensor], scores: Tensor) -> Tensor:
    for part in parts:
        if len(part):
            scores = scores.maximum(part.amax(0).clamp(0, 1))
    return scores


def _mapped(scores: Tensor, knots: Sequence[Sequence[float]] | None) -> Tensor:
    """Scores by a map that is straight between knots."""
    if not knots:
        return scores
    x, y = scores.new_tensor(knots).T.contiguous()
    if len(x) == 1:
        return torch.full_like(scores, float(y[0]))
    right = torch.searchsorted(x, scores.contiguous()).clamp(1, len(x) - 1)
    share = ((scores - x[right - 1]) / (x[right] - x[right - 1])).clamp(0, 1)
    return torch.lerp(y[right - 1], y[right], share)


def _check_knots(knots: Any) -> None:
    pairs = all(len(pair) == 2 and all(0 <= value <= 1 for value in pair) for pair in knots)
    if not pairs:
        raise ValueError(f"knots are {knots!r}, expected pairs of numbers in [0, 1]")
    for (x, y), (following, above) in pairwise(knots):
        if following <= x or above < y:
            raise ValueError(f"knots do not rise at {[following, above]}")
