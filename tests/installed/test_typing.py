"""A user's program is checked strictly against the installed package, and does what it says."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.installed.environments import ROOT, run

PROGRAM = "user_program.py"


STRICT = """
[[tool.mypy.overrides]]
module = ["user_program"]
disallow_any_generics = true
disallow_subclassing_any = true
disallow_untyped_calls = true
disallow_untyped_decorators = true
warn_return_any = true
no_implicit_reexport = true
strict_equality = true
extra_checks = true
"""
"""What of `mypy --strict` the package's own configuration lacks."""


def test_a_strict_type_checker_finds_nothing_to_say(python: Path, tmp_path: Path) -> None:
    """What it knows of PyTorch and Lightning is what it has learnt of them in `make lint`."""
    shutil.copy(Path(__file__).parent / PROGRAM, tmp_path)
    own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    followed = own.replace('"lightning.*", ', "")  # a user sees what a segmenter has of Lightning's
    assert followed != own
    (tmp_path / "pyproject.toml").write_text(followed + STRICT, encoding="utf-8")
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", tmp_path / ".mypy_cache")
    said = run(sys.executable, "-m", "mypy", "--python-executable", python, PROGRAM, cwd=tmp_path)
    assert said.startswith("Success")


def test_the_program_runs(python: Path, tmp_path: Path) -> None:
    said = run(python, Path(__file__).parent / PROGRAM, tmp_path, cwd=tmp_path)
    assert "refused: the int is no picture" in said
