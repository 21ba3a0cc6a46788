"""`zeroseg data`: what is there, what is wrong, how to fetch it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.data.miniatures import MINIATURES
from zeroseg.cli import data
from zeroseg.cli.outlet import Outlet
from zeroseg.data.catalog import NAMES, entry
from zeroseg.errors import ImageError, ZerosegError


def run(*argv: object) -> int:
    top = argparse.ArgumentParser()
    data.add_parser(top.add_subparsers())
    arguments = top.parse_args(["data", *map(str, argv)])
    arguments.outlet = Outlet(as_json=False, quiet=False)
    return int(arguments.run(arguments))


@pytest.mark.parametrize("name", NAMES)
def test_a_complete_set(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = MINIATURES[name](tmp_path / "set", 3)
    assert run("check", name, root) == 0
    printed = capsys.readouterr().out
    assert "\n3 pictures" in printed and "3 with annotation" in printed
    assert printed.endswith("no problems\n")
    assert "fetch" not in printed
    assert "without a label" in printed


def test_the_table_counts_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = MINIATURES["cityscapes"](tmp_path, 3)
    assert run("check", "cityscapes", root) == 0
    printed = capsys.readouterr().out
    assert "3 pictures of 500 published" in printed
    assert "unlabeled (not scored)" in printed
    rows = [line.split("│") for line in printed.splitlines() if "│ 24 " in line]
    [[_, name, _, pixels, share, pictures, _]] = rows
    assert name.strip() == "person" and int(pixels) > 0 and 1 <= int(pictures) <= 3
    assert float(share.strip(" %")) == pytest.approx(100 * int(pixels) / (3 * 72 * 96), abs=0.01)
    assert run("check", "cityscapes", root, "--protocol", "paper") == 0
    assert "not scored" not in capsys.readouterr().out


def test_problems_come_with_how_to_fetch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = MINIATURES["ade20k"](tmp_path, 3)
    (root / "annotations/validation/ADE_val_00000002.png").unlink()
    assert run("check", "ade20k", root) == 1
    printed = capsys.readouterr().out
    assert "missing mask: 1, the first is ADE_val_00000002: there is no mask" in printed
    assert "2 with annotation" in printed
    assert printed.rstrip().endswith(entry("ade20k").how_to_fetch())


def test_limit_split_and_movement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = MINIATURES["dram"](tmp_path, 10)
    assert run("check", "dram", root, "--movement", "realism") == 0
    assert "movement realism\n2 pictures\n" in capsys.readouterr().out
    assert run("check", "dram", root, "--limit", 4) == 0
    assert "10 pictures of 718 published, 4 of them looked at" in capsys.readouterr().out
    (root / "test").rename(root / "train")
    assert run("check", "dram", root, "--split", "train") == 0
    assert "no annotation is published for this split" in capsys.readouterr().out


def test_nothing_found_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="expected") as told:
        run("check", "voc2012", tmp_path)
    assert entry("voc2012").how_to_fetch() in str(told.value)
    with pytest.raises(ZerosegError, match="no data set 'kitti'"):
        run("check", "kitti", tmp_path)
    with pytest.raises(ZerosegError, match="no option movement"):
        run("check", "voc2012", tmp_path, "--movement", "realism")


def test_all_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: {entry(name).title}" in printed for name in NAMES)
