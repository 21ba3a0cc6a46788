"""What the tagger's recipe computes from scenes and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache, build
from benchmarks.recipes.tagger import (
    MIN_SHARE,
    TAGS,
    asymmetric_loss,
    best_thresholds,
    f1,
    tag_shares,
    token_shares,
)
from zeroseg.drawn.scene import draw_scene


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder: Path = tmp_path_factory.mktemp("cache")
    build(folder, seed=5, count=3, workers=1)
    return make_batch(Cache.open(folder), np.arange(3), 96)


def test_shares_are_those_of_the_regions(batch: Batch) -> None:
    shares = tag_shares(batch)
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    for index in range(3):
        scene = draw_scene(5, index, (256, 256))
        for tag, share in zip(TAGS, shares[index].tolist(), strict=True):
            area = sum(region.area for region in scene.regions if region.name == tag)
            assert share == pytest.approx(area / 256**2, abs=0.015)


def test_token_shares_are_the_shares_of_each_cell(batch: Batch) -> None:
    cells = token_shares(batch, 6)
    torch.testing.assert_close(cells.sum(-1), torch.ones(3, 36))
    torch.testing.assert_close(cells.mean(1), tag_shares(batch))
    corner = token_shares(batch, 6)[0, 7]
    part = batch.segments[0, 16:32, 16:32]
    for region in part.unique().tolist():
        name, kind = int(batch.names[0, region]), int(batch.categories[0, region])
        tag = name if name >= 0 else kind - 16 + TAGS.index("sky")
        same = [
            r
            for r in range(batch.names.shape[1])
            if batch.names[0, r] == name and batch.categories[0, r] == kind
        ]
        covered = torch.isin(part, torch.tensor(same)).float().mean().item()
        assert corner[tag].item() == pytest.approx(covered)


def test_a_trace_of_a_tag_costs_nothing() -> None:
    shares = torch.tensor([[0.0, MIN_SHARE / 2, 0.5]])
    logits = torch.tensor([[-30.0, 5.0, 30.0]])
    assert asymmetric_loss(logits, shares).item() == pytest.approx(0, abs=1e-6)
    assert asymmetric_loss(-logits, shares).item() == pytest.approx(60, rel=1e-3)


def test_thresholds_serve_f1() -> None:
    truth = torch.zeros(100, 2, dtype=torch.bool)
    truth[:30, 0] = truth[:60, 1] = True
    scores = torch.cat([torch.linspace(0.9, 0.3, 100)[:, None], torch.rand(100, 1) * 0.1], 1)
    scores[:60, 1] += 0.6
    thresholds = best_thresholds(scores, truth)
    assert f1(scores > thresholds, truth).min() > 0.9
    assert f1(scores > 0.1, truth)[0].item() == pytest.approx(60 / 130)
