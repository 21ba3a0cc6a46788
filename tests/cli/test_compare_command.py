"""`zeroseg compare`: the table, the files, and messages."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tests.evaluation.result_runs import records_of, scenes, write_run
from zeroseg.cli import compare as command
from zeroseg.cli.outlet import Outlet
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.compare import compare


def run(*arguments: str) -> int:
    """The command by its own parser."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["compare", *arguments])
    parsed.outlet = Outlet(as_json=False, quiet=False)
    return int(parsed.run(parsed))


@pytest.fixture
def runs() -> None:
    targets = scenes(6, 5, seed=4)
    write_run(Path("a"), records_of(targets, 0.5, seed=1), "first [bold]")
    write_run(Path("b"), records_of(targets, 0.1, seed=40)[:5], "second")


def test_the_table_is_that_of_the_comparison(
    runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("a", "b", "--resamples", "40", "--seed", "2", "--output", "d") == 0
    printed = capsys.readouterr().out
    found = compare("a", "b", 40, 2)
    assert json.loads(Path("d/compare.json").read_text()) == found.to_dict()
    value, low, high = (100 * end for end in found.miou.difference)
    assert f"difference {value:+.2f} [{low:+.2f}, {high:+.2f}] points over 5 images" in printed
    assert "left out: 1 of A, 0 of B" in printed
    assert "first [bold]" in printed
    bird = found.classes["bird"]
    row = next(line for line in printed.splitlines() if line.startswith(("│ bird", "| bird")))
    assert f"{100 * bird.a:.2f} %" in row
    assert f"{100 * bird.difference.low:+.2f} to {100 * bird.difference.high:+.2f}" in row
    dog = next(line for line in printed.splitlines() if " dog " in line)
    assert dog.count(" - ") == 4
    assert f"gained: {found.gains(1)[0]} " in printed


def test_the_report_is_written_where_asked(runs: None) -> None:
    assert run("a", "b", "--resamples", "9", "--output", "out/deep") == 0
    folder = Path("out/deep")
    assert {file.name for file in folder.iterdir()} == {
        "compare.json",
        "compare.md",
        "compare.html",
    }
    assert json.loads((folder / "compare.json").read_text()) == compare("a", "b", 9).to_dict()
    page = (folder / "compare.html").read_text()
    assert "first [bold] (A) and second (B)" in page
    assert "<b>cat</b>" not in page
    assert "&lt;b&gt;cat&lt;/b&gt; &amp; | co `x`" in page


def test_wrong_input_is_a_message(runs: None) -> None:
    with pytest.raises(ZerosegError, match="'gone' is not a result folder"):
        run("a", "gone")
    with pytest.raises(ZerosegError, match="cannot write to the folder"):
        run("a", "b", "--output", "a/results.json")
    for wrong in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            run("a", "b", "--resamples", wrong)
