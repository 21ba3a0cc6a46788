"""A user's program is checked strictly against the installed package, and does what it says."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.installed.environments import ROOT, run

PROGRAM = "user_program.py"


def test_a_strict_type_checker_finds_nothing_to_say(python: Path, tmp_path: Path) -> None:
    """It knows PyTorch and Lightning from the cache of an earlier run, if there was one."""
    shutil.copy(Path(__file__).parent / PROGRAM, tmp_path)
    cache = ROOT / ".mypy_cache" / "installed"
    said = run(sys.executable, "-m", "mypy", "--strict", "--python-executable", python,
               "--cache-dir", cache, PROGRAM, cwd=tmp_path)  # fmt: skip
    assert said.startswith("Success")


def test_the_program_runs(python: Path, tmp_path: Path) -> None:
    said = run(python, Path(__file__).parent / PROGRAM, tmp_path, cwd=tmp_path)
    assert "refused: the int is no picture" in said
