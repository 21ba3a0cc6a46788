"""Presets, configuration files and `--set`: each row is one mistake, and what is said about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bad_inputs.stand_ins import content
from zeroseg.errors import PresetError, ZerosegError
from zeroseg.segmenter import ZeroShotSegmenter

Zeroseg = Callable[..., Any]

PARTS = "tests.bad_inputs.stand_ins"

FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a mapping"),
    "a comment": (b"# later\n", "not a mapping"),
    "a list": (b"- tagger\n- detector\n", "not a mapping"),
    "a word": (b"tiny\n", "not a mapping"),
    "a number": (b"7", "not a mapping"),
    "half a mapping": (b"tagger: {class_path: ", "cannot read"),
    "tabs": (b"vocabulary: dram\n\ttagger: x\n", "cannot read"),
    "two documents": (b"vocabulary: dram\n---\nvocabulary: voc2012\n", "cannot read"),
    "another encoding": ("vocabulary: [café]".encode("latin-1"), "cannot read"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "cannot read"),
    "a tag that runs things": (b"a: !!python/object/apply:os.system ['touch run']", "cannot read"),
    "a date that is none": (b"a: 2001-99-99", "cannot read"),
    "deep brackets": (b"a: " + b"[" * 5000, "cannot read"),
    "a key that is a list": (b"? [a]\n: b", "cannot read"),
    "a key that is a number": (b"vocabulary: dram\n1: 2\n", "1"),
    "a key twice": (b"vocabulary: dram\nvocabulary: voc2012\n", "'vocabulary' stands there twice"),
    "no vocabulary": (b"batch_size: 2\n", "'vocabulary' is missing"),
    "an empty vocabulary": (b"vocabulary:\nbatch_size: 2\n", "'vocabulary' is missing"),
    "no detector": (b"vocabulary: dram\nbatch_size: 2\n", "tagger|pre_refiner|detector"),
    "a checkpoint": (b"PK\x03\x04archive/data.pkl" + bytes(range(256)), "cannot read"),
}
"""Files that describe no system."""


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_describes_no_system(what: str, good: Path, zeroseg: Zeroseg) -> None:
    written, says = FILES[what]
    Path("own.yaml").write_bytes(written)
    with pytest.raises(ZerosegError, match=rf"(?s){says}"):
        ZeroShotSegmenter.from_yaml("own.yaml")
    said = zeroseg("segment", good, "--model", "own.yaml")
    assert said.code == 2
    assert re.search(says, said.text), said.text
    assert not Path("run").exists()


ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt argument": ({"tager": None}, "tager"),
    "a batch of none": ({"batch_size": 0}, "batch_size"),
    "a negative batch": ({"batch_size": -4}, "batch_size"),
    "a batch of a word": ({"batch_size": "a"}, "batch_size"),
    "a batch of half": ({"batch_size": 1.5}, "batch_size"),
    "a batch of yes": ({"batch_size": True}, "batch_size"),
    "a batch of a list": ({"batch_size": [2]}, "batch_size"),
    "no batch at all": ({"batches_in_flight": 0}, "batches_in_flight"),
    "a path without a class": ({"detector": {"class_path": "zeroseg.testing"}}, "detector"),
    "a class that is not there": ({"detector": {"class_path": "zeroseg.testing.Nope"}}, "Nope"),
    "a module that is not there": ({"detector": {"class_path": "gone.Detector"}}, "gone"),
    "another part": ({"detector": {"class_path": "zeroseg.testing.BoxMasks"}}, "Detector"),
    "a class that is no part": ({"detector": {"class_path": "collections.Counter"}}, "Detector"),
    "a function that runs things": ({"detector": {"class_path": "os.system"}}, "detector"),
    "the contract itself": (
        {"detector": {"class_path": "zeroseg.detection.detector.Detector"}},
        "[Dd]etector",
    ),
    "a number for a part": ({"detector": 7}, "detector"),
    "a list for a part": ({"detector": [{"class_path": "zeroseg.testing.BoxMasks"}]}, "detector"),
    "a part without class": ({"detector": {"init_args": {"boxes": {}}}}, "detector|class_path"),
    "a part with odd keys": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "arguments": {}}},
        "arguments",
    ),
    "options beside the class": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "score": 0.5}},
        "score",
    ),
    "a misspelt option": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "init_args": {"scores": 0.5}}},
        "scores",
    ),
    "an option of a word": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "init_args": {"score": "high"}}},
        "score",
    ),
    "an option of a list": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "init_args": {"score": [1.0]}}},
        "score",
    ),
    "options as a list": (
        {"tagger": {"class_path": f"{PARTS}.Puppies", "init_args": [0.5]}},
        "tagger|init_args",
    ),
    "an option that is missing": (
        {"detector": {"class_path": "zeroseg.testing.ScriptedDetector"}},
        "boxes",
    ),
    "a part that has to be there": ({"detector": None}, "detector"),
    "a system that is none": ({"class_path": "zeroseg.testing.BoxMasks"}, "class_path"),
    "a system without a dot": ({"class_path": "Mine"}, "class_path"),
    "a system that is a list": ({"class_path": ["a"]}, "class_path"),
    "a system of nothing": ({"class_path": ""}, "class_path"),
}
"""Entries of an otherwise good configuration."""


@pytest.mark.parametrize("what", ENTRIES)
def test_an_entry_that_cannot_be_meant(what: str, good: Path, zeroseg: Zeroseg) -> None:
    changes, says = ENTRIES[what]
    with pytest.raises(PresetError, match=rf"(?s){says}"):
        ZeroShotSegmenter.from_config({**content(), **changes})
    Path("own.yaml").write_text(yaml.safe_dump({**content(), **changes}))
    said = zeroseg("segment", good, "--model", "own.yaml")
    assert said.code == 2
    assert re.search(says, said.text), said.text
    assert len(said.text.splitlines()) <= 3
    assert not Path("runs").exists() or not list(Path("runs").rglob("*.json"))


NUMBERS: dict[str, tuple[str, str]] = {
    "a negative threshold": ("detector.init_args.box_threshold=-0.2", "box_threshold"),
    "a threshold above one": ("detector.init_args.box_threshold=18", "box_threshold"),
    "a threshold that is none": ("detector.init_args.box_threshold=.nan", "box_threshold"),
    "a threshold of a word": ("detector.init_args.box_threshold=low", "box_threshold"),
    "a threshold of nothing": ("detector.init_args.box_threshold=null", "box_threshold"),
    "a batch of none in a part": ("detector.init_args.batch_size=0", "batch_size"),
    "a misspelt threshold": ("detector.init_args.box_treshold=0.2", "box_treshold"),
    "another device's name": ("detector.init_args.device=cuda", "device"),
    "a checkpoint that is not there": (
        "detector.init_args.checkpoint=gone/folder",
        "gone/folder",
    ),
    "a checkpoint that is a number": ("detector.init_args.checkpoint=7", "checkpoint"),
    "a precision that is none": ("tagger.init_args.dtype=float12", "dtype"),
}
"""Options of the tiny system's networks; nothing of them may be guessed."""


