"""`zeroseg compare` of label maps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from tests.comparing.test_compared_folders import PETS, save
from tests.correcting.corrected_scene import box, reviewed, write_scene
from tests.export.labelled_scenes import LAYOUTS
from zeroseg import Vocabulary
from zeroseg.cli import compare as command
from zeroseg.cli.outlet import Outlet
from zeroseg.comparing import compare_folders
from zeroseg.comparing.folders import CORRECTED
from zeroseg.errors import ZerosegError


def run(*arguments: str, as_json: bool = False) -> int:
    """The command by its own parser."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["compare", *arguments])
    parsed.outlet = Outlet(as_json=as_json, quiet=False)
    with parsed.outlet.open():
        return int(parsed.run(parsed))


@pytest.fixture
def folders() -> None:
    """Two pictures: one alike, one where three of twenty pixels are otherwise."""
    labels = np.ones((4, 5), np.int64)
    other = labels.copy()
    other[0, :3] = (2, 2, 0)
    for name, own in (("same", labels), ("moved [b]", other)):
        save(Path("a"), name, labels)
        save(Path("b"), name, own, Vocabulary.from_names(["background", "dog", "boat"]))
    save(Path("b"), "more", labels, PETS)


def test_what_differs_is_told_and_written(
    folders: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("a", "b", "--output", "out") == 0
    printed = capsys.readouterr().out
    assert "15.00 % of moved [b] differs" in printed and "of same differs" not in printed
    assert "5.00 % of the pixels: dog (A), boat (B)" in printed
    assert "7.50 % of the pixels of 2 pictures differ; equal pictures: 1; only in A: 0" in printed
    assert printed.startswith("A: a ")
    dog = next(line for line in printed.splitlines() if " dog " in line)
    assert "92.50 %" in dog and "100.00 %" in dog
    assert json.loads(Path("out/compare.json").read_text()) == compare_folders("a", "b").to_dict()


def test_programs_read_lines_and_failures_are_the_exit_code(
    folders: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("b/same.mask.png").write_bytes(b"damaged")
    assert run("a", "b", as_json=True) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    moved, damaged = lines
    assert moved["share"] == 0.15 and moved["changes"][0] == {"a": "dog", "b": "boat", "pixels": 2}
    assert damaged["status"] == "failed" and damaged["error"].startswith("B: ")


def test_a_scored_run_is_compared_by_pixels_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = LAYOUTS["test"](tmp_path / "scored")
    segmented = LAYOUTS["segment"](tmp_path / "segmented")
    assert run(segmented, scored, "--pixels") == 0
    assert "0.00 % of the pixels of 5 pictures differ" in capsys.readouterr().out
    with pytest.raises(ZerosegError, match="zeroseg compare --pixels"):
        run(segmented, scored)


@pytest.mark.parametrize("corrected", CORRECTED)
def test_what_people_changed_is_told(
    corrected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_scene(tmp_path / "o", "a")
    reviewed(folder, box("dog"))
    assert run(folder, folder, "--corrected", corrected, "--output", "out") == 0
    printed, share = capsys.readouterr().out, 0 if corrected in ("none", "both") else 6 / 192
    assert f"{100 * share:.2f} % of the pixels of 1 pictures differ" in printed
    assert ("(corrected)" in printed) == (corrected != "none")
    assert json.loads(Path("out/compare.json").read_text())["all"]["share"] == share
