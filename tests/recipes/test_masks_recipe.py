"""What the mask recipe computes from scenes, and that its losses teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import SamModel

from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache, build
from benchmarks.recipes.masks import dense_loss, mask_loss, prompt_loss
from benchmarks.recipes.masks_model import (
    MASK_STRIDE,
    PATCH,
    SIDE,
    Trainee,
    go_on_from,
    sam_config,
    stretched,
)
from benchmarks.recipes.masks_prompts import choose_regions, jittered, random_points, top_points


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder: Path = tmp_path_factory.mktemp("cache")
    build(folder, seed=5, count=2, workers=1)
    return make_batch(Cache.open(folder), np.arange(2), SIDE)


def test_prompts_are_regions_and_the_boxes_around_them(batch: Batch) -> None:
    prompts = choose_regions(batch, np.random.default_rng(0), 50, stuff_share=0.0)
    assert len(prompts.boxes) > 0
    for mask, box in zip(prompts.masks, prompts.boxes.tolist(), strict=True):
        rows, columns = mask.nonzero().unbind(1)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box == pytest.approx([float(edge) for edge in edges], abs=1e-3)


def test_random_points_lie_on_their_region(batch: Batch) -> None:
    rng = np.random.default_rng(0)
    prompts = choose_regions(batch, rng, 50)
    points, labels = random_points(prompts.masks, 4, rng)
    for mask, own, label in zip(prompts.masks, points.long(), labels, strict=True):
        assert (label == 1).any()
        assert all(bool(mask[y, x]) for (x, y) in own[label == 1].tolist())


def test_top_points_are_the_highest_logits_of_the_box() -> None:
    logits = torch.zeros(1, 1, SIDE // MASK_STRIDE, SIDE // MASK_STRIDE)
    logits[0, 0, 10, 20] = 5.0
    logits[0, 0, 60, 60] = 9.0  # outside the box
    points, labels = top_points(logits, torch.tensor([[20.0, 0.0, 80.0, 60.0]]), 1, SIDE)
    assert labels.tolist() == [[1]]
    x, y = points[0, 0].tolist()
    assert (x, y) == (pytest.approx(41, abs=2), pytest.approx(21, abs=2))


def test_jitter_moves_boxes_but_keeps_them_in_the_frame() -> None:
    boxes = torch.tensor([[0.0, 0.0, 100.0, 160.0]]).expand(200, 4)
    moved = jittered(boxes, np.random.default_rng(0), 0.1, SIDE)
    assert bool((moved != boxes).any())
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= SIDE


def test_a_perfect_mask_costs_little_and_an_empty_one_much(batch: Batch) -> None:
    prompts = choose_regions(batch, np.random.default_rng(0), 50, stuff_share=0.0)
    target = F.avg_pool2d(prompts.masks[:, None].float(), MASK_STRIDE)
    good, right = mask_loss(40 * (target - 0.5), torch.ones(len(target), 1), prompts)
    bad, wrong = mask_loss(torch.full_like(target, -20), torch.zeros(len(target), 1), prompts)
    assert float(right) > 0.95
    assert float(wrong) == 0
    assert float(good) < 0.2 < float(bad)


def test_a_few_steps_lower_both_losses(batch: Batch) -> None:
    torch.manual_seed(0)
    model = Trainee(batch.images)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    seen = []
    for _ in range(8):
        embeddings = model.embed(batch.images)
        dense, _ = dense_loss(model, embeddings, batch)
        masks, _ = prompt_loss(model, embeddings, batch, np.random.default_rng(1))
        optimizer.zero_grad()
        (dense + masks).backward()
        optimizer.step()
        seen.append((dense.item(), masks.item()))
    assert seen[-1][0] < 0.8 * seen[0][0]
    assert seen[-1][1] < 0.95 * seen[0][1]


def test_positions_are_stretched_over_another_grid() -> None:
    line = torch.linspace(0, 1, 20)
    positions = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1)[None]
    finer = stretched(positions, 28)
    assert finer.shape == (1, 28, 28, 2)
    middle = (torch.arange(28) + 0.5) / 28 * 20 / 19 - 0.5 / 19
    inner = slice(2, -2)
    torch.testing.assert_close(
        finer[0, inner, inner, 1], middle[inner].expand(24, -1), atol=0.01, rtol=0
    )
    torch.testing.assert_close(stretched(positions, 20), positions)


def test_a_run_begins_as_the_model_that_was_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = SamModel(sam_config())
    old.save_pretrained(tmp_path)
    new = SamModel(sam_config())
    go_on_from(new, tmp_path)
    theirs = old.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in new.state_dict().items())


def test_a_run_begins_as_a_model_of_smaller_frames(tmp_path: Path) -> None:
    config = sam_config()
    config.vision_config.image_size = config.prompt_encoder_config.image_size = SIDE // 2
    config.vision_config.window_size //= 2
    old = SamModel(config)
    grid = SIDE // PATCH
    ramp = torch.linspace(-1, 1, grid // 2)[:, None]
    old.vision_encoder.pos_embed.data.copy_(ramp.expand(1, grid // 2, grid // 2, 128))
    old.save_pretrained(tmp_path)
    new = SamModel(sam_config())
    go_on_from(new, tmp_path)
    finer = new.vision_encoder.pos_embed
    assert finer.shape[1:3] == (grid, grid)
    torch.testing.assert_close(finer[0, 0, :, 0], torch.linspace(-1, 1, grid), atol=0.05, rtol=0)
    assert torch.equal(new.mask_decoder.mask_tokens.weight, old.mask_decoder.mask_tokens.weight)
