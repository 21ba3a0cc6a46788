"""`zeroseg calibrate`: thresholds from a folder of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.cli.conftest import content
from tests.encoders import encoder_parts
from zeroseg.cli.main import main
from zeroseg.refinement.presence_thresholds import PresenceThresholds

LABELS = ["--labels", "dog, boat"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A file with a verifier around a small encoder, which is on disk."""
    network, processor = encoder_parts.clip()
    network.save_pretrained(tmp_path / "clip")
    processor.save_pretrained(tmp_path / "clip")
    verifier = {
        "class_path": "zeroseg.refinement.EncoderVerifier",
        "init_args": {"checkpoint": str(tmp_path / "clip"), "thresholds": "./gone.yaml"},
    }
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump({**content(), "verifier": verifier}))
    return str(path)


def pictures(count: int = 40) -> None:
    """Two kinds of pictures, so unlike that whatever sees them tells them apart."""
    dice = np.random.default_rng(0)
    Path("in").mkdir()
    for number in range(count):
        pixels = dice.integers(0, 30, (24, 32, 3))
        if number % 4 == 0:
            pixels = 255 - pixels
        Image.fromarray(pixels.astype(np.uint8)).save(f"in/{number:02}.png")


def test_thresholds_are_written_and_taken(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures()
    assert main(["calibrate", "in", *LABELS, "--model", model, "-o", "out/presence.yaml"]) == 0
    found = PresenceThresholds.from_yaml("out/presence.yaml")
    assert found.pictures == 40
    assert list(found.classes) == ["dog", "boat"]
    assert all(own.there in (10, 30) for own in found.classes.values())
    printed = capsys.readouterr()
    assert "40 pictures" in printed.out
    assert "thresholds in out/presence.yaml" in printed.out
    taken = ["--set", "verifier.init_args.thresholds=out/presence.yaml"]
    assert main(["segment", "in/00.png", "in/01.png", *LABELS, "--model", model, *taken]) == 0
    areas = [json.loads(Path(f"runs/segment/{n}.json").read_text())["areas"] for n in ("00", "01")]
    expected = {name: own.there for name, own in found.classes.items()}
    for name, there in expected.items():
        assert [name in own for own in areas] == ([True, False] if there == 10 else [False, True])


def test_every_picture_is_told_to_programs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures()
    Path("in/broken.png").write_text("no picture")
    code = main(["calibrate", "in", *LABELS, "--model", model, "-o", "p.yaml", "--json"])
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert code == 1
    assert sum(line["status"] == "ok" for line in lines) == 40
    assert [line["picture"] for line in lines if line["status"] == "failed"] == ["in/broken.png"]
    counts = [sum("dog" in line.get("classes", ()) for line in lines)]
    assert counts == [PresenceThresholds.from_yaml("p.yaml").classes["dog"].there]
    assert "failed: " in printed.err and "Traceback" not in printed.err


def test_pictures_of_one_kind_are_no_calibration(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").mkdir()
    for number in range(30):
        Image.new("RGB", (32, 24), (90, 90, 90)).save(f"in/{number}.png")
    assert main(["calibrate", "in", *LABELS, "--model", model, "-o", "p.yaml"]) == 2
    assert "no class fall into two groups over these 30 pictures" in capsys.readouterr().err
    assert not Path("p.yaml").exists()


def test_models_without_such_a_verifier_are_refused(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(1)
    assert main(["calibrate", "in", "--model", config, "-o", "p.yaml"]) == 2
    assert "has no verifier to find thresholds for" in capsys.readouterr().err
    scripted = "{class_path: zeroseg.testing.ScriptedVerifier, init_args: {presence: {}}}"
    given = ["--model", config, "--set", f"verifier={scripted}"]
    assert main(["calibrate", "in", *given, "-o", "p.yaml"]) == 2
    assert "is a ScriptedVerifier, which has no thresholds" in capsys.readouterr().err


def test_no_picture_and_no_model_are_said(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "gone", "--model", model, "-o", "p.yaml"]) == 2
    assert "there are no pictures to find thresholds or signatures from" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "gone", "-o", "p.yaml"])
    assert ended.value.code == 2
    assert "--model" in capsys.readouterr().err
