"""Pixel by pixel, what one run does otherwise than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.evaluate import Run


@dataclass(frozen=True)
class Agreement:
    """Two runs over the same images, in shares of the pixels that have a true label.

    Attributes:
        changed: Labelled otherwise.
        gained: Right in this run, wrong in the other.
        lost: Wrong in this run, right in the other.
    """

    changed: float
    gained: float
    lost: float


def agreements(runs: Sequence[Run], reference: Run, data: SampleData) -> list[Agreement]:
    """Compare runs with a reference; every annotation is read once."""
    counts = np.zeros((len(runs), 3), np.int64)
    pixels = 0
    for position, kept in enumerate(reference.records):
        if kept.pixels is None:
            continue
        truth = data.dataset.truth(position)
        assert truth is not None
        ids = _ids(truth.target, data)
        valid = ids != data.vocabulary.ignore_index
        base = _prediction(reference, kept.name)
        right = base == ids
        pixels += int(valid.sum())
        for row, run in zip(counts, runs, strict=True):
            other = _prediction(run, kept.name)
            changed = (other != base) & valid
            row += (changed.sum(), (changed & (other == ids)).sum(), (changed & right).sum())
    return [Agreement(*(row / max(pixels, 1)).tolist()) for row in counts]


def _ids(target: Tensor, data: SampleData) -> np.ndarray:
    return data.vocabulary.to_ids(target.cpu()).numpy()


def _prediction(run: Run, name: str) -> np.ndarray:
    with Image.open(run.folder.prediction(name)) as picture:
        return np.asarray(picture)
