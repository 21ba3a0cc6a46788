"""What the tests of dense scorers ask, and compare by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.testing import noise
from zeroseg.values import DenseScores, Selection

PROMPTS = ("dog", "potted plant", "person", "sky", "a boat")
ODD = [(40, 56), (1, 1), (1, 130), (97, 3), (32, 32), (131, 67)]


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


def assert_same(one: DenseScores, other: DenseScores) -> None:
    assert one.labels == other.labels
    assert one.geometry == other.geometry
    torch.testing.assert_close(one.maps, other.maps, atol=1e-5, rtol=1e-4)
    assert (one.presence is None) == (other.presence is None)
    if one.presence is not None:
        assert other.presence is not None
        torch.testing.assert_close(one.presence, other.presence, atol=1e-5, rtol=1e-4)


def check_any_company(part: DenseScorer) -> None:
    """Pictures of all sizes and prompts, some without, answer as they do alone."""
    images: list[Tensor] = [noise(*size, seed=seed) for seed, size in enumerate(ODD)]
    asked: Sequence[Selection] = [
        ask("dog"), ask(*PROMPTS), Selection(), ask("sky", "dog"), ask(*PROMPTS[1:]), ask("sky"),
    ]  # fmt: skip
    together = part(images, asked)
    for image, selection, found in zip(images, asked, together, strict=True):
        assert_same(part([image], [selection])[0], found)
        assert found.full().shape == (len(selection.prompts), *image.shape[1:])
        assert bool(found.maps.isfinite().all())
        assert bool(((found.maps >= 0) & (found.maps <= 1)).all())
