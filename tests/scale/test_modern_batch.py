"""Systems of today over an archive: both engines, offloaded or not, and the plain system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_checkpoints import small_preset
from zeroseg import ZeroShotSegmenter
from zeroseg.drawn.scene import draw_scene
from zeroseg.presets import load_preset
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Summary
from zeroseg.scale.recipe import Recipe

SIZES = ((40, 56), (57, 40), (48, 48))
CLASSES = ["background", "dog", "potted plant", "sky", "grass", "person"]


def small_open(folder: Path) -> dict[str, Any]:
    """`open` with small random networks."""
    return {**small_preset("open", folder), "vocabulary": CLASSES}


def tiny_sam3(folder: Path) -> dict[str, Any]:
    """The embedded SAM 3, with a preview though the list is short."""
    content = load_preset("tiny-sam3")
    content["detector"]["init_args"]["preview"] = "always"
    return content


OFFLOADED = {
    "detector": "zeroseg.detection.detector.offload_detector",
    "mask_predictor": "zeroseg.masking.mask_predictor.offload_mask_predictor",
}


def offloaded(content: dict[str, Any]) -> dict[str, Any]:
    """The same system, its networks on the host between calls."""
    own = {
        stage: {"class_path": path, "init_args": {"part": content[stage]}}
        for stage, path in OFFLOADED.items()
        if "checkpoint" in content[stage].get("init_args", {})
    }
    assert own
    return {**content, **own}


def masks(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "masks").rglob("*.png")}


@pytest.mark.parametrize("make", [small_open, tiny_sam3])
def test_both_engines_write_what_the_system_says(make: Any, tmp_path: Path, ray_here: None) -> None:
    content = make(tmp_path / "checkpoints")
    scenes = [draw_scene(13, number, size).image for number, size in enumerate(SIZES)]
    (tmp_path / "in").mkdir()
    for index, pixels in enumerate(scenes):
        Image.fromarray(pixels).save(tmp_path / f"in/{index}.png")
    runs = {
        name: BatchRun(
            str(tmp_path / "in"),
            str(tmp_path / name),
            Recipe.of(own, batch_size=2),
            part_size=2,
        )
        for name, own in (("here", offloaded(content)), ("there", content))
    }
    assert sum(runs["here"].here(), Summary()).done == len(scenes)
    assert sum(runs["there"].with_ray(), Summary()).done == len(scenes)
    written = masks(tmp_path / "here")
    assert len(written) == len(scenes) and written == masks(tmp_path / "there")
    plain = ZeroShotSegmenter.from_config(content)
    images = [torch.from_numpy(pixels).permute(2, 0, 1).contiguous() for pixels in scenes]
    seen: set[int] = set()
    for index, result in enumerate(plain.segment(images)):
        [file] = (tmp_path / "here/masks").rglob(f"{index}.png*")
        mask = torch.from_numpy(np.asarray(Image.open(file)).astype(np.int64))
        assert torch.equal(mask, plain.vocabulary.to_ids(result.label_map))
        seen |= set(mask.unique().tolist())
    assert len(seen) > 1
