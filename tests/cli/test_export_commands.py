"""`zeroseg export` and `import`: to another tool and back, and what `score` says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.correcting.corrected_scene import reviewed
from tests.export.labelled_scenes import segmented
from zeroseg.cli.main import main
from zeroseg.correcting import Step


def test_there_and_back_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = segmented(tmp_path)
    assert main(["export", results, "--format", "cvat", "-o", "cvat"]) == 0
    told = capsys.readouterr().out
    assert "5 pictures as cvat in cvat; regions: 14 from components" in told
    assert "mean IoU 1.000000, worst 1.000000; 14 of 14 regions exact" in told
    pictures = ["--pictures", str(tmp_path / "pictures")]
    assert main(["import", "cvat", "--format", "cvat", "-o", "truth", *pictures]) == 0
    assert "5 pictures with masks, 0 failed" in capsys.readouterr().out
    assert main(["score", "--predictions", results, "--data", "truth/"]) == 0
    assert "mIoU 100.00 %" in capsys.readouterr().out
    reviewed(results, Step("delete", 0), Step("reject"), name="touching")
    reviewed(results, Step("accept"), name="holes")
    assert main(["score", "--predictions", results, "--data", "truth/", "--corrected"]) == 0
    assert "mIoU 100.00 %" not in capsys.readouterr().out
    assert main(["export", results, "--format", "png", "-o", "png"]) == 0
    told = capsys.readouterr().out
    assert "4 pictures as png" in told and "1 as a person left them, 1 rejected left out" in told
    only = ["--format", "png", "--reviewed", "only-accepted", "-o", "accepted"]
    assert main(["export", results, *only]) == 0
    assert "3 not accepted left out, 1 rejected left out" in capsys.readouterr().out


def test_what_is_lost_and_failed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = segmented(tmp_path)
    Path(results, "pixels.mask.png").write_bytes(b"no picture")
    yolo = ["--format", "yolo", "--holes", "fill", "--no-copy", "-o", "yolo"]
    assert main(["export", results, *yolo, "--json"]) == 1
    told = capsys.readouterr()
    lines = {line["picture"]: line for line in map(json.loads, told.out.splitlines())}
    assert len(lines) == 5 and lines["pixels"]["status"] == "failed"
    assert "failed: pixels: the label map" in told.err
    assert "5 x regions whose holes were filled" in told.err
    assert "worst 0.571429" in told.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("export {} --format gif -o out", "there is no format 'gif'; choose one of png, "),
        ("export {} --format png --reviewed all -o out", "choose one of prefer, only-accepted"),
        ("export nowhere --format coco -o out", "holds no results"),
        ("import {} --format gif -o out", "choose one of coco, cvat, labelme, png"),
        ("import nowhere --format coco -o out", "there is no file or folder 'nowhere'"),
    ],
)
def test_what_cannot_be_begun_ends_with_two(
    command: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main([part.format(tmp_path / "empty") for part in command.split()]) == 2
    assert said in capsys.readouterr().err
