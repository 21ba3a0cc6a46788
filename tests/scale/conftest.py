from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

HERE = str(Path(__file__).parent)
BOXES = {"dog": [0.0, 0.0, 0.5, 0.5], "boat": [0.5, 0.0, 1.0, 1.0]}


def content(**changes: Any) -> dict[str, Any]:
    """A segmenter of stand-ins: a dog in every picture, a boat in bright ones."""
    return {
        "vocabulary": ["background", "dog", "boat"],
        "tagger": {"class_path": "scale_parts.Tags"},
        "pre_refiner": {"class_path": "zeroseg.refinement.lexical_pre_refiner.LexicalPreRefiner"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": BOXES},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "batch_size": 2,
        **changes,
    }


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-ins are within reach."""
    monkeypatch.setattr(sys, "path", [HERE, *sys.path])


@pytest.fixture
def standins() -> Callable[..., dict[str, Any]]:
    """Configurations of stand-ins, with some arguments changed."""
    return content


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Ten pictures in folders, every other one bright; the one called 5 is 40 pixels wide."""
    folder = tmp_path / "archive"
    for index in range(10):
        width = 40 if index == 5 else 32
        pixels = np.full((24, width, 3), 200 if index % 2 else 20, np.uint8)
        file = folder / f"{index // 5}" / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return folder


@pytest.fixture(scope="session")
def ray_here() -> Iterator[None]:
    """One Ray of two cores for all tests."""
    import logging

    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=128 * 2**20,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    yield
    ray.shutdown()
