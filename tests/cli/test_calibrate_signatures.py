"""`zeroseg calibrate --signatures`: from pictures to a file, and from the file to label maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.cli.conftest import BOXES, content
from zeroseg.cli.main import main
from zeroseg.fusion.signatures import Signatures

LABELS = ["--labels", "dog, boat, cat"]


def dense_content(**fusion: Any) -> dict[str, Any]:
    """A system whose detector sees a dog and a boat by dense scores, too."""
    return {
        **content(),
        "tagger": None,
        "pre_refiner": {"class_path": "zeroseg.refinement.AllClasses"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedConcepts",
            "init_args": {"boxes": BOXES},
        },
        "mask_predictor": {"class_path": "zeroseg.masking.DetectorMasks"},
        "fusion": {"class_path": "zeroseg.fusion.ThingsAndStuff", "init_args": fusion},
    }


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "dense.yaml"
    path.write_text(yaml.safe_dump(dense_content()))
    return str(path)


def pictures(count: int = 22) -> None:
    dice = np.random.default_rng(0)
    Path("in").mkdir()
    for number in range(count):
        pixels = dice.integers(0, 255, (96, 128, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(f"in/{number:02}.png")


def settled(path: str) -> list[str]:
    given = f"{{class_path: zeroseg.fusion.SignatureFusion, init_args: {{signatures: {path}}}}}"
    return ["--set", f"fusion={given}"]


def test_signatures_are_written_reported_and_taken(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures()
    given = [*LABELS, "--model", model]
    assert main(["calibrate", "in", *given, "--signatures", "-o", "out/s.yaml"]) == 0
    found = Signatures.from_yaml("out/s.yaml")
    assert found.pictures == 22
    assert list(found.words) == ["background", "dog", "boat", "cat"]
    assert found.known.tolist() == [False, True, True, False]
    assert found.background == pytest.approx(0.25, abs=0.01)
    printed = " ".join(capsys.readouterr().out.split())
    assert "0.00% of the places change their class" in printed
    assert "never wins, so that nothing is known of it: cat" in printed
    assert "left to the background: 25.00% before, 25.00% with signatures" in printed
    assert "signatures in out/s.yaml" in printed
    assert main(["segment", "in/00.png", *given, *settled("out/s.yaml")]) == 0
    areas = json.loads(Path("runs/segment/00.json").read_text())["areas"]
    assert areas == {"boat": 0.5, "dog": 0.25}
    again = [*given, *settled("out/s.yaml"), "--signatures", "-o", "out/again.yaml"]
    assert main(["calibrate", "in", *again]) == 0  # with those of another file
    assert Path("out/again.yaml").read_text() == Path("out/s.yaml").read_text()


def test_they_hold_for_one_list_and_one_system(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures()
    given = ["--model", model]
    assert main(["calibrate", "in", *LABELS, *given, "--signatures", "-o", "s.yaml"]) == 0
    capsys.readouterr()
    other = ["--labels", "dog, boat"]
    assert main(["segment", "in/00.png", *other, *given, *settled("s.yaml")]) == 2
    said = capsys.readouterr().err
    assert "run zeroseg calibrate --signatures with this one" in said
    scorer = "dense_scorer={class_path: zeroseg.testing.ScriptedScorer, init_args: {boxes: {}}}"
    changed = [*LABELS, *given, *settled("s.yaml"), "--set", scorer]
    assert main(["segment", "in/00.png", *changed]) == 2
    assert "dense_scorer was None and is ScriptedScorer" in capsys.readouterr().err


def test_broken_pictures_are_told(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures()
    Path("in/broken.png").write_text("no picture")
    given = ["calibrate", "in", *LABELS, "--model", model, "--signatures", "-o", "s.yaml"]
    assert main([*given, "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["picture"] for line in lines if line["status"] == "failed"] == ["in/broken.png"]
    assert Signatures.from_yaml("s.yaml").pictures == 22


def test_systems_without_scores_of_classes_are_refused(
    config: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(2)
    given = ["calibrate", "in", "--signatures", "-o", "s.yaml", "--model"]
    assert main([*given, config]) == 2
    assert "has no dense scores to find signatures from" in capsys.readouterr().err
    assert main([*given, model, "--set", "fusion={class_path: zeroseg.fusion.HighestScore}"]) == 2
    assert "signatures need ThingsAndStuff, not HighestScore" in capsys.readouterr().err
    assert main([*given, model]) == 2
    assert "2 pictures are too few to find signatures from" in capsys.readouterr().err
    assert not Path("s.yaml").exists()
