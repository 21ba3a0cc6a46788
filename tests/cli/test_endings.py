"""How commands end, whatever ends them, and what they print on the way."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import content
from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.cli.main import main
from zeroseg.cli.signals import Ended, listening
from zeroseg.writing import alone_in

DRAWN = ("--data", "drawn", "--count", "5", "--size", "64x64", "--batch-size", "2")

COMMANDS: dict[str, tuple[str, ...]] = {
    "segment": ("segment", "drawn/images", "--output", "out"),
    "batch": ("batch", "drawn/images", "out", "--part-size", "2"),
    "demo": ("demo", "--count", "5", "--size", "64x64", "--output", "out"),
    "test": ("test", *DRAWN, "--output", "out"),
    "oracle": ("oracle", *DRAWN, "--output", "out"),
    "ablate": ("ablate", *DRAWN, "--output", "out"),
}
"""Commands that take a system through five pictures."""

OTHERS: dict[str, tuple[str, ...]] = {
    "draw": ("draw", "--count", "5", "--size", "64x64", "--output", "out"),
    "score": ("score", "--predictions", "drawn/masks", "--data", "drawn/"),
    "compare": ("compare", "a", "a"),
    "data": ("data", "check", "folder", "drawn"),
    "doctor": ("doctor",),
    "data list": ("data", "list"),
}
"""Commands without a system."""


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Signals are not ignored, as they are in what a shell runs in the background."""
    signals = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in signals.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def drawn(config: str) -> str:
    """Five pictures in `drawn`, and a result folder `a`; the stand-ins' file."""
    drawing = ["draw", "--count", "5", "--size", "64x64", "--output", "drawn", "--quiet"]
    assert main(drawing) == 0
    assert main(["test", *DRAWN, "--model", config, "--output", "a", "--quiet"]) == 0
    return config


def words(name: str, config: str) -> list[str]:
    if name in COMMANDS:
        return [*COMMANDS[name], "--model", config]
    return [*OTHERS[name]]


def signalling(number: int) -> str:
    """A file with stand-ins, one of which sends a signal."""
    file = Path("signalling.yaml")
    tagger = {"class_path": "cli_parts.Signalling", "init_args": {"number": int(number)}}
    file.write_text(yaml.safe_dump({**content(), "tagger": tagger}))
    return str(file)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_ends_every_command_with_what_was_saved(
    name: str, number: signal.Signals, drawn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    assert main(words(name, signalling(number))) == 128 + number
    said = capfd.readouterr().err
    assert f"zeroseg {name}: ended by {number.name}; what was saved stays" in said
    assert "Traceback" not in said
    assert signal.getsignal(number) is before
    assert not list(Path("out").rglob("*.partial"))


def test_a_signal_within_a_destructor_is_not_lost() -> None:
    class Dying:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            [None for _ in range(1000)]

    def work(seconds: float) -> None:
        end = time.monotonic() + seconds
        dying = [Dying()]
        dying.clear()
        while time.monotonic() < end:
            pass

    with listening() as received, pytest.raises(Ended):
        work(seconds=20)
    assert received[0] == signal.SIGTERM


@pytest.mark.parametrize("name", [*COMMANDS, *OTHERS])
def test_json_is_a_line_a_picture_and_nothing_else(
    name: str, drawn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert main([*words(name, drawn), "--json"]) in (0, 1)
    lines = [json.loads(line, parse_constant=pytest.fail) for line in printed(capfd)]
    if name in ("doctor", "data list"):
        assert lines
        return
    systems: dict[Any, list[str]] = {}
    for line in lines:
        assert line["status"] == "ok", line
        systems.setdefault(line.get("system"), []).append(line["picture"])
    assert systems
    assert all(len(set(pictures)) == len(pictures) == 5 for pictures in systems.values())


def printed(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().out.splitlines()


@pytest.mark.parametrize("name", [*COMMANDS, *OTHERS])
def test_quiet_is_quiet(name: str, drawn: str, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert main([*words(name, drawn), "--quiet"]) in (0, 1)
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_told_even_to_nobody(drawn: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("drawn/images/broken.png").write_bytes(b"no picture")
    assert main([*words("segment", drawn), "--json", "--quiet"]) == 1
    out, err = capfd.readouterr()
    lines = {line["picture"]: line for line in map(json.loads, out.splitlines())}
    assert len(lines) == 6
    assert lines["drawn/images/broken.png"]["status"] == "failed"
    assert err.count("failed: ") == err.count("\n") == 1


def test_a_folder_in_use_is_refused(drawn: str, capfd: pytest.CaptureFixture[str]) -> None:
    for name, folder in (("test", "out"), ("batch", "out"), ("oracle", "out/runs/measured")):
        with alone_in(Path(folder)):
            assert main(words(name, drawn)) == 2
        said = capfd.readouterr().err
        assert "another run writes to" in said and f"{folder}'" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("test", *DRAWN, "--devices", "99999"), "--devices 99999: there are"),
        (("oracle", *DRAWN, "--devices", "99999", "--output", "out"), "--devices 99999"),
        (("test", *DRAWN, "--workers", "99999"), "--workers 99999: at most"),
        (("ablate", *DRAWN, "--points", "1000000", "--output", "out"), "1000 points at most"),
    ],
)
def test_more_than_there_can_be_is_refused_before_work(
    options: tuple[str, ...], says: str, drawn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--model", drawn]) == 2
    assert says in capfd.readouterr().err
    assert not list(Path("out").rglob("*.json"))


def test_a_locked_cache_is_given_up_after_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zeroseg.chat.answer_cache._PATIENCE", 0.2)
    AnswerCache(tmp_path)["a"] = "b"
    other = sqlite3.connect(tmp_path / "answers/cache.db", isolation_level=None)
    open_before = AnswerCache(tmp_path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.warns(UserWarning, match="are not kept"):
        late = AnswerCache(tmp_path)
    assert late.get("a") is None
    with pytest.warns(UserWarning, match="are not kept"):
        open_before["c"] = "d"
    open_before["e"] = "f"  # without waiting again
    other.close()
