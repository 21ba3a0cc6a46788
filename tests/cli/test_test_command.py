"""`zeroseg test`: the number is that of the data set's confusion matrix."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroseg.cli.main import main
from zeroseg.export.results import Results

SCENES = ["--count", "3", "--seed", "5", "--size", "64x48"]


def results(folder: str) -> dict[str, object]:
    return dict(json.loads(Path(folder, "results.json").read_text()))


def test_scenes_and_their_files_score_the_same(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["test", "--model", config]
    assert main([*model, "--data", "drawn", *SCENES, "--output", "a", "--batch-size", "2"]) == 0
    printed = capsys.readouterr().out
    assert main(["draw", *SCENES, "--output", "set"]) == 0
    assert main([*model, "--data", "set", "--output", "b"]) == 0
    a, b = results("a"), results("b")
    assert a["confusion_matrix"] == b["confusion_matrix"]
    assert a["miou"] == b["miou"]
    assert a["data"] == {
        "name": "drawn",
        "count": 3,
        "seed": 5,
        "first": 0,
        "size": [48, 64],
        "fingerprint": b["data"]["fingerprint"],
    }
    matrix = np.array(a["confusion_matrix"], float)
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    iou = matrix.diagonal()[union > 0] / union[union > 0]
    assert math.isclose(float(iou.mean()), float(str(a["miou"])), abs_tol=1e-9)
    assert matrix.sum() == 3 * 48 * 64
    assert f"mIoU {100 * float(iou.mean()):.2f} %" in printed


def test_parts_can_be_changed_and_classes_chosen(config: str) -> None:
    nothing = ["--set", "detector.init_args.boxes={}", "--labels", "dog, car"]
    assert (
        main(["test", "--model", config, "--data", "drawn", *SCENES, *nothing, "--output", "o"])
        == 0
    )
    found = results("o")
    assert set(found["iou"]) == {"background", "dog", "car"}  # type: ignore[call-overload]
    assert found["config"]["detector"]["init_args"] == {"boxes": {}}  # type: ignore[index]


def test_failures_are_counted_and_the_exit_code_says_so(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = ["--set", "tagger.init_args.breaks_at_width=64"]
    arguments = ["test", "--model", config, "--data", "drawn", *SCENES, *broken, "--output", "o"]
    assert main(arguments) == 1
    found = results("o")
    assert [f["stage"] for f in found["failures"]] == ["tags"] * 3  # type: ignore[attr-defined]
    assert np.array(found["confusion_matrix"])[:, 1:].sum() == 0
    assert "3 failed" in capsys.readouterr().out


def test_a_folder_that_is_no_data_set_is_one_message(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", *SCENES, "--output", "set"]) == 0
    test = ["test", "--model", config]

    def refused(*options: str) -> str:
        assert main([*test, *options]) == 2
        return capsys.readouterr().err

    assert "path of a folder" in refused("--data", "gone")
    assert "--data drawn" in refused("--data", "set", "--seed", "1")
    for mask in Path("set/masks").iterdir():
        mask.unlink()
    assert "none of 3 pictures has a mask" in refused("--data", "set")
    assert "ever drawn" in refused("--data", "drawn", "--labels", "spaceship")


def test_files_that_cannot_be_read_fail_alone(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", *SCENES, "--output", "set"]) == 0
    test = ["test", "--model", config, "--data", "set"]

    def failed(*options: str) -> tuple[dict[str, object], str]:
        assert main([*test, *options, "--output", f"run-{len(list(Path().iterdir()))}"]) == 1
        latest = max(Path().glob("run-*"), key=lambda path: path.stat().st_mtime)
        return dict(results(str(latest))["images"]), capsys.readouterr().out  # type: ignore[call-overload]

    mask, picture = Path("set/masks/drawn-5-00001.png"), Path("set/images/drawn-5-00002.png")
    whole = mask.read_bytes()
    Image.new("P", (9, 9)).save(mask)
    images, printed = failed()
    assert images == {"scored": 2, "failed": 1, "unscored": 1}
    assert "drawn-5-00001 at reading" in printed
    assert "(9, 9)" in printed
    Image.new("RGB", (64, 48)).save(mask)
    assert "mode RGB" in failed()[1]
    mask.write_bytes(whole)
    picture.write_bytes(b"nothing")
    images, printed = failed()
    assert images == {"scored": 3, "failed": 1, "unscored": 0}  # it scores as background
    assert "drawn-5-00002 at reading" in printed
    assert main([*test, "--labels", "dog, cat"]) == 2
    assert "set/vocabulary.yaml' says that the masks hold person" in capsys.readouterr().err
    Path("set/vocabulary.yaml").unlink()
    images, printed = failed("--labels", "dog, cat")
    assert images["unscored"] == 3
    assert "ids" in printed


def test_classes_that_are_nowhere_are_named(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = ["--count", "1", "--size", "64x48", "--seed", "5", "--data", "drawn"]
    assert main(["test", *scenes, "--model", config, "--labels", "bicycle, spaceship"]) == 0
    said = capsys.readouterr()
    assert "note: spaceship: never drawn" in said.err
    assert "in no picture's annotation: bicycle, spaceship" in said.out
    assert "mIoU - (protocol standard) and pixel accuracy - over 1 pictures" in said.out


@pytest.mark.parametrize("command", ["segment pictures --output seg", "batch pictures batch"])
def test_what_the_tiny_models_cannot_find_is_said(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", "--count", "1", "--size", "48x48", "--output", "set"]) == 0
    os.rename("set/images", "pictures")
    assert main([*command.split(), "--labels", "dog, spaceship, canine"]) == 0
    said = capsys.readouterr().err
    assert "the tiny models cannot find spaceship, canine: they know the drawn world" in said


def test_details_are_kept_and_go_on(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    test = ["test", "--model", config, "--data", "drawn", *SCENES, "--output", "o"]
    details = ["--instances", "--confidence"]
    assert main([*test, *details]) == 0
    files = sorted(Path("o/instances").iterdir()) + sorted(Path("o/confidence").iterdir())
    before = {file: file.read_bytes() for file in files}
    assert len(before) == 6
    results = Results("o")
    records = [json.loads(Path(f"o/images/{own.name}.json").read_text()) for own in results]
    scores = [results.score(own) for own in results]
    assert scores == [own["confidence"]["score"] for own in records] and all(scores)
    assert json.loads(before[files[0]])["detections"][0]["area"] > 0
    files[0].write_text("{}")
    files[-1].unlink()
    assert main([*test, *details]) == 0
    assert {file: file.read_bytes() for file in files} == before
    capsys.readouterr()
    assert main(test) == 2
    assert "holds another run (it differs in" in capsys.readouterr().err
    assert main(["export", "o", "--format", "coco", "-o", "coco", "--instances", "detections"]) == 0
    exported = json.loads(Path("coco/annotations.json").read_text())["annotations"]
    assert len(exported) == sum(len(json.loads(before[f])["detections"]) for f in files[:3])
