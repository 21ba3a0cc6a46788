"""The wheel holds what the package needs, nothing else, and works where there is no checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from zipfile import ZipFile

from tests.installed.environments import ROOT, environment, pip, run

LARGEST = 33 * 2**20
"""Bytes that a wheel may have: 29 MiB are weights of the tiny models."""


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_it_holds_every_file_of_the_package_and_none_from_elsewhere(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "zeroseg"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    files = {name for name in tracked.split("\0") if (ROOT / name).is_file()}
    assert len(files) > 200
    assert names(wheel) == files


def test_it_stays_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST


def test_what_is_imported_is_the_wheels(python: Path, tmp_path: Path) -> None:
    code = "import zeroseg, importlib.metadata as m; print(zeroseg.__file__, m.version('zeroseg'))"
    file, version = run(python, "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(python.parent.parent)
    assert version in next(iter(python.parent.parent.rglob("zeroseg-*.dist-info"))).name


def test_the_command_line_does_the_main_job(python: Path, tmp_path: Path) -> None:
    zeroseg = python.parent / "zeroseg"
    run(zeroseg, "draw", "--count", "2", "--size", "128x128", "--output", "drawn", cwd=tmp_path)
    run(zeroseg, "segment", "drawn/images", "--labels", "dog, boat", "--output", "out",
        cwd=tmp_path)  # fmt: skip
    results = [json.loads(file.read_text()) for file in (tmp_path / "out").rglob("*.json")]
    assert [result["size"] for result in results] == [{"height": 128, "width": 128}] * 2
    assert len(list((tmp_path / "out").rglob("*.mask.png"))) == 2


def test_an_editable_install_is_a_folder_on_the_path(sources: Path, tmp_path: Path) -> None:
    """Type checkers and editors follow a folder's name; an import hook they cannot run."""
    python = environment(tmp_path / "env")
    pip("--python", python, "install", "--no-deps", "--no-index", "--no-build-isolation",
        "--ignore-installed", "--editable", sources, cwd=tmp_path)  # fmt: skip
    [pth] = (tmp_path / "env").rglob("__editable__*.pth")
    assert pth.read_text().strip() == str(sources)
