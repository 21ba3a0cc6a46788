"""`zeroseg demo`: panels to look at and a number to believe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroseg.cli.main import main

ALONE = ("--beside", "none")


def test_panels_table_and_miou(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    scenes = ["--count", "3", "--seed", "5", "--size", "64x48"]
    assert main(["demo", *scenes, "--model", config, "--beside", "none"]) == 0
    out = capsys.readouterr().out
    sheet = Image.open("demo/panels.png")
    panels = [Image.open(f"demo/drawn-5-0000{index}.png") for index in range(3)]
    assert sheet.height == sum(panel.height for panel in panels)
    assert np.array_equal(
        np.asarray(sheet)[: panels[0].height, : panels[0].width], np.asarray(panels[0])
    )
    assert panels[0].width > 4 * panels[0].height  # four 4:3 pictures side by side
    assert "demo/panels.png" in out and "demo/index.html" in out
    for word in ("drawn-5-00002", "detection", "masks", "boat"):
        assert word in out
    drawn = ["--data", "drawn", "--vocabulary", "drawn-all", *scenes]
    assert main(["test", "--model", config, *drawn]) == 0
    tested = capsys.readouterr().out.split("mIoU ")[-1].split(" %")[0]
    assert f"mIoU over 3 scenes: {tested} %" in out
    page = Path("demo/index.html").read_text()
    assert f"<dd>{tested}<small> %" in page
    assert page.count("<dt>detections</dt>") == 3
    assert "zeroseg segment demo/pictures --labels" in page


def test_two_systems_stand_side_by_side(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.yaml").write_bytes(Path(config).read_bytes())
    scenes = ["--count", "2", "--seed", "5", "--size", "64x48"]
    two = [*scenes, "--model", config, "--beside", "other.yaml"]
    assert main(["demo", *two, "--json", "--output", "two"]) == 0
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    name = Path(config).stem
    assert [line["system"] for line in lines] == [name, "other"] * 2
    assert lines[0]["classes"] == lines[1]["classes"]
    scores = [line.split(": ", 1) for line in said.err.splitlines() if ": mIoU over" in line]
    assert [who for who, _ in scores] == [name, "other"]
    assert scores[0][1] == scores[1][1]
    assert main(["demo", *scenes, "--model", config, "--beside", config, "--output", "one"]) == 0
    one, both = (Image.open(f"{folder}/drawn-5-00000.png") for folder in ("one", "two"))
    assert both.width > one.width  # a prediction more
    own = one.width - (both.width - one.width)
    assert np.array_equal(np.asarray(both)[:300, :own], np.asarray(one)[:300, :own])


def test_one_of_two_may_fail(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.yaml").write_bytes(Path(config).read_bytes())
    broken = ["--set", "tagger.init_args.breaks_at_width=64", "--labels", "dog"]
    scene = ["--count", "1", "--size", "64x48", "--model", config, "--beside", "other.yaml"]
    assert main(["demo", *scene, *broken]) == 1
    assert "the tagger broke" in capsys.readouterr().out
    assert Path("demo/panels.png").exists()
    assert main(["demo", *scene[:-1], "gone.yaml"]) == 2
    assert "gone.yaml" in capsys.readouterr().err


def test_a_failing_scene_is_shown_and_the_code_says_so(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = ["--set", "tagger.init_args.breaks_at_width=64", "--labels", "dog"]
    assert (
        main(["demo", "--count", "1", "--size", "64x48", "--model", config, *broken, *ALONE]) == 1
    )
    assert "the tagger broke" in capsys.readouterr().out
    assert not Path("demo/panels.png").exists()
    [warning] = re.findall(r'<p class="warning">(.*?)</p>', Path("demo/index.html").read_text())
    assert re.fullmatch(r"standins failed in [\w-]+: .*the tagger broke", warning)


def test_nothing_is_no_score(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    scenes = ["--count", "1", "--size", "64x48", "--seed", "5", *ALONE]
    assert main(["demo", *scenes, "--model", config, "--labels", "bicycle, spaceship"]) == 0
    said = capsys.readouterr()
    assert "mIoU over 1 scenes: -; none of the classes is in them" in said.out
    assert "note: spaceship: never drawn" in said.err
    assert main(["demo", *scenes, "--model", config, "--labels", "spaceship"]) == 2
    assert "nothing of ['background', 'spaceship'] is ever drawn" in capsys.readouterr().err
