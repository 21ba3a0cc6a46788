"""A system around SAM 3 over an archive: both engines, offloaded or not, and the plain system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.detection.sam3_parts import processor, sam3_model
from zeroseg import ZeroShotSegmenter
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.testing import noise

SIZES = ((40, 56), (57, 40), (48, 48))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam3")
    sam3_model().save_pretrained(folder)
    processor().save_pretrained(folder)
    return folder


def content(checkpoint: Path, offloaded: bool) -> dict[str, Any]:
    detector: dict[str, Any] = {
        "class_path": "zeroseg.detection.Sam3",
        "init_args": {
            "checkpoint": str(checkpoint),
            "score_threshold": 0.15,
            "chunk_size": 2,
            "preview": "always",
        },
    }
    if offloaded:
        path = "zeroseg.detection.detector.offload_detector"
        detector = {"class_path": path, "init_args": {"part": detector}}
    return {
        "vocabulary": ["background", "dog", "potted plant", "sky"],
        "pre_refiner": {"class_path": "zeroseg.refinement.AllClasses"},
        "detector": detector,
        "mask_predictor": {"class_path": "zeroseg.masking.DetectorMasks"},
        "fusion": {
            "class_path": "zeroseg.fusion.ThingsAndStuff",
            "init_args": {"background": "margin", "threshold": 0.05},
        },
    }


def masks(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "masks").rglob("*.png")}


def test_both_engines_write_what_the_system_says(
    checkpoint: Path, tmp_path: Path, ray_here: None
) -> None:
    """The network lies on the host between calls on one of them."""
    images = [noise(*size, seed=seed) for seed, size in enumerate(SIZES)]
    (tmp_path / "in").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / f"in/{index}.png")
    runs = {
        name: BatchRun(
            str(tmp_path / "in"),
            str(tmp_path / name),
            Recipe.of(content(checkpoint, offloaded), batch_size=2),
            part_size=2,
        )
        for name, offloaded in (("here", True), ("there", False))
    }
    assert sum(runs["here"].here(), Summary()).done == len(images)
    assert sum(runs["there"].with_ray(), Summary()).done == len(images)
    written = masks(tmp_path / "here")
    assert len(written) == len(images) and written == masks(tmp_path / "there")
    plain = ZeroShotSegmenter.from_config(content(checkpoint, offloaded=False))
    seen: set[int] = set()
    for index, result in enumerate(plain.segment(list(images))):
        ids = plain.vocabulary.to_ids(result.label_map)
        [file] = (tmp_path / "here/masks").rglob(f"{index}.png*")
        mask = torch.from_numpy(np.asarray(Image.open(file)).astype(np.int64))
        assert torch.equal(mask, ids)
        seen |= set(mask.unique().tolist())
    assert len(seen) > 1
