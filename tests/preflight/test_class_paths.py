"""What a class path names is known before its module runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from zeroseg.errors import PresetError
from zeroseg.preflight.class_paths import check_path, named
from zeroseg.presets import build, load_preset
from zeroseg.segmenter import ZeroShotSegmenter

SCRIPT = """
import os
import logging as log
from subprocess import Popen, run
from collections import *
from zeroseg import Detector
from zeroseg import detection as found
import torch.nn as nn
import zeroseg.recognition.tagger
open("ran", "w")
flag, listed = 3, [1]
logger = log.getLogger()
Alias = Detector
class Plain: pass
class Wrong(Exception): pass
class Runs(Popen): pass
class Counts(Plain): pass
class Mine(Detector): pass
class Ours(Mine): pass
class Own(found.Detector): pass
class Tags(zeroseg.recognition.tagger.Tagger): pass
class Net(nn.Module): pass
if not flag:
    class Loop(Loop): pass
def main(): pass
def make() -> Detector: ...
try:
    class Tried(Mine): pass
except ImportError:
    Tried = None
"""


@pytest.fixture(autouse=True)
def _script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("some_script", "some_package", "some_package.inner", "lazy_package"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    Path("some_script.py").write_text(SCRIPT)
    Path("broken_script.py").write_text("open('ran', 'w')\nclass Mine(:\n")
    Path("some_package").mkdir()
    Path("some_package/__init__.py").write_text(
        "from .inner import Deep, other\nfrom . import inner\nopen('ran', 'w')\n"
    )
    Path("some_package/inner.py").write_text("from some_script import Mine as Deep, os as other\n")
    Path("lazy_package.py").write_text("def __getattr__(name): ...\n")


@pytest.mark.parametrize(
    "path",
    [
        *["os", "log", "flag", "listed", "logger", "main", "run", "gone", "gone.Mine"],
        *["Plain", "Wrong", "Runs", "Counts", "Loop", "Popen", "Counter", "found", "nn"],
    ],
)
def test_what_is_no_component_runs_nothing(path: str) -> None:
    with pytest.raises(PresetError, match="there is no class 'some_script"):
        check_path(f"some_script.{path}")
    assert not Path("ran").exists()
    assert "some_script" not in sys.modules


@pytest.mark.parametrize(
    "path",
    [
        *["antigravity.X", "this.X", "broken_script.Mine", "gone.X", "some_package.other"],
        *["some_package.inner", "some_package.inner.other", "some_package.gone.X", "X", "", ".X"],
        *["../some_script.Mine", "some_script.", "some_script.py", "some_script:Mine", "idlelib.X"],
    ],
)
def test_modules_of_others_are_looked_at_too(path: str) -> None:
    before = set(sys.modules)
    with pytest.raises(PresetError, match="there is no class"):
        named(path)
    assert not Path("ran").exists()
    assert not {"antigravity", "this", "some_package", "broken_script"} & (
        set(sys.modules) - before
    )


@pytest.mark.parametrize(
    "path",
    [
        *["some_script.Mine", "some_script.Ours", "some_script.Own", "some_script.Tags"],
        *["some_script.Net", "some_script.make", "some_script.Tried", "some_script.Alias"],
        *["some_package.Deep", "some_package.inner.Deep"],
        *["lazy_package.Anything", "zeroseg.testing.BoxMasks", "zeroseg.Detector"],
        "collections.Counter",  # imported already: nothing is run
    ],
)
def test_what_may_be_one_is_let_through(path: str) -> None:
    check_path(path)
    assert not Path("ran").exists()


def test_a_component_of_ones_own_is_imported() -> None:
    assert named("some_package.Deep").__name__ == "Mine"
    assert Path("ran").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"detector": {"class_path": "some_script.os"}},
        {"detector": "some_script.os"},
        {"class_path": "some_script.Plain"},
        {"tagger": {"class_path": "some_script.os", "init_args": {}}},
        {
            "pre_refiner": {
                "class_path": "zeroseg.refinement.llm_pre_refiner.LLMPreRefiner",
                "init_args": {"chat": "some_script.os"},
            }
        },
        {"extra": {"a": [{"class_path": "some_script.os"}]}},
        {"extra": [{"b": {"class_path": "some_script.os"}}]},
    ],
)
def test_no_place_of_a_configuration_runs_it(changes: dict[str, Any]) -> None:
    with pytest.raises(PresetError):
        build(ZeroShotSegmenter, {**load_preset("tiny"), **changes}, {})
    assert not Path("ran").exists()
