"""Every benchmark runs on a few scenes; what it measures is not judged here."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tiny.json"
    options = ["--scenes", "2", "--json", str(file)]
    parts = ["--parts", "tagger", "captions", "detector", "masks"]
    monkeypatch.setattr(sys, "argv", ["tiny.py", *options, *parts])
    runpy.run_path(str(BENCHMARKS / "tiny.py"), run_name="__main__")
    report = json.loads(file.read_text(encoding="utf-8"))
    assert set(report) == {
        "tagger",
        "captions",
        "detector",
        "masks, box",
        "masks, box and 20 points",
    }
    assert 0 < report["masks, box"]["IoU"] <= 1
    assert report["masks, box"]["things"] > 0
