"""`zeroseg batch`, with stand-ins for the models; Ray itself is tested in tests/scale."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.bad_pictures import BAD, CASES, GOOD, lay_out
from zeroseg.cli import batch
from zeroseg.cli.batch import sizes
from zeroseg.cli.main import main
from zeroseg.running import precision


def pictures(count: int, widths: dict[int, int] | None = None) -> None:
    Path("in").mkdir()
    for index in range(count):
        Image.new("RGB", ((widths or {}).get(index, 32), 24)).save(f"in/{index}.png")


def run(config: str, *words: str) -> int:
    return main(["batch", "in", "out", "--model", config, *words])


def test_masks_and_manifest(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(3)
    assert run(config, "--vocabulary", "dram") == 0
    ids = np.asarray(Image.open("out/masks/1.png.png"))
    assert set(ids[:12, :16].flat) == {12}  # VOC's id of the dog
    assert set(ids[12:, :16].flat) == {0}
    rows = pq.read_table("out/manifest").to_pylist()
    assert [row["name"] for row in rows] == ["0.png", "1.png", "2.png"]
    assert rows[0]["classes"] == ["boat", "dog"]
    assert rows[0]["areas"] == [0.5, 0.25]
    printed = capsys.readouterr().out
    assert "3 segmented, 0 failed" in printed
    assert "detection" in printed


def test_labels_limit_and_going_on(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(3)
    assert run(config, "--labels", "dog, other", "--limit", "2") == 0
    assert run(config, "--labels", "dog, other") == 0
    assert "1 segmented, 0 failed; 2 were done before" in capsys.readouterr().out
    assert set(np.asarray(Image.open("out/masks/2.png.png")).flat) == {0, 1}
    assert run(config, "--labels", "boat, other") == 2
    assert "another run (it differs in vocabulary)" in capsys.readouterr().err
    assert run(config, "--labels", "dog, other", "--precision", "bf16-mixed") == 2
    assert "another run (it differs in precision)" in capsys.readouterr().err


def test_a_broken_picture_is_a_row_and_the_exit_code(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(4, {1: 40})
    Path("in/2.png").write_bytes(b"")
    wide = ["--set", "tagger.init_args.breaks_at_width=40"]
    assert run(config, *wide) == 1
    printed = capsys.readouterr()
    assert "failed: 1.png: RuntimeError: the tagger broke" in printed.err
    assert "2 segmented, 2 failed" in printed.out
    status = {row["name"]: row["status"] for row in pq.read_table("out/manifest").to_pylist()}
    assert status == {"0.png": "ok", "1.png": "error", "2.png": "error", "3.png": "ok"}
    assert run(config, *wide) == 1  # nothing is left, but two have no result
    assert "4 were done before, 2 of them failed" in capsys.readouterr().out
    Image.new("RGB", (32, 24)).save("in/2.png")
    assert run(config, *wide, "--retry") == 1
    assert "1 segmented, 1 failed; 2 were done before" in capsys.readouterr().out


def test_any_bad_file_costs_itself_alone(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(Path("in"))
    assert run(config) == 1
    rows = pq.read_table("out/manifest").to_pylist()
    assert {row["name"] for row in rows if row["status"] == "ok"} == set(GOOD)
    failed = {row["name"]: row for row in rows if row["status"] == "error"}
    assert set(failed) == set(BAD)
    assert {row["stage"] for row in failed.values()} == {"reading"}
    printed = capsys.readouterr()
    assert all(f"failed: {name}: {failed[name]['error']}" in printed.err for name in BAD)
    assert "left out: 1 .mp4, at 'in'" in printed.err.splitlines()
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("name", ["mac", "photos [2019]"])
def test_folders_of_odd_names_and_leftovers(name: str, config: str) -> None:
    folder = CASES.parent / "folders" / name
    assert main(["batch", str(folder), "out", "--model", config]) == 0
    assert [path.name for path in Path("out/masks").iterdir()] == ["a.png.png"]


def test_a_chain_of_protocols_is_no_name_but_x_y_is(config: str) -> None:
    pictures(1)
    Path("in").rename("x::y")
    assert main(["batch", "x::y", "out", "--model", config]) == 0
    assert main(["batch", f"file://{Path('x::y').absolute()}", "out2", "--model", config]) == 0
    assert main(["batch", "x::y/*.png", "results::a", "--model", config]) == 0
    assert Path("results::a/masks/0.png.png").exists()


def test_a_language_model_that_is_gone_stops_the_run(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(5)
    gone = "captioner={class_path: cli_parts.FailsAfter, init_args: {count: 2}}"
    assert run(config, "--set", gone) == 1
    printed = capsys.readouterr()
    assert "error: the service stayed unreachable" in printed.err
    assert "what is done is saved" in printed.err
    assert sorted(file.name for file in Path("out/masks").iterdir()) == ["0.png.png", "1.png.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--actors", "masks=2"], "are of --engine ray"),
        (["--engine", "ray", "--device", "cpu"], "say --num-gpus"),
        (["--engine", "ray", "--actors", "masks=1.5"], "masks=1.5: a stage has 1 or more"),
        (["--set", "tager=null"], "'tager' is not accepted"),
    ],
)
def test_what_does_not_go_together_is_said(
    config: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(1)
    assert run(config, *words) == 2
    assert message in capsys.readouterr().err


def test_nothing_to_do(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    assert run(config) == 2
    assert "no pictures found at 'in'" in capsys.readouterr().err


def test_without_ray_it_says_what_to_install(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(config, "--engine", "ray") == 2
    assert 'pip install "zeroseg[ray]"' in capsys.readouterr().err


def test_the_precisions_are_those_of_the_engines() -> None:
    assert batch.PRECISIONS == precision.PRECISIONS


def test_sizes_are_numbers_by_stage() -> None:
    assert sizes("detect=2, masks=0.25") == {"detect": 2, "masks": 0.25}
    for wrong in ("detect", "=2", "detect=x", "detect=-1", "detect=nan"):
        with pytest.raises(argparse.ArgumentTypeError, match="STAGE=NUMBER"):
            sizes(wrong)


def test_instances_and_confidence(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(2)
    assert run(config, "--instances", "--confidence") == 0
    found = json.loads(Path("out/instances/1.png.json").read_text())["detections"]
    assert [own["class"] for own in found] == ["dog", "boat"]
    assert found[0]["area"] == 12 * 16
    assert np.asarray(Image.open("out/confidence/1.png.png")).shape == (24, 32)
    assert all(row["confidence"] for row in pq.read_table("out/manifest").to_pylist())
    assert run(config, "--instances") == 2
    assert "another run (it differs in confidence)" in capsys.readouterr().err
    assert main(["export", "out", "--format", "coco", "-o", "coco"]) == 0
    exported = json.loads(Path("coco/annotations.json").read_text())["annotations"]
    assert len(exported) == 2 * len(found) and all("score" in own for own in exported)
