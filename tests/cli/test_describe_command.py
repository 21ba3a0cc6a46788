"""`zeroseg describe`, and `zeroseg segment` without a list of classes, with stand-ins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zeroseg.cli.main import main


def picture(path: str, size: tuple[int, int] = (32, 24)) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def test_a_table_for_people_and_no_files(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/x.png")
    assert main(["describe", "in", "--model", config]) == 0
    out = capsys.readouterr().out
    assert "boat 1" in out and "puppy, boat" in out
    assert "1 described, 0 failed" in out and "results in" not in out
    assert {path.name for path in Path().iterdir()} == {"in", "standins.yaml"}


def test_lines_for_programs_and_overlays(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/x.png")
    picture("in/sub/y.png")
    said = "captioner={class_path: cli_parts.FailsAfter, init_args: {count: 9}}"
    more = ["--json", "--output", "out", "--set", said]
    assert main(["describe", "in", "--model", config, *more]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["picture"] for line in lines] == ["in/sub/y.png", "in/x.png"]
    for line in lines:
        assert line["status"] == "ok" and line["caption"] == "a caption"
        assert line["tags"] == [{"name": "puppy", "score": 1.0}, {"name": "boat", "score": 1.0}]
        assert line["found"] == {"boat": 1}
        boxes = [(own["phrase"], own["box_xyxy"]) for own in line["detections"]]
        assert boxes == [("boat", [16, 0, 32, 24])]
    written = {path.relative_to("out").as_posix() for path in Path("out").rglob("*.*")}
    assert written == {"x.json", "x.overlay.png", "sub/y.json", "sub/y.overlay.png"}
    again = json.loads(Path("out/x.json").read_text(encoding="utf-8"))
    assert again == {
        "name": lines[1]["picture"],
        **{key: again[key] for key in again if key != "name"},
    }
    assert again["detections"] == lines[1]["detections"]


def test_no_part_is_loaded_that_has_none_in_it(config: str) -> None:
    picture("x.png")
    chat = "{class_path: zeroseg.chat.OpenAIChat}"
    asks = f"{{class_path: zeroseg.refinement.LLMPreRefiner, init_args: {{chat: {chat}}}}}"
    heavy = "{class_path: zeroseg.masking.Sam, init_args: {checkpoint: /nowhere}}"
    changes = ["--set", f"pre_refiner={asks}", "--set", f"mask_predictor={heavy}"]
    assert main(["describe", "x.png", "--model", config, *changes]) == 0


def test_a_result_that_cannot_be_called_so_fails_alone(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/x.png")
    picture("in/y.png")
    Path("out/x.json").mkdir(parents=True)
    assert main(["describe", "in", "--model", config, "--output", "out"]) == 1
    assert "failed at saving" in capsys.readouterr().out
    assert Path("out/y.json").is_file()


def test_bad_pictures_fail_alone(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "z.png"):
        picture(f"in/{name}")
    picture("in/wide.png", (40, 24))
    Path("in/text.png").write_text("this is no picture")
    wide = ["--set", "tagger.init_args.breaks_at_width=40"]
    assert main(["describe", "in", "gone.png", "--model", config, *wide]) == 1
    printed = capsys.readouterr()
    for said in ("gone.png", "in/text.png", "the tagger broke"):
        assert said in printed.err
    assert "2 described, 3 failed" in printed.out and "failed at reading" in printed.out
    assert main(["describe", "gone.png", "--model", config]) == 2
    assert "there are no pictures" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["describe", "x.png"], ["segment", "x.png", "--labels", "auto"]])
@pytest.mark.parametrize(("model", "checkpoint"), [("tiny-sam3", "tiny:ram_plus"), ("ssa", "")])
def test_a_model_without_tags_is_refused_before_anything_is_looked_for(
    words: list[str], model: str, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--model", model]) == 2
    said = capsys.readouterr().err
    assert (
        f"{model} has" in said and "--set 'tagger={class_path: zeroseg.recognition.RamPlus" in said
    )
    assert checkpoint in said


def test_classes_are_what_is_seen(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/x.png")
    assert main(["segment", "in", "--model", config, "--labels", "Auto", "--output", "out"]) == 0
    out = capsys.readouterr().out
    assert "classes, as seen in 1 pictures: boat, puppy" in out
    assert "boat 50.0%" in out
    written = json.loads(Path("out/x.json").read_text(encoding="utf-8"))
    assert written["vocabulary"]["classes"] == ["background", "boat", "puppy"]
    assert [own["class"] for own in written["prompts"]] == ["puppy", "boat"]
    assert set(np.unique(np.asarray(Image.open("out/x.mask.png")))) == {0, 1}


def test_one_list_for_all_pictures_and_bad_ones_are_told_once(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        picture(f"in/{name}")
    Path("in/text.png").write_text("this is no picture")
    assert main(["segment", "in", "--model", config, "--labels", "auto", "--output", "out"]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("failed: in/text.png") == 1
    assert "as seen in 2 pictures" in printed.out and "2 segmented, 1 failed" in printed.out
    lists = [json.loads(Path(f"out/{x}.json").read_text())["vocabulary"] for x in ("a", "b")]
    assert lists[0] == lists[1]


def test_pictures_that_all_fail_are_told_of(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.png").write_text("this is no picture")
    assert main(["segment", "text.png", "--model", config, "--labels", "auto"]) == 2
    assert "no picture can be looked at; text.png: " in capsys.readouterr().err


def test_nothing_seen_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture("x.png")
    none = ["--set", "tagger.init_args.names=[background]"]
    assert main(["segment", "x.png", "--model", config, "--labels", "auto", *none]) == 2
    assert "no tag names anything" in capsys.readouterr().err


def test_a_calibrated_verifier_is_no_judge_of_what_is_seen(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("x.png")
    told = "{checkpoint: tiny:clip, thresholds: tiny:clip/presence.yaml, templates: none}"
    verifier = f"{{class_path: zeroseg.refinement.EncoderVerifier, init_args: {told}}}"
    words = ["segment", "x.png", "--model", config, "--labels", "auto"]
    assert main([*words, "--set", f"verifier={verifier}"]) == 2
    said = capsys.readouterr().err
    assert "threshold for 'puppy'" in said and "--set verifier=null" in said


def test_a_picture_without_the_classes_says_what_was_seen(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("x.png")
    assert main(["segment", "x.png", "--model", config, "--labels", "cow, chair"]) == 0
    out = capsys.readouterr().out
    assert "nothing of the list; seen: puppy, boat" in out
    assert "none of the classes in 1 pictures; --labels auto" in out
    blind = [
        "--set",
        "tagger=null",
        "--set",
        "pre_refiner={class_path: zeroseg.refinement.AllClasses}",
    ]
    assert main(["segment", "x.png", "--model", config, "--labels", "cow, chair", *blind]) == 0
    out = capsys.readouterr().out
    assert "nothing" in out and "seen:" not in out and "--labels auto" not in out


@pytest.mark.parametrize("command", [["test", "--model", "tiny", "--data", "drawn"], ["demo"]])
def test_other_commands_want_names(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--labels", "auto", "--output", "out"]) == 2
    assert 'one that is called so: --labels "auto, other"' in capsys.readouterr().err