@pytest.mark.parametrize("what", NUMBERS)
def test_a_number_out_of_range_is_said_before_work(what: str, good: Path, zeroseg: Zeroseg) -> None:
    option, says = NUMBERS[what]
    said = zeroseg("segment", good, "--model", "tiny", "--set", option)
    assert said.code == 2, said.text
    assert re.search(says, said.text), said.text
    assert not Path("runs").exists() or not list(Path("runs").rglob("*.json"))


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("batch_size", "KEY=VALUE"),
        ("=1", "KEY=VALUE"),
        (".batch_size=1", "KEY=VALUE"),
        ("batch_size.=1", "KEY=VALUE"),
        ("a..b=1", "KEY=VALUE"),
        ("", "KEY=VALUE"),
        ("batch_size={", "no YAML"),
        ("batch_size=2001-99-99", "no YAML"),
        ("batch_size=" + "[" * 3000, "no YAML"),
        ("batch_size=!!python/name:os.system", "no YAML"),
        ("batch_size=two", "batch_size"),
        ("batch_size=2 3", "batch_size"),
        ("batch_size=yes", "batch_size"),
        ("batch_size.x=1", "batch_size"),
        ("btach_size=1", "btach_size"),
        ("detector.init_arg.x=1", "init_arg"),
        ("detector.boxes=1", r"detector\.init_args\.boxes"),
        ("detector=null", "detector"),
        ("detector=zeroseg.testing.BoxMasks", "[Dd]etector"),
        ("detector.class_path=zeroseg.testing.BoxMasks", "[Dd]etector"),
        ("detector.class_path=gone.Detector", "gone"),
        ("detector.init_args=5", "detector|init_args"),
        ("tagger.init_args.score=high", "score"),
    ],
)
def test_a_change_that_leads_nowhere(
    option: str, says: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    for command in (["segment", good], ["batch", good, "out"]):
        said = zeroseg(*command, "--model", config, "--set", option)
        assert said.code == 2
        assert re.search(says, said.text), said.text
    assert not Path("runs").exists() or not list(Path("runs").rglob("*.json"))


@pytest.mark.parametrize(
    "option", ["captioner=null", "batch_size=1", "captioner=~", "batch_size= 2"]
)
def test_a_change_that_is_understood(
    option: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    said = zeroseg("segment", good, "--model", config, "--set", option)
    assert said.code == 0, said.text


@pytest.mark.parametrize(
    "name", ["", "Tiny", "tyni", "../tiny", "large ", "gpt-4", "/", "tiny\n", "x" * 5000]
)
def test_a_preset_that_is_none_lists_those_there_are(
    name: str, good: Path, zeroseg: Zeroseg
) -> None:
    with pytest.raises(PresetError, match="large, large-low-memory, open, paper"):
        ZeroShotSegmenter.from_preset(name)
    said = zeroseg("segment", good, "--model", name)
    assert said.code == 2
    assert ("large-low-memory" in said.text) == (name != "/")  # which is a folder


@pytest.mark.parametrize("name", [None, 7, ["tiny"], {"tiny": 1}])
def test_a_preset_that_is_no_name(name: Any) -> None:
    with pytest.raises(PresetError, match="preset"):
        ZeroShotSegmenter.from_preset(name)


@pytest.mark.parametrize("value", [None, 7, "tiny", ["tagger"]])
def test_a_configuration_that_is_no_mapping(value: Any) -> None:
    with pytest.raises(PresetError):
        ZeroShotSegmenter.from_config(value)


@pytest.mark.parametrize("path", ["gone.yaml", "folder", "", "x" * 5000 + ".yaml"])
def test_a_configuration_that_is_not_there(path: str, good: Path, zeroseg: Zeroseg) -> None:
    Path("folder").mkdir()
    with pytest.raises(PresetError, match=r"cannot (be )?read"):
        ZeroShotSegmenter.from_yaml(path)
    said = zeroseg("segment", good, "--model", path)
    assert said.code == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tager": None}, "tager"),
        ({"tagger": "RamPlusPlus"}, "tagger|Tagger"),
        ({"tagger": 7}, "tagger|Tagger"),
        ({"tagger": object()}, "tagger|Tagger"),
        ({"detector": dict}, "detector|Detector"),
        ({"batch_size": "a"}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": None}, "batch_size"),
    ],
)
def test_an_argument_that_cannot_be_meant(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PresetError, match=rf"(?s){says}"):
        ZeroShotSegmenter.from_config(content(), **changes)
