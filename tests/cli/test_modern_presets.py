"""Presets for whole scenes, and `open` with small networks, through the commands of people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.small_checkpoints import small_preset
from zeroseg.cli.main import main
from zeroseg.drawn.scene import draw_scene
from zeroseg.evaluation.results import confusion_counts

SCENES = ["--data", "drawn", "--vocabulary", "drawn-all", "--limit", "2", "--size", "96x64"]
ROWS = {
    "open": {"without points"},
    "tiny-open": {"without verification", "without dense scorer"},
    "tiny-sam3": {"without presence", "without dense head", "without instances"},
}
"""Some of the ablation's rows of each."""


@pytest.fixture(params=["open", "tiny-open", "tiny-sam3"])
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(preset: str, tmp_path: Path) -> str:
    if preset != "open":
        return preset
    file = tmp_path / "open.yaml"
    file.write_text(yaml.safe_dump(small_preset("open", tmp_path)))
    return str(file)


def content(file: str) -> Any:
    return json.loads(Path(file).read_text())


def test_a_picture_becomes_a_mask(model: str) -> None:
    Image.fromarray(draw_scene(13, 0, (64, 96)).image).save("scene.png")
    given = ["segment", "scene.png", "--model", model, "--labels", "dog, sky, grass"]
    assert main([*given, "--output", "out"]) == 0
    assert np.asarray(Image.open("out/scene.mask.png")).shape == (64, 96)


def test_it_is_scored_ablated_and_told_the_truth(preset: str, model: str) -> None:
    for command in ("test", "ablate", "oracle"):
        assert main([command, "--model", model, *SCENES, "--output", command]) == 0
    whole = content("test/results.json")
    assert whole["images"]["scored"] == 2
    assert int(confusion_counts(whole)[:, 1:].sum()) > 0  # something was found
    ablation, oracle = content("ablate/ablation.json"), content("oracle/oracle.json")
    assert ablation[0]["miou"] == pytest.approx(whole["miou"], abs=1e-6)
    assert {row["name"] for row in ablation} >= ROWS[preset]
    assert oracle["miou"] == pytest.approx(whole["miou"], abs=1e-6)
    assert [s["miou"] for s in oracle["steps"] if s["told"] == "perfect"] == [pytest.approx(1)]
