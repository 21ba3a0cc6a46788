"""What a GPU would find: tensors on the wrong device, and precisions that do not meet."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import random_weights
from zeroseg import Segmentation, ZeroShotSegmenter
from zeroseg.drawn.scene import draw_scene
from zeroseg.images import read_image

HERE = Path(__file__).parent
PRECISIONS = ("bf16", "16", "bf16-mixed")
IMAGES = [
    read_image(draw_scene(7, i, size).image) for i, size in enumerate([(256, 256), (90, 130)])
]


def test_everything_runs_on_an_accelerator() -> None:
    """In a process of its own, since a device once registered stays."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", HERE / "on_accelerator.py"],
        cwd=HERE.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]


def in_precision(segmenter: ZeroShotSegmenter, precision: str) -> tuple[ZeroShotSegmenter, Any]:
    """A system whose weights or whose operations are of a precision, and what it runs within."""
    if precision == "bf16-mixed":
        return segmenter, torch.autocast("cpu", torch.bfloat16)
    return segmenter.to({"bf16": torch.bfloat16, "16": torch.float16}[precision]), nullcontext()


@pytest.fixture(scope="module")
def expected() -> list[Segmentation]:
    return ZeroShotSegmenter.from_preset("tiny").segment(IMAGES)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_low_precision_says_nearly_the_same(precision: str, expected: list[Segmentation]) -> None:
    segmenter, within = in_precision(ZeroShotSegmenter.from_preset("tiny"), precision)
    with within:
        results = segmenter.segment(IMAGES)
    for one, other in zip(expected, results, strict=True):
        assert (one.label_map == other.label_map).float().mean() > 0.99
        assert one.detections.phrases == other.detections.phrases
        assert other.detections.boxes.dtype == other.detections.scores.dtype == torch.float32


@pytest.mark.parametrize("precision", ["bf16", "bf16-mixed"])
def test_networks_of_the_published_kind_run_in_low_precision(precision: str) -> None:
    segmenter, within = in_precision(random_weights.build(random_weights.mid(), "cpu"), precision)
    segmenter.captioner.max_new_tokens = 2
    with within:
        result = segmenter.segment(IMAGES[1])
    assert isinstance(result, Segmentation)
    assert len(result.detections) == random_weights.BOXES
    assert result.points is not None and bool(result.points.xy.isfinite().all())
