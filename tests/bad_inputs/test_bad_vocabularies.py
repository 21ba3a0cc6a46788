"""Class names as people give them to commands and systems; what tests/test_vocabulary* leave open.

Each row goes through a public door: `--labels`, `--vocabulary`, `--set`, a configuration's entry or
an argument. What a text or file of names can hold is in tests/test_vocabulary_text.py and beside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.bad_inputs.stand_ins import content
from zeroseg.errors import VocabularyError, ZerosegError
from zeroseg.segmenter import ZeroShotSegmenter

Zeroseg = Callable[..., Any]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ("dog, boat", ["dog", "boat"]),
        ("dog;boat", ["dog", "boat"]),
        ("dog . boat .", ["dog", "boat"]),
        ("dog\nboat\n", ["dog", "boat"]),
        ("dog，boat", ["dog", "boat"]),  # noqa: RUF001
        ("['dog', 'boat']", ["dog", "boat"]),
        ("dog,boat,", ["dog", "boat"]),
        ("- dog\n- boat", ["dog", "boat"]),
        ("no, on, null", ["no", "on", "null"]),
        ("['coco']", ["coco"]),
        ("t.v., radio", ["t.v.", "radio"]),
        ("labels.txt", ["dog", "boat"]),
        ("words.yaml", ["no", "7"]),
    ],
)
def test_labels_that_are_understood(
    labels: str, classes: list[str], config: str, good: Path, zeroseg: Zeroseg
) -> None:
    Path("labels.txt").write_bytes(b"\xef\xbb\xbfdog\r\nboat\r\n")
    Path("words.yaml").write_text("[no, 7]")
    said = zeroseg("segment", good, "--model", config, "--labels", labels)
    assert said.code == 0, said.text
    written = json.loads(Path("runs/segment/good.json").read_text())
    assert written["vocabulary"]["classes"] == ["background", *classes]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ("", "no class is named"),
        (" , ", "is empty"),
        ("dog,,boat", "name 2 is empty"),
        ("dog, Dog", "more than once"),
        ("potted plant, potted-plant", "more than once"),
        ("background", "nothing to look for"),
        ("coco", r"did you mean coco81\?"),
        ("voc", r"did you mean voc2012\?"),
        ("dog; boat, cat", "several ways"),
        ("gone.txt", "'gone.txt': there is no such file"),
        ("empty.txt", "'empty.txt': no class is named"),
        ("binary.txt", "not UTF-8"),
        ("St. Bernard", "one class, several, or a file"),
        ("dog: 1, boat: 2", "is no name"),
        ("dog\x1b[31m", "control character"),
        ("dog" * 200, "600 characters"),
    ],
)
def test_labels_that_are_refused(
    labels: str, says: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    Path("empty.txt").write_text("\n\n# nothing yet\n")
    Path("binary.txt").write_bytes(b"\x89PNG\r\n")
    said = zeroseg("segment", good, "--model", config, "--labels", labels)
    assert said.code == 2
    assert re.search(says, said.text), said.text
    assert len(said.text.splitlines()) == 1
    assert not Path("runs/segment").exists()


@pytest.mark.parametrize(
    ("vocabulary", "says"),
    [
        ("coco", r"did you mean coco81\?"),
        ("cityscape", r"did you mean cityscapes\?"),
        ("imagenet", "There are dram, voc2012"),
        ("dog, boat", "class names with --labels"),
        ("gone.yaml", "'gone.yaml': there is no such file"),
        ("gone/labels", "there is no vocabulary 'gone/labels'"),
        ("folder.yaml", "it is a folder"),
        ("empty.yaml", "it holds nothing"),
        ("text.yaml", "neither a list of names nor a mapping"),
        ("twice.yaml", "the key 'classes' stands there twice"),
        ("keys.yaml", "unknown keys"),
        ("ids.yaml", "ids: number 2: '-1'"),
        ("colors.yaml", "colors: 'reddish' is not a colour"),
        ("aliases.yaml", "aliases are given for"),
        ("tag.yaml", "has no meaning here"),
        ("coco.json", "unknown keys"),
    ],
)
def test_vocabularies_that_are_refused(
    vocabulary: str, says: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    Path("folder.yaml").mkdir()
    for name, text in {
        "empty.yaml": "",
        "text.yaml": "dog",
        "twice.yaml": "classes: [dog]\nclasses: [boat]",
        "keys.yaml": "path: data\nnc: 1\nnames: [dog]",
        "ids.yaml": "classes: [background, dog]\nids: [0, -1]",
        "colors.yaml": "classes: [background, dog]\ncolors: [black, reddish]",
        "aliases.yaml": "classes: [dog]\naliases: {cat: kitten}",
        "tag.yaml": "classes: !!python/object/apply:os.system ['touch run']",
        "coco.json": '{"images": [], "categories": []}',
    }.items():
        Path(name).write_text(text)
    for command in (["segment", good, "--model", config], ["draw", "--output", "drawn"]):
        said = zeroseg(*command, "--vocabulary", vocabulary)
        assert said.code == 2
        assert re.search(says, said.text), said.text
    assert not Path("drawn").exists()
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "name", ["ids.yaml", "alias.yaml", "names.yaml", "labels.txt", "labels", "labels.json"]
)
def test_vocabularies_that_are_understood(
    name: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    Path(name).write_text(
        {
            "ids.yaml": 'classes: [background, dog]\nids: ["0", "1"]',
            "alias.yaml": "classes: [background, dog]\naliases: {dog: puppy}",
            "names.yaml": "0: background\n1: dog",
            "labels.txt": "dog\n",
            "labels": "background\ndog\n",
            "labels.json": '["background", "dog"]',
        }[name]
    )
    said = zeroseg("segment", good, "--model", config, "--vocabulary", name)
    assert said.code == 0, said.text
    written = json.loads(Path("runs/segment/good.json").read_text())
    assert written["vocabulary"]["classes"] == ["background", "dog"]
    assert written["areas"] == {"dog": 0.5}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("[no, dog]", "name 1 is False, which is not text; in YAML, a word within quotes"),
        ("[dog, null]", "name 2 is None"),
        ("[1, 2]", "name 1 is 1"),
        ("[2012-01-01]", "name 1 is datetime.date"),
        ("[[dog, boat]]", "name 1 is .'dog', 'boat'., which is not text"),
        ("{dog: boat}", "unknown keys"),
        ("{classes: }", "needs `classes`"),
        ("{classes: [background, dog], ids: [yes, no]}", "ids: number 1: True"),
        ("coco", r"did you mean coco81\?"),
        ("gone.yaml", "there is no such file"),
        ("7", "7 is not a list"),
        ("yes", "True is not a list"),
        ("''", "no class is named"),
    ],
)
def test_entries_of_a_configuration_that_are_refused(
    entry: str, says: str, config: str, good: Path, zeroseg: Zeroseg
) -> None:
    said = zeroseg("segment", good, "--model", config, "--set", f"vocabulary={entry}")
    assert said.code == 2
    assert re.search(says, said.text), said.text
    text = yaml.safe_dump({k: v for k, v in content().items() if k != "vocabulary"})
    Path("own.yaml").write_text(f"{text}\nvocabulary: {entry}\n")
    said = zeroseg("segment", good, "--model", "own.yaml")
    assert said.code == 2
    assert re.search(says, said.text), said.text


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"dog", "boat"}, "a set has no order"),
        (b"dog, boat", "is not a list"),
        (7, "7 is not a list"),
        (True, "True is not a list"),
        ({"dog": "boat"}, "unknown keys"),
        ([], "nothing to look for"),
        ([None], "name 1 is None"),
        (["dog, boat"], "holds ','"),
        (["labels.txt"], "looks like a file"),
        (np.zeros(3), "name 1 is 0.0"),
        (Path("gone.txt"), "there is no such file"),
        (Path("good.png"), "not UTF-8"),
        ("coco", r"did you mean coco81\?"),
        (None, "vocabulary"),
    ],
)
def test_arguments_that_are_refused(value: object, says: str, good: Path) -> None:
    with pytest.raises(ZerosegError, match=says) as raised:
        ZeroShotSegmenter.from_config(content(), vocabulary=value)
    assert isinstance(raised.value, VocabularyError) or value is None


@pytest.mark.parametrize(
    "value",
    [
        (name for name in ("dog", "boat")),
        np.array(["dog", "boat"]),
        {"dog": 1, "boat": 2}.keys(),
        {1: "dog", 2: "boat"},
        "dog; boat",
    ],
)
def test_arguments_that_are_understood(value: Any, good: Path) -> None:
    result = ZeroShotSegmenter.from_config(content(), vocabulary=value).segment(good)
    assert result.vocabulary.names == ("background", "dog", "boat")
    assert (result.label_map == 1).float().mean() == 0.5
