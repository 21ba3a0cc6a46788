"""`--background` puts a rule into the fusion of a configuration, and `--words` into the data."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.data.miniatures import MINIATURES
from zeroseg.cli.background import rule, with_background
from zeroseg.cli.main import main
from zeroseg.data.catalog import entry
from zeroseg.errors import PresetError, ZerosegError

FUSION = "zeroseg.fusion.things_and_stuff.ThingsAndStuff"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("threshold", ("threshold", None)),
        ("margin=0.1", ("margin", 0.1)),
        ("distractors", ("distractors", None)),
        ("never", ("never", None)),
    ],
)
def test_rules(text: str, meant: tuple[str, float | None]) -> None:
    assert rule(text) == meant


@pytest.mark.parametrize("text", ["cut", "never=0.1", "threshold=", "margin=2", "threshold=nan"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=text.partition("=")[0]):
        rule(text)


def test_the_fusion_gets_it_and_keeps_the_rest() -> None:
    config = {"fusion": {"class_path": FUSION, "init_args": {"chunk": 4, "threshold": 0.9}}}
    found = with_background(config, ("margin", None), entry("context60").cut)
    assert found["fusion"]["init_args"] == {"chunk": 4, "background": "margin", "threshold": 0.1}
    own = with_background(config, ("threshold", 0.2), 0.4)["fusion"]["init_args"]
    assert (own["background"], own["threshold"]) == ("threshold", 0.2)
    bare = with_background({"fusion": {"class_path": FUSION}}, ("never", None), None)
    assert bare["fusion"]["init_args"] == {"background": "never"}
    assert config["fusion"]["init_args"] == {"chunk": 4, "threshold": 0.9}


def test_where_there_is_no_such_rule_or_no_threshold() -> None:
    with pytest.raises(PresetError, match="the fusion of this system has no such rule"):
        with_background({"detector": {}}, ("never", None), None)
    with pytest.raises(ZerosegError, match=r"as in --background margin=0\.4"):
        with_background({"fusion": {"class_path": FUSION}}, ("margin", None), entry("voc20").cut)
    with pytest.raises(ZerosegError, match="take a list that has some, such as --words sclip"):
        with_background({"fusion": {"class_path": FUSION}}, ("distractors", None), 0.4)
    found = with_background({"fusion": {"class_path": FUSION}}, ("distractors", None), 0.4, ["sky"])
    assert found["fusion"]["init_args"] == {"background": "distractors"}


def test_published_cuts() -> None:
    cuts = {name: entry(name).cut for name in ("voc2012", "coco-object", "context60", "voc20")}
    assert cuts == {"voc2012": 0.4, "coco-object": 0.4, "context60": 0.1, "voc20": None}


def test_the_commands_take_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = MINIATURES["voc2012"](tmp_path, 2)
    assert main(["data", "check", "voc20", str(root), "--words", "sclip"]) == 0
    printed = capsys.readouterr().out
    assert "voc20, split val, words sclip" in printed and "background (not scored)" in printed
    given = ["--data", "voc2012", "--root", str(root), "--background", "margin"]
    assert main(["test", "--model", "tiny", *given]) == 2
    assert "the fusion of this system has no such rule" in capsys.readouterr().err
