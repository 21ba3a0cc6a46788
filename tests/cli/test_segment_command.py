"""`zeroseg segment`, with stand-ins for the models."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bad_pictures import BAD, CASES, GOOD, lay_out
from zeroseg.cli.main import main
from zeroseg.cli.outputs import plan
from zeroseg.vocabularies import DRAM

DOG, BOAT = (slice(0, 12), slice(0, 16)), (slice(0, 24), slice(16, 32))


def picture(path: Path, size: tuple[int, int] = (32, 24), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)
    return path


def test_writes_mask_overlay_and_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("in/x.png"))
    assert main(["segment", "in/x.png", "--model", config, "--vocabulary", "dram"]) == 0
    mask = Image.open("runs/segment/x.mask.png")
    ids = np.asarray(mask)
    assert mask.mode == "P"
    assert mask.size == (32, 24)
    assert set(ids[DOG].flat) == {12}  # VOC's id of the dog
    assert set(ids[BOAT].flat) == {4}
    assert set(ids[12:, :16].flat) == {0}
    palette = np.asarray(mask.getpalette(), np.uint8).reshape(-1, 3)
    for number, color in zip(DRAM.ids, DRAM.colors, strict=True):
        assert tuple(palette[number]) == color
    written = json.loads(Path("runs/segment/x.json").read_text())
    assert written["name"] == "in/x.png"
    assert written["size"] == {"height": 24, "width": 32}
    assert written["areas"] == {"boat": 0.5, "dog": 0.25}
    assert [tag["name"] for tag in written["tags"]] == ["puppy", "boat"]
    assert {p["class"] for p in written["prompts"]} == {"dog", "boat"}
    boxes = {d["class"]: d["box_xyxy"] for d in written["detections"]}
    assert boxes == {"dog": [0, 0, 16, 12], "boat": [16, 0, 32, 24]}
    overlay = Image.open("runs/segment/x.overlay.png")
    assert overlay.width == 32
    assert overlay.height > 24  # the legend stands beneath
    out = capsys.readouterr().out
    assert "boat 50.0%, dog 25.0%" in out
    assert "detection" in out
    assert "1 segmented, 0 failed" in out


def test_labels_are_the_classes_and_other_is_the_rest(config: str) -> None:
    picture(Path("x.png"))
    assert main(["segment", "x.png", "--model", config, "--labels", "dog, other"]) == 0
    written = json.loads(Path("runs/segment/x.json").read_text())
    assert written["vocabulary"]["classes"] == ["dog", "other"]
    assert written["vocabulary"]["background"] == "other"
    ids = np.asarray(Image.open("runs/segment/x.mask.png"))
    assert set(ids[DOG].flat) == {0}
    assert set(ids[BOAT].flat) == {1}


def test_a_bad_file_is_reported_and_the_rest_is_done(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("in")
    for name in ("a.png", "z.png"):
        picture(folder / name)
    whole = picture(folder / "whole.jpg", (64, 64)).read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("this is not a picture")
    picture(folder / "dot.png", (1, 1))
    picture(folder / "cmyk.jpg", (32, 24), "CMYK")
    Image.fromarray(np.full((24, 32), 40000, np.uint16)).save(folder / "deep.png")
    frames = [Image.new("P", (32, 24), index) for index in range(3)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    code = main(["segment", "in", "gone.jpg", "--model", config, "--output", "out"])
    done = {path.name.removesuffix(".mask.png") for path in Path("out").glob("*.mask.png")}
    printed = capsys.readouterr()
    assert code == 1
    assert done == {"a", "z", "whole", "cmyk", "deep", "moving"}
    for bad in ("truncated.jpg", "empty.png", "text.jpg", "dot.png", "gone.jpg"):
        assert bad in printed.err
        assert bad in printed.out
    assert "6 segmented, 5 failed" in printed.out
    assert "Traceback" not in printed.err


def test_any_bad_file_costs_itself_alone(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(Path("in"))
    assert main(["segment", "in", "--model", config, "--output", "out"]) == 1
    done = {path.name.removesuffix(".json") for path in Path("out").glob("*.json")}
    assert done == {Path(name).stem for name in GOOD}
    printed = capsys.readouterr()
    assert f"{len(GOOD)} segmented, {len(BAD)} failed" in printed.out
    failed = [line for line in printed.err.splitlines() if line.startswith("failed: ")]
    assert [line.split(": ")[1] for line in failed] == [f"in/{name}" for name in BAD]
    assert all(len(line.split(": ", 2)[2]) > 20 for line in failed)
    assert "left out: 1 .mp4, at 'in'" in printed.err.splitlines()
    assert "Warning" not in printed.err and "Traceback" not in printed.err


@pytest.mark.parametrize("name", ["mac", "photos [2019]"])
def test_folders_of_odd_names_and_leftovers(name: str, config: str) -> None:
    folder = CASES.parent / "folders" / name
    assert main(["segment", str(folder), "--model", config, "--output", "out"]) == 0
    assert [path.name for path in Path("out").glob("*.json")] == ["a.json"]


def test_a_picture_that_a_component_fails_on_fails_alone(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, width in enumerate((32, 40, 32)):
        picture(Path(f"in/{index}.png"), (width, 24))
    wide = ["--set", "tagger.init_args.breaks_at_width=40"]
    assert main(["segment", "in", "--model", config, "--output", "out", *wide]) == 1
    assert sorted(p.name for p in Path("out").glob("*.json")) == ["0.json", "2.json"]
    assert "the tagger broke" in capsys.readouterr().err


def test_a_language_model_that_is_gone_stops_the_run_with_what_is_done(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in range(5):
        picture(Path(f"in/{index}.png"))
    gone = "captioner={class_path: cli_parts.FailsAfter, init_args: {count: 2}}"
    assert main(["segment", "in", "--model", config, "--output", "out", "--set", gone]) == 1
    assert sorted(p.name for p in Path("out").glob("*.json")) == ["0.json", "1.json"]
    printed = capsys.readouterr()
    assert "error: the service stayed unreachable" in printed.err
    assert "what is done is saved" in printed.err
    assert "2 segmented" in printed.out


def test_files_folders_and_globs_each_picture_once() -> None:
    for name in ("a/x.jpg", "a/sub/y.png", "b/x.png", "b/z.txt.webp"):
        picture(Path(name))
    Path("a/notes.txt").write_text("no picture")
    found = plan(["a", "b/*.png", "./a/x.jpg", str(Path("a").absolute())], Path("out"))
    assert found.failures == ()
    assert {str(j.source): str(j.base) for j in found.pictures} == {
        "a/sub/y.png": "out/sub/y",
        "a/x.jpg": "out/x",
        "b/x.png": "out/b/x",
    }
    found = plan(["a", "none/*.png"], Path("out"))
    assert {str(j.base) for j in found.pictures} == {"out/x", "out/sub/y"}
    assert [failure.name for failure in found.failures] == ["none/*.png"]
    [only] = plan(["b/z.txt.webp"], Path("out")).pictures
    assert only.base == Path("out/z.txt")


def test_names_of_results_never_clash() -> None:
    files = ("x.jpg", "x.png", "y.b.jpg", "y.c.jpg", "x.jpg.png", "s/x.jpg")
    for name in files:
        picture(Path("in", name))
    bases = {str(own.source): str(own.base) for own in plan(["in"], Path("out")).pictures}
    wanted = ("x.jpg", "x.png", "y.b", "y.c", "x.jpg.png", "s/x")
    assert bases == {f"in/{f}": f"out/{name}" for f, name in zip(files, wanted, strict=True)}


def bases(*paths: str) -> list[str]:
    return [own.base.as_posix() for own in plan(paths, Path("out")).pictures]


def test_one_more_path_changes_no_name() -> None:
    for name in ("a/x.jpg", "a/x.png", "a/sub/y.png", "b/x.jpg", "b/sub/y.png", "b/sub/z.png"):
        picture(Path(name))
    assert bases("a/x.jpg") == ["out/x"]
    assert bases("a/x.jpg", "b/x.jpg") == ["out/x", "out/b/x"]
    assert bases("a/x.jpg", "a/x.png") == ["out/x", "out/x.png"]
    alone = bases("a")
    assert alone == ["out/sub/y", "out/x.jpg", "out/x.png"]
    assert bases("a", "b") == [*alone, "out/b/sub/y", "out/b/sub/z", "out/b/x"]
    assert bases("a/sub", "b/sub/z.png", "b/sub") == ["out/y", "out/z", "out/sub/y"]
    assert bases("b/sub", str(Path("b/sub").absolute())) == ["out/y", "out/z"]


def test_what_an_earlier_run_wrote_is_no_input(config: str) -> None:
    picture(Path("x.png"))
    for _ in range(2):
        assert main(["segment", ".", "--model", config, "--output", "runs"]) == 0
    assert len(list(Path().rglob("*.json"))) == 1


def test_brackets_and_odd_bytes_in_names_do_no_harm(config: str) -> None:
    picture(Path("in/[red] x.png"))
    Path("in/[red] x.png").rename(Path(b"in/[red]\xff.png".decode("utf-8", "surrogateescape")))
    assert main(["segment", "in", "--model", config]) == 0
    [written] = Path("runs/segment").glob("*.json")
    assert json.loads(written.read_text())["name"] == "in/[red]�.png"


def test_options_of_results_reach_them(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        picture(Path(f"in/{name}.png"))
    asked = ["--threshold", "boat=0.99", "--region", "0,0,24,24", "--instances", "--confidence"]
    options = ["--model", config, "--output", "out", *asked]
    assert main(["segment", "in", *options, "--vocabulary", "dram"]) == 0
    written = json.loads(Path("out/x.json").read_text())
    [dog] = written["detections"]
    assert dog["class"] == "dog" and dog["area"] == 12 * 12
    assert dog["segmentation"]["size"] == [24, 32]
    assert written["areas"] == {"dog": 144 / (24 * 32)}
    sure = np.asarray(Image.open("out/x.confidence.png"))
    assert sure.shape == (24, 32) and sure.dtype == np.uint8 and set(sure[:, 24:].flat) == {255}
    said = capsys.readouterr().out
    assert (
        f"least sure, to be looked at first: in/x.png {written['confidence']['score']:.2f}" in said
    )
    assert main(["segment", "in/x.png", *options[:4], "--json"]) == 0
    assert "confidence" not in json.loads(capsys.readouterr().out.splitlines()[0])
    assert "segmentation" not in json.loads(Path("out/x.json").read_text())["detections"][0]


def test_results_that_cannot_be_saved_are_a_failure(config: str) -> None:
    picture(Path("in/x.png"))
    picture(Path("in/y.png"))
    Path("out/x.mask.png").mkdir(parents=True)
    assert main(["segment", "in", "--model", config, "--output", "out"]) == 1
    assert Path("out/y.json").exists()


@pytest.mark.parametrize(("writes", "code"), [(0, 2), (3, 1)])
def test_a_full_disk_ends_the_run(
    writes: int,
    code: int,
    config: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in "abc":
        picture(Path(f"in/{name}.png"))
    done: list[object] = []
    replace = os.replace

    def fills_up(source: object, target: object) -> None:
        if len(done) == writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(target)
        replace(source, target)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "replace", fills_up)
    assert main(["segment", "in", "--model", config, "--output", "out"]) == code
    assert capsys.readouterr().err.count("No space left on device") == 1
    assert len(list(Path("out").rglob("*.json"))) == (writes > 0)
    assert not list(Path("out").rglob("*.partial"))


def test_nothing_to_segment_loads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "gone.png", "--model", "tiny"]) == 2
    assert "no pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--labels", "dog,,cat"], "empty"),
        (["--labels", "dog, Dog"], "more than once"),
        (["--labels", "other"], "nothing to look for"),
        (["--vocabulary", "dran"], "dram, voc2012"),
        (["--vocabulary", "gone.yaml"], "gone.yaml"),
        (["--model", "small"], "large, large-low-memory, open, paper"),
        (["--model", "gone.yaml"], "gone.yaml"),
        (["--device", "toaster"], "auto, cpu"),
        (["--device", "cuda:99"], "no such device"),
        (["--set", "captoiner=null"], "captoiner"),
        (["--set", "detector.init_arg.x=1"], "init_arg"),
        (["--set", "detector.box_threshold=1"], "detector.init_args.box_threshold"),
        (["--set", "batch_size.x=1"], "batch_size"),
        (["--set", "batch_size=0"], "at least 1"),
        (["--set", "detector.init_args.box_treshold=0.2"], "box_treshold"),
        (["--set", "detector={class_path: zeroseg.testing.BoxMasks}"], "Detector"),
        (["--output", "file/out"], "cannot write"),
        (["--threshold", "dig=0.5"], "did you mean dog"),
        (["--threshold", "dog=5"], "from 0 to 1"),
        (["--region", "9,9,3,3"], "lower right"),
    ],
)
def test_a_wrong_option_is_one_message_and_code_2(
    options: list[str], says: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(Path("x.png"))
    Path("file").write_text("")
    source = [] if "--model" in options else ["--model", config]
    if "box_treshold" in options[1]:
        source = ["--model", "tiny"]
    assert main(["segment", "x.png", *source, *options]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 5


@pytest.mark.parametrize(
    "options",
    [
        ["--labels", "dog", "--vocabulary", "dram"],
        ["--model"],
        ["--batch-size", "0"],
        ["--set", "captioner"],
        ["--set", "captioner={"],
        ["--unknown"],
        ["--threshold", "dog"],
        ["--threshold", "=0.5"],
        ["--region", "1,2,3.5,9"],
    ],
)
def test_a_command_line_that_cannot_be_parsed_ends_with_code_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["segment", "x.png", *options])
    assert stopped.value.code == 2


def test_paper_without_hub_and_key_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    picture(Path("x.png"))
    assert main(["segment", "x.png", "--model", "paper"]) == 2
    err = capsys.readouterr().err
    for missing in (
        "xinyu1205/recognize-anything-plus-model",
        "Salesforce/blip2-opt-2.7b",
        "IDEA-Research/grounding-dino-tiny",
        "syscv-community/sam-hq-vit-large",
        "OPENAI_API_KEY",
        "--model tiny",
    ):
        assert missing in err
    assert "Traceback" not in err
