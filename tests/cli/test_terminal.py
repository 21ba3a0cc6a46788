"""Names of others on the terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from zeroseg.cli.main import main
from zeroseg.cli.report import Terminal, plain
from zeroseg.cli.terminal import guarded

HOSTILE = "a\x1b[2J\x1b]0;t\x07\x9b31m\u202eb\rc"
SHOWN = r"a\x1b[2J\x1b]0;t\x07\x9b31m\u202eb\rc"


def test_whatever_prints_writes_controls_out(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    with guarded():
        print(HOSTILE)
        print(HOSTILE, file=sys.stderr)
        Terminal().print(HOSTILE, markup=False, soft_wrap=True)
        Terminal(stderr=True, width=200).print(plain(HOSTILE))
        sys.stderr.write("\r50 %")  # a progress bar of another package
        sys.stderr.write("\x1b[A")
    assert (sys.stdout, sys.stderr) == streams
    fewer = SHOWN.replace(r"\x07", "").replace(r"\r", "")  # which rich leaves out of its own accord
    assert streams[0].getvalue() == f"{SHOWN}\n{fewer}\n"
    assert streams[1].getvalue() == f"{SHOWN}\n{SHOWN}\n\r50 %\x1b[A"


def test_a_name_makes_no_line_of_its_own(config: str, capfd: pytest.CaptureFixture[str]) -> None:
    name = "a\nfailed: forged"
    Path("in").mkdir()
    Path(f"in/{name}.png").write_text("no picture")
    Image.new("RGB", (32, 24)).save(f"in/{name}.jpg")
    assert main(["segment", "in", "--model", config, "--output", "out"]) == 1
    said = capfd.readouterr()
    assert not [line for line in (said.out + said.err).splitlines() if line.startswith("failed: f")]
    assert r"failed: in/a\nfailed: forged.png" in said.err


def test_colours_of_our_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    with guarded():
        Terminal().print(plain(HOSTILE, "red"))
    assert out.getvalue() == f"\x1b[31m{SHOWN}\x1b[0m\n"
