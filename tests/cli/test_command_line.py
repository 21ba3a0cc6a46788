"""The program as such: help that teaches, and starts at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zeroseg import __version__
from zeroseg.cli import options
from zeroseg.cli.main import main
from zeroseg.errors import PresetError


def test_help_of_the_module_in_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zeroseg", "--help"], capture_output=True, text=True, check=True
    )
    for word in ("segment", "draw", "demo", "test", "examples:", "exit codes"):
        assert word in done.stdout


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from zeroseg.cli.main import parser\n"
        "parser().format_help()\n"
        "heavy = {'torch', 'numpy', 'PIL', 'lightning', 'transformers', 'jsonargparse', 'rich'}\n"
        "print(*(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("command", ["segment", "draw", "demo", "test"])
def test_every_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"zeroseg {command}" in capsys.readouterr().out.split("examples:")[1]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_a_missing_package_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jsonargparse", None)
    assert main(["demo"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "jsonargparse" in line and "pip install zeroseg" in line


def test_changes_reach_their_place_and_leave_the_original_alone() -> None:
    content = {
        "detector": {"class_path": "a.B", "init_args": {"x": 1}},
        "fusion": {"class_path": "c.D"},
    }
    changes = ["detector.init_args.x=2", "fusion.init_args.y=[1, a]", "captioner=null"]
    changed = options.changed(content, [options.change(text) for text in changes])
    assert changed["detector"] == {"class_path": "a.B", "init_args": {"x": 2}}
    assert changed["fusion"] == {"class_path": "c.D", "init_args": {"y": [1, "a"]}}
    assert changed["captioner"] is None
    assert content["detector"] == {"class_path": "a.B", "init_args": {"x": 1}}
    assert content["fusion"] == {"class_path": "c.D"}


def test_a_change_that_leads_nowhere_names_what_is_there() -> None:
    with pytest.raises(
        PresetError, match=r"no 'detecter' in the configuration, which has detector"
    ):
        options.changed({"detector": {}}, [("detecter.init_args.x", 1)])


def test_sizes_are_width_by_height() -> None:
    assert options.size("256x192") == (192, 256)
    assert options.size("64X48") == (48, 64)
