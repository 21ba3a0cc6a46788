"""A system with dense scores pooled over regions, in stages and whole, offloaded or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.encoders.encoder_parts import clip
from tests.scale.test_stages import png, walk
from zeroseg.scale.recipe import Recipe
from zeroseg.scale.workers import pools_of
from zeroseg.testing import noise


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for part in clip():
        part.save_pretrained(folder)
    return folder


def content(checkpoint: Path, offloaded: bool) -> dict[str, Any]:
    sam = {"checkpoint": "tiny:sam", "points_per_side": 2, "box_sizes": [0.6], "iou_threshold": 0}
    scorer: dict[str, Any] = {
        "class_path": "zeroseg.dense.RegionScorer",
        "init_args": {
            "scorer": {
                "class_path": "zeroseg.dense.PatchScorer",
                "init_args": {"checkpoint": str(checkpoint), "templates": ["{}", "a {}"]},
            },
            "proposer": {
                "class_path": "zeroseg.masking.EverythingMasks",
                "init_args": {**sam, "stability_threshold": 0},
            },
            "pooling": "vote",
        },
    }
    if offloaded:
        path = "zeroseg.dense.dense_scorer.offload_dense_scorer"
        scorer = {"class_path": path, "init_args": {"part": scorer}}
    boxes = {"dog": [0.1, 0.1, 0.5, 0.5]}
    return {
        "vocabulary": ["background", "dog", "potted plant", "sky"],
        "pre_refiner": {"class_path": "zeroseg.refinement.AllClasses"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": boxes},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "fusion": {"class_path": "zeroseg.fusion.ThingsAndStuff", "init_args": {"threshold": 0.1}},
        "dense_scorer": scorer,
    }


@pytest.mark.parametrize("offloaded", [False, True])
def test_stages_apart_say_what_the_system_says(checkpoint: Path, offloaded: bool) -> None:
    recipe = Recipe.of(content(checkpoint, offloaded), batch_size=2)
    assert "dense" in pools_of(recipe)
    images = [noise(*size, seed=seed) for seed, size in enumerate([(40, 56), (57, 40), (48, 48)])]
    part = walk(recipe, [png(image.permute(1, 2, 0).numpy().astype(np.uint8)) for image in images])
    results = Recipe.of(content(checkpoint, False), batch_size=2).segmenter("cpu").segment(images)
    seen: set[int] = set()
    for work, result in zip(part.works, results, strict=True):
        assert torch.equal(work.label_map.long(), result.label_map)
        seen |= set(result.label_map.unique().tolist())
    assert len(seen) > 2
