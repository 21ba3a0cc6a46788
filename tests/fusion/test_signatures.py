"""Signatures in a file: what is written is read back, and only what fits is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from tests.fusion.signature_parts import CLASSES, COW, SHEEP, SKY, SOURCE, known
from zeroseg.errors import CalibrationError
from zeroseg.fusion.signatures import Signatures, as_written
from zeroseg.vocabulary import Vocabulary


@pytest.mark.parametrize("background", [None, 0.25])
def test_what_is_written_is_read_back(background: float | None, tmp_path: Path) -> None:
    path = tmp_path / "signatures.yaml"
    written = known(background)
    written.to_yaml(path)
    read = Signatures.from_yaml(path)
    for name in ("source", "pictures", "total", "background", "words", "fewest"):
        assert getattr(read, name) == getattr(written, name)
    for name in ("places", "usual", "clear"):
        assert torch.equal(getattr(read, name), getattr(written, name))
    assert read.words["sky"] == ("sky", "clouds")
    assert yaml.safe_load(path.read_text())["signatures"]["classes"]["cow"]["usual"] == {
        "cow": 0.8,
        "sheep": 0.7,
    }


def test_files_stay_readable_with_many_classes() -> None:
    rows = torch.linspace(0, 1, 100).repeat(100, 1)
    kept = as_written(rows)
    assert (kept > 0).sum(1).unique().tolist() == [20]
    assert kept[0, -1] == 1
    assert as_written(torch.tensor([[0.12345, 0.004]])).tolist() == [[pytest.approx(0.123), 0.0]]


def test_shares_and_what_is_known() -> None:
    signatures = replace(known(), places=torch.tensor([0, 1999, 2000, 50_000]))
    assert signatures.share[SKY] == 0.5
    assert signatures.known.tolist() == [False, False, True, True]
    assert (COW, SHEEP) == (1, 2)


def test_other_words_are_refused() -> None:
    known().require(CLASSES)
    other = Vocabulary.from_names(["background", "cow", "sheep", "grass", "tree"])
    with pytest.raises(CalibrationError, match=r"list is background, cow, .*\(5 in all"):
        known().require(other)
    plain = Vocabulary.from_names(["background", "cow", "sheep", "sky"])
    with pytest.raises(CalibrationError, match=r"'sky' is for the words \['sky', 'clouds'\], but"):
        known().require(plain)
    with pytest.raises(CalibrationError, match="run zeroseg calibrate --signatures with this one"):
        known().require(replace(CLASSES, distractors=("tree",)))


def test_another_source_is_refused() -> None:
    known().require_source(SOURCE)
    with pytest.raises(CalibrationError, match=r"detector\.class was 'Sam3' and is 'Owlv2'"):
        known().require_source({**SOURCE, "detector": {"class": "Owlv2"}})
    with pytest.raises(CalibrationError, match="dense_scorer was None and is ClipSeg"):
        known().require_source({**SOURCE, "dense_scorer": {"class": "ClipSeg"}})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pictures": -1}, "signatures.pictures: -1 is not a whole number"),
        ({"background": 1.5}, r"signatures.background: 1.5 is not in \[0, 1\]"),
        ({"classes": {}}, "no mapping from classes"),
        ({"source": None}, "expected a mapping of detector, dense_scorer, fusion"),
        ({"more": 1}, "expected a mapping of source, pictures"),
    ],
)
def test_files_of_other_content_are_refused(
    changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "signatures.yaml"
    known().to_yaml(path)
    content = yaml.safe_load(path.read_text())
    content["signatures"].update(changes)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(CalibrationError, match=said):
        Signatures.from_yaml(path)


def test_signatures_of_strangers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "signatures.yaml"
    known().to_yaml(path)
    text = path.read_text()
    path.write_text(text.replace("sheep: 0.7", "goat: 0.7"))
    with pytest.raises(CalibrationError, match="expected scores of the classes"):
        Signatures.from_yaml(path)
    path.write_text(text.replace("sheep: 0.7", "sheep: many"))
    with pytest.raises(CalibrationError, match="the score of sheep: 'many' is not a number"):
        Signatures.from_yaml(path)
    with pytest.raises(CalibrationError, match="zeroseg calibrate --signatures writes such files"):
        Signatures.from_yaml(tmp_path / "gone.yaml")
