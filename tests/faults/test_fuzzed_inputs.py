"""A short share of the fuzzed inputs; the whole of it is `python -m benchmarks.faults inputs`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import inputs
from benchmarks.faults.confined import confined
from benchmarks.faults.doors import DOORS
from benchmarks.faults.inputs import PICTURES, faults, outcomes, run


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", DOORS)
def test_a_mutated_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    found = list(outcomes(kind, 200 if kind == "picture" else 20, 1, tmp_path))
    assert not faults(found)
    assert {outcome.said for outcome in found} <= {"read", "refused"}


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    first, second = (list(outcomes("list", 20, 3, tmp_path / name)) for name in "ab")
    assert first == second
    assert {outcome.said for outcome in first} == {"read", "refused"}


def test_a_door_that_lets_an_error_through_or_writes_outside_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leaks(path: Path) -> None:
        if "whole" not in path.parts:
            raise KeyError("oops")

    def strays(path: Path) -> None:
        (tmp_path / "elsewhere").write_text("here")

    monkeypatch.setattr(inputs, "DOORS", {"vocabulary": leaks, "list": strays})
    rows = run(3 * PICTURES, 0, tmp_path / "campaign")
    assert [row.lost for row in rows] == [3, 3]
    told = capsys.readouterr().err
    assert "KeyError: 'oops'" in told and "elsewhere" in told
    assert len(list((tmp_path / "campaign" / "kept").iterdir())) == 6


def test_programs_and_files_elsewhere_are_seen(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with confined(place) as seen:
        (place / "inside").write_text("well")
        (place / "inside").rename(place / "renamed")
    assert not seen
    with confined(place) as seen:
        (tmp_path / "outside").write_text("not well")
        (tmp_path / "outside").unlink()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert [line.partition(" ")[0] for line in seen] == ["open", "os.remove", "subprocess.Popen"]
