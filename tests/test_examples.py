"""Every example runs, and says what it promises."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chat.server import Response, serving

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_swap_component(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("swap_component.py", monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "20 points of highest logit",
        "20 points, spread out",
        "boxes only",
    ]
    assert all("%" in line for line in lines)


def test_own_detector(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("own_detector.py", monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert any("something red" in line for line in lines)


def test_own_vocabulary(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("own_vocabulary.py", monkeypatch, str(tmp_path))
    assert len(list(tmp_path.glob("*.mask.png"))) == 3
    assert "animal" in capsys.readouterr().out


def test_local_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(request: dict[str, Any]) -> Response:
        return Response(json.dumps({"labels": ["animal", "person"]}))

    with serving(answer) as server:
        run("local_server.py", monkeypatch, "--base-url", server.address, "--model", "any")
    out = capsys.readouterr().out
    assert "pre-refinement" in out
    assert '"animal", "person"' in out
    assert len(server.requests) >= 1


def test_there_is_a_test_for_every_example() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "swap_component.py",
        "own_detector.py",
        "own_vocabulary.py",
        "local_server.py",
    }
