"""Words of published lists: they change what is asked, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.miniatures import MINIATURES
from zeroseg.data.catalog import open_data
from zeroseg.data.voc2012 import Voc2012
from zeroseg.data.wordings import worded, wordings
from zeroseg.errors import ZerosegError
from zeroseg.vocabularies import COCO81, VOC2012

SETS = ("voc2012", "voc20", "context60", "context59", "coco-object", "coco-stuff")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("words", ["segearth", "sclip"])
def test_every_list_of_every_data_set(name: str, words: str, tmp_path: Path) -> None:
    root = MINIATURES[name](tmp_path, 1)
    plain, other = open_data(name, root), open_data(name, root, words=words)
    assert (plain.describe()["words"], other.describe()["words"]) == ("names", words)
    for field in ("names", "ids", "colors", "background", "stuff", "aliases"):
        assert getattr(other.vocabulary, field) == getattr(plain.vocabulary, field)
    assert (other.scored, len(other.dataset)) == (plain.scored, len(plain.dataset))
    with_words = words == "sclip" and name in ("voc2012", "coco-object")
    assert bool(other.vocabulary.distractors) is with_words


def test_words_of_classes_and_of_the_background() -> None:
    vocabulary = worded(VOC2012, "voc2012", "sclip")
    boat, person = VOC2012.index("boat"), VOC2012.index("person")
    assert (vocabulary.prompts[boat], vocabulary.words[boat]) == ("ship", ())
    assert vocabulary.prompts[person] == "person"
    assert vocabulary.words[person][0] == "person in shirt" and len(vocabulary.words[person]) == 6
    assert len(vocabulary.distractors) == 26 and vocabulary.distractors[0] == "sky"
    listed = worded(COCO81, "coco-object", "sclip").distractors
    assert "bed" not in listed and len(listed) == 25
    assert worded(VOC2012, "voc2012", "names") is VOC2012


def test_the_last_choice_holds(tmp_path: Path) -> None:
    data = Voc2012(MINIATURES["voc2012"](tmp_path, 1))
    data.ask_with("sclip")
    data.ask_with("segearth")
    assert data.vocabulary == worded(VOC2012, "voc2012", "segearth")
    data.ask_with("names")
    assert data.vocabulary == VOC2012


def test_what_there_is_not(tmp_path: Path) -> None:
    assert wordings("voc20") == ("names", "segearth", "sclip")
    assert wordings("dram") == ("names",)
    with pytest.raises(ZerosegError, match=r"dram has no words 'sclip'; there are names$"):
        open_data("dram", MINIATURES["dram"](tmp_path / "dram", 5), words="sclip")
    with pytest.raises(ZerosegError, match="whose vocabulary is its own"):
        open_data("folder", MINIATURES["folder"](tmp_path / "own", 1), words="sclip")
