"""`zeroseg app`: what it builds, where it listens, and whom it refuses to be open to."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import zeroseg.app.serving as serving
from tests.correcting.corrected_scene import write_scene
from zeroseg.app import Limits
from zeroseg.cli.main import main


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was to be served, in place of serving it."""
    found: list[dict[str, Any]] = []

    def run(server: Any, sockets: list[socket.socket]) -> None:
        app = server.config.app
        found.append({"app": app, "address": sockets[0].getsockname(), "config": server.config})

    monkeypatch.setattr(serving.uvicorn.Server, "run", run)
    monkeypatch.delenv("ZEROSEG_TOKEN", raising=False)
    return found


def test_a_model_its_classes_and_a_folder_are_served(
    config: str, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").mkdir()
    Image.new("RGB", (20, 16)).save("in/x.png")
    for folder in ("one/out", "two/out"):
        write_scene(Path(folder), "a")
    options = ["--labels", "dog, boat", "--pictures", "in", "--port", "0", "--max-requests", "3"]
    options += ["--results", "one/out", "--results", "two/out"]
    assert main(["app", "--model", config, *options]) == 0
    [own] = served
    host, port = own["address"]
    assert host == "127.0.0.1" and f"http://127.0.0.1:{port}/" in capsys.readouterr().out
    about = own["app"].state.service.about()
    assert about.classes == ["background", "dog", "boat"] and about.pictures == ["x.png"]
    assert about.limits["requests"] == 3 and not about.token
    assert own["config"].timeout_keep_alive > 60  # whoever waited as told finds the connection open
    assert [own.name for own in own["app"].state.service.results] == ["one/out", "two/out"]
    assert own["config"].timeout_keep_alive > 60  # longer than Retry-After


def test_every_limit_has_an_option(config: str, served: list[dict[str, Any]]) -> None:
    limits = [name.replace("_", "-") for name in vars(Limits())]
    given = [part for n, own in enumerate(limits, 1) for part in (f"--max-{own}", str(n))]
    assert main(["app", "--model", config, "--port", "0", *given]) == 0
    found = vars(served[0]["app"].state.service.limits)
    assert list(found.values()) == list(range(1, len(limits) + 1))
    with pytest.raises(SystemExit):
        main(["app", "--model", config, "--max-jobs", "0.5"])


def test_other_machines_need_a_token(
    config: str,
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = ["app", "--model", config, "--port", "0", "--host", "0.0.0.0"]
    assert main(call) == 2 and served == []
    assert "ZEROSEG_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("ZEROSEG_TOKEN", "secret")
    assert main(call) == 0
    assert served[0]["app"].state.service.token
    assert "secret" not in "".join(capsys.readouterr())


def test_what_cannot_be_served_is_said(
    config: str, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["app", "--model", config, "--port", port]) == 2
    assert f"cannot listen at 127.0.0.1:{port}" in capsys.readouterr().err
    assert main(["app", "--model", config, "--pictures", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert main(["app", "--model", config, "--results", "nowhere"]) == 2
    assert "'nowhere' holds no results" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["app", "--max-seconds", "-1"])
    assert served == []


def test_what_has_to_be_installed_is_said(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delitem(sys.modules, "zeroseg.app.server", raising=False)
    assert main(["app", "--model", config]) == 2
    assert 'pip install "zeroseg[app]"' in capsys.readouterr().err
