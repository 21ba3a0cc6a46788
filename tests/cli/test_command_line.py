"""The program as such: help that teaches, and starts at once."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zeroseg import __version__
from zeroseg.cli import model_options, options
from zeroseg.cli.main import main
from zeroseg.errors import PresetError
from zeroseg.presets import preset_names


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


@pytest.mark.parametrize("command", ["segment", "draw", "demo", "test", "models"])
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
    changed = model_options.changed(content, [model_options.change(text) for text in changes])
    assert changed["detector"] == {"class_path": "a.B", "init_args": {"x": 2}}
    assert changed["fusion"] == {"class_path": "c.D", "init_args": {"y": [1, "a"]}}
    assert changed["captioner"] is None
    assert content["detector"] == {"class_path": "a.B", "init_args": {"x": 1}}
    assert content["fusion"] == {"class_path": "c.D"}


def test_a_change_that_leads_nowhere_names_what_is_there() -> None:
    with pytest.raises(
        PresetError, match=r"no 'detecter' in the configuration, which has detector"
    ):
        model_options.changed({"detector": {}}, [("detecter.init_args.x", 1)])


def test_sizes_are_width_by_height() -> None:
    assert options.size("256x192") == (192, 256)
    assert options.size("64X48") == (48, 64)


def test_parsed_arguments_go_no_further_than_the_door() -> None:
    """`run` and `of` make typed values of them; nothing else in the package takes a Namespace."""
    taken = {
        f"{file.stem}.{function.name}"
        for file in Path(options.__file__).parent.glob("*.py")
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        and "Namespace" in "".join(ast.unparse(a) for a in ast.walk(function.args))
    }
    assert {name.split(".")[1] for name in taken} == {"run", "of", "given"}


def test_help_names_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    named = capsys.readouterr().out.split("Presets:")[1].split("--set")[0]
    whole = re.sub(r"-\s+", "-", named)  # names are taken apart at their hyphens
    assert set(re.findall(r"[a-z][a-z0-9-]+", whole)) >= set(preset_names())


COMMANDS = [
    "segment x", "batch x y", "demo", "test --data drawn", "oracle --data drawn --output o",
    "ablate --data drawn --output o", "doctor", "fetch",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_a_system_alike(
    command: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    assert "--model NAME|FILE" in capsys.readouterr().out
    for option in ("--preset", "--config"):
        with pytest.raises(SystemExit) as stopped:
            main([*command.split(), option, config])
        assert stopped.value.code == 2
        assert "name the system by --model NAME or --model FILE.yaml" in capsys.readouterr().err
    assert main([*command.split(), "--model", "tyni"]) == 2
    assert "did you mean tiny?" in capsys.readouterr().err
