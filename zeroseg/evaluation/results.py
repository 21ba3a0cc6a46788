"""The figures of a run, computed from its records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.record import MILESTONES, ImageRecord
from zeroseg.metrics.box_recall import recall_scores
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.metrics.presence import presence_scores
from zeroseg.metrics.segmentation_scores import summarize
from zeroseg.values import Usage
from zeroseg.vocabulary import Vocabulary

WHOLE_MATRIX = 255
"""Classes up to which results hold the whole confusion matrix."""

_MEANS = ("miou", "mean_accuracy", "pixel_accuracy", "frequency_weighted_iou", "boundary_iou")
_APART = ("miou_things", "miou_stuff")
"""Means that only a vocabulary with stuff has."""


def results(records: Sequence[ImageRecord], data: SampleData) -> dict[str, Any]:
    """All figures of a run, ready for JSON; null where one is not defined.

    Records are added up in the order given, so that a run that was interrupted comes to the same
    figures as one that was not.

    Args:
        records: One for each image of the data set.
        data: The data set; it says how it is scored.
    """
    vocabulary = data.vocabulary
    pixels = total_pixels(records, vocabulary)
    usage = sum((record.usage for record in records), Usage())
    return {
        **scores(pixels, data),
        **_confusion(pixels),
        "unlisted": pixels.unlisted.tolist(),
        "presence": _presence(records, vocabulary),
        "boxes": _boxes(records, vocabulary),
        "phrases": _phrases(records),
        "groups": _groups(records, data),
        "protocol": data.protocol.to_dict(),
        "vocabulary": vocabulary.to_dict(),
        "usage": asdict(usage),
        "seconds": _seconds(records),
        "images": {
            "scored": sum(record.pixels is not None for record in records),
            "failed": sum(record.failure is not None for record in records),
            "unscored": sum(record.pixels is None for record in records),
        },
        "failures": [asdict(r.failure) for r in records if r.failure is not None],
    }


def _confusion(pixels: PixelCounts) -> dict[str, Any]:
    """The confusion matrix; of a very long list of classes what is not 0 of it."""
    if pixels.classes <= WHOLE_MATRIX:
        return {"confusion_matrix": pixels.confusion.tolist()}
    return {"confusions": pixels.to_dict()["confusion"]}


def confusion_counts(results: Mapping[str, Any]) -> Tensor:
    """The confusion matrix of a results file, (K, K) int64, true classes in rows."""
    if "confusion_matrix" in results:
        return torch.tensor(results["confusion_matrix"])
    classes = len(results["iou"])
    rows = torch.tensor(results["confusions"], dtype=torch.int64).view(-1, 3)
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    matrix[rows[:, 0], rows[:, 1]] = rows[:, 2]
    return matrix


def total_pixels(records: Sequence[ImageRecord], vocabulary: Vocabulary) -> PixelCounts:
    """The counts of all images together."""
    total = PixelCounts.zeros(len(vocabulary))
    for record in records:
        if record.pixels is not None:
            total = total + record.pixels
    return total


def scores(pixels: PixelCounts, data: SampleData) -> dict[str, Any]:
    """Means over classes, and per-class figures by class name."""
    flat = summarize(pixels, data.vocabulary, **data.scoring())
    return {
        **{name: _defined(flat[name]) for name in (*_MEANS, *_APART) if name in flat},
        "iou": _by_class(flat, "iou", data.vocabulary),
        "accuracy": _by_class(flat, "accuracy", data.vocabulary),
        "boundary_iou_per_class": _by_class(flat, "boundary_iou", data.vocabulary),
    }


def _by_class(
    flat: Mapping[str, float], figure: str, vocabulary: Vocabulary
) -> dict[str, float | None]:
    return {name: _defined(flat[f"{figure}/{name}"]) for name in vocabulary.names}


def _defined(value: float) -> float | None:
    return value if value == value else None


def _presence(records: Sequence[ImageRecord], vocabulary: Vocabulary) -> dict[str, Any]:
    """Precision, recall and F1 of the classes predicted present, at each stage there is."""
    scored = [r for r in records if r.pixels is not None]
    stages = [stage for stage in MILESTONES if any(stage in r.predicted for r in scored)]
    found = {
        stage: presence_scores(
            [(set(r.present), set(r.predicted.get(stage, ()))) for r in scored], vocabulary
        )
        for stage in stages
    }
    return {stage: _without_nan(figures) for stage, figures in found.items()}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and value != value else value


def _boxes(records: Sequence[ImageRecord], vocabulary: Vocabulary) -> dict[str, Any] | None:
    counts = [record.boxes for record in records if record.boxes is not None]
    if not counts:
        return None
    return dict(_without_nan(recall_scores(torch.stack(counts).sum(0), vocabulary)))


def _phrases(records: Sequence[ImageRecord]) -> dict[str, int]:
    names = ("detections", "unresolved_before", "unresolved_after")
    sums = [sum(record.phrases[i] for record in records) for i in range(3)]
    return dict(zip(names, sums, strict=True))


def _groups(records: Sequence[ImageRecord], data: SampleData) -> dict[str, Any]:
    """The scores of each group of images on its own, where the data set has groups."""
    group_of = data.groups()
    members: dict[str, list[ImageRecord]] = {}
    for record in records:
        if record.name in group_of:
            members.setdefault(group_of[record.name], []).append(record)
    return {
        group: {"images": len(own), **scores(total_pixels(own, data.vocabulary), data)}
        for group, own in sorted(members.items())
    }


def _seconds(records: Sequence[ImageRecord]) -> dict[str, float]:
    total: dict[str, float] = {}
    for record in records:
        for stage, seconds in record.seconds.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return total
