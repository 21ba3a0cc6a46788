"""How well a system knows how sure it is, on drawn scenes.

    python benchmarks/confidence.py --model tiny --scenes 200 --json confidence.json

The rising maps from scores to probabilities are fitted on the scenes of one seed (`--fit`), and all
figures are of the scenes of another one (`--seed`), which decide nothing.

- error: expected calibration error over all pixels, in 15 bins: of the scores as they are, of the
  maps fitted here, and of the maps that the preset holds.
- area: area under the risk-coverage curve over the pictures, where the risk of a picture is 1 less
  the mIoU of the classes that are in its truth or its label map; for several ways to make one score
  of a picture, against random order (the mean risk) and the perfect one. `gained` is the share of
  the way from random to perfect.
- knots: the maps, as a preset holds them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from zeroseg import ZeroShotSegmenter
from zeroseg.confidence import EvidenceConfidence
from zeroseg.confidence.evidence_confidence import expected_iou
from zeroseg.data import DrawnScenes
from zeroseg.metrics.calibration import (
    calibration_error,
    count_scores,
    rising_knots,
    risk_coverage,
)
from zeroseg.vocabulary import Vocabulary

BORDER = 2
"""Pixels on either side of a border that count as its."""


@dataclass(frozen=True)
class Seen:
    """One scene.

    Attributes:
        labels: (H, W) int64, the label map.
        right: (H, W) bool, where it is so.
        scores: (H, W) float32, of each pixel's class, before any map.
        risk: 1 - mIoU of the classes that are there.
    """

    labels: Tensor
    right: Tensor
    scores: Tensor
    risk: float


def scenes_of(segmenter: ZeroShotSegmenter, count: int, seed: int) -> Iterator[Seen]:
    """Segment the first scenes of a seed, and compare with their truth."""
    data = DrawnScenes(segmenter.vocabulary, count=count, seed=seed)
    data.setup("test")
    asked = segmenter.variant(confidence=True)
    asked.confidence = EvidenceConfidence()
    for batch in track(data.test_dataloader(), "segmenting", total=None, transient=True):
        for sample, result in zip(batch, asked.segment_samples(batch), strict=True):
            sure, truth = result.confidence, sample.target
            labels = result.label_map
            risk = 1 - miou(labels, truth, len(segmenter.vocabulary))
            yield Seen(labels, labels == truth, sure.probability, risk)


def miou(labels: Tensor, truth: Tensor, classes: int) -> float:
    """Mean IoU of one picture over the classes that are in its truth or its label map."""
    there = truth < classes
    pairs = truth[there] * classes + labels[there]
    matrix = pairs.bincount(minlength=classes**2).view(classes, classes).double()
    union = matrix.sum(0) + matrix.sum(1) - matrix.diag()
    return float((matrix.diag() / union)[union > 0].mean())


def fitted(seen: list[Seen], background: int) -> EvidenceConfidence:
    """The maps that fit these scenes."""
    knots = []
    for of_background in (False, True):
        counts = sum(
            count_scores(own.scores[kept], own.right[kept])
            for own in seen
            for kept in [(own.labels == background) == of_background]
        )
        knots.append(rising_knots(counts))
    return EvidenceConfidence(*knots)


def error(seen: list[Seen], maps: EvidenceConfidence, background: int) -> float:
    """Expected calibration error over all pixels."""
    counts = sum(
        count_scores(maps.probability(own.scores, own.labels == background), own.right)
        for own in seen
    )
    return calibration_error(counts)


def picture_scores(own: Seen, probability: Tensor, vocabulary: Vocabulary) -> dict[str, float]:
    """Several ways to make one score of a picture."""
    things = own.labels != vocabulary.background
    near = borders(own.labels)
    objects = probability[things | near]
    return {
        "mean over pixels": float(probability.mean()),
        "lowest tenth of pixels": float(probability.flatten().quantile(0.1)),
        "mean over objects and borders": float(objects.mean()) if len(objects) else 1.0,
        "mean over borders": float(probability[near].mean()) if bool(near.any()) else 1.0,
        "mean of classes": class_mean(probability, own.labels),
        "expected mIoU": expected_iou(probability, own.labels, len(vocabulary)),
    }


def borders(labels: Tensor) -> Tensor:
    """(H, W) bool: pixels near another class."""
    maps = labels[None, None].double()
    side, pad = 2 * BORDER + 1, BORDER
    high = torch.nn.functional.max_pool2d(maps, side, 1, pad)
    low = -torch.nn.functional.max_pool2d(-maps, side, 1, pad)
    return (high != low)[0, 0]


def class_mean(probability: Tensor, labels: Tensor) -> float:
    """The mean over classes of the mean probability of their pixels."""
    means = [float(probability[labels == own].mean()) for own in labels.unique()]
    return sum(means) / len(means)


def areas(
    seen: list[Seen], maps: EvidenceConfidence, vocabulary: Vocabulary
) -> dict[str, dict[str, float]]:
    """The area under the risk-coverage curve for every way to score pictures."""
    risks = torch.tensor([own.risk for own in seen], dtype=torch.float64)
    several = [
        picture_scores(
            own, maps.probability(own.scores, own.labels == vocabulary.background), vocabulary
        )
        for own in seen
    ]
    random, perfect = float(risks.mean()), risk_coverage(-risks, risks)
    found = {}
    for name in several[0]:
        area = risk_coverage(torch.tensor([own[name] for own in several]), risks)
        found[name] = {"area": area, "gained": (random - area) / max(random - perfect, 1e-9)}
    return {
        "random": {"area": random, "gained": 0},
        **found,
        "perfect": {"area": perfect, "gained": 1},
    }


def measure(model: str, scenes: int, fit: int, seed: int) -> dict[str, Any]:
    """All figures of a preset."""
    segmenter = ZeroShotSegmenter.from_preset(model)
    vocabulary = segmenter.vocabulary
    held = segmenter.confidence
    judged = list(scenes_of(segmenter, scenes, seed))
    maps = fitted(list(scenes_of(segmenter, scenes, fit)), vocabulary.background)
    kinds = {"as they are": EvidenceConfidence(), "fitted here": maps, "of the preset": held}
    return {
        "model": model,
        "scenes": scenes,
        "right": float(torch.stack([own.right.double().mean() for own in judged]).mean()),
        "error": {name: error(judged, own, vocabulary.background) for name, own in kinds.items()},
        "area": {name: areas(judged, own, vocabulary) for name, own in kinds.items()},
        "knots": {"knots": maps.knots, "background_knots": maps.background_knots},
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures."""
    console = Console()
    errors = ", ".join(f"{name} {own:.4f}" for name, own in found["error"].items())
    console.print(f"{found['model']}: {found['right']:.1%} of pixels are right; error: {errors}")
    table = Table("score of a picture", *found["area"])
    for name in found["area"]["as they are"]:
        cells = [own[name] for own in found["area"].values()]
        table.add_row(name, *(f"{own['area']:.4f} ({own['gained']:.0%})" for own in cells))
    console.print(table)
    console.print_json(json.dumps(found["knots"]))


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="tiny", help="a preset; default tiny")
    parser.add_argument("--scenes", type=int, default=200, help="of each seed; default 200")
    parser.add_argument("--fit", type=int, default=7, help="seed of the scenes that maps fit")
    parser.add_argument("--seed", type=int, default=8, help="seed of the scenes that are judged")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    found = measure(options.model, options.scenes, options.fit, options.seed)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
