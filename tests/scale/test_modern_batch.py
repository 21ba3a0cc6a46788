"""Systems of today over an archive: in stages as workers have them, offloaded or not, and whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scale.test_stages import png, walk
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


def pictures() -> list[np.ndarray]:
    return [draw_scene(13, number, size).image for number, size in enumerate(SIZES)]


def label_maps(system: ZeroShotSegmenter) -> list[torch.Tensor]:
    """What a whole system says of these pictures; not the same everywhere."""
    images = [torch.from_numpy(pixels).permute(2, 0, 1).contiguous() for pixels in pictures()]
    found = [result.label_map for result in system.segment(images)]
    assert len(torch.cat([labels.flatten() for labels in found]).unique()) > 1
    return found


@pytest.mark.parametrize("make", [small_open, tiny_sam3])
def test_stages_apart_say_what_the_system_says(make: Any, tmp_path: Path) -> None:
    content = make(tmp_path)
    wanted = label_maps(ZeroShotSegmenter.from_config(content))
    for own in (content, offloaded(content)):
        part = walk(Recipe.of(own, batch_size=2), [png(pixels) for pixels in pictures()])
        for work, labels in zip(part.works, wanted, strict=True):
            assert torch.equal(work.label_map.long(), labels)


def test_an_archive_has_what_tiny_sam3_says(tmp_path: Path) -> None:
    content = tiny_sam3(tmp_path)
    (tmp_path / "in").mkdir()
    for index, pixels in enumerate(pictures()):
        (tmp_path / f"in/{index}.png").write_bytes(png(pixels))
    recipe = Recipe.of(offloaded(content), batch_size=2)
    run = BatchRun(str(tmp_path / "in"), str(tmp_path / "out"), recipe, part_size=2)
    assert sum(run.here(), Summary()).done == len(SIZES)
    system = ZeroShotSegmenter.from_config(content)
    for index, labels in enumerate(label_maps(system)):
        [file] = (tmp_path / "out/masks").rglob(f"{index}.png*")
        mask = torch.from_numpy(np.asarray(Image.open(file)).astype(np.int64))
        assert torch.equal(mask, system.vocabulary.to_ids(labels))
