"""What a user gets: the wheel, in an environment that has what it depends on and no checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.installed.environments import ROOT, environment, pip


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel is built from, apart: an earlier build's leftovers get into the next wheel."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("zeroseg", "tests", "benchmarks", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


@pytest.fixture(scope="session")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources, cwd=folder)
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    python = environment(folder / "env")
    pip("--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", wheel,
        cwd=folder)  # fmt: skip
    return python
