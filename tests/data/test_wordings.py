"""Words of published lists: they change what is asked, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.miniatures import MINIATURES
from zeroseg.data.catalog import open_data
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.voc2012 import Voc2012
from zeroseg.data.wordings import worded, wordings
from zeroseg.errors import VocabularyError, ZerosegError
from zeroseg.vocabularies import COCO81, DRAM, VOC2012

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
    assert wordings("voc20", VOC2012) == ("names", "compiled", "segearth", "sclip")
    assert wordings("dram", DRAM) == ("names", "compiled")
    with pytest.raises(ZerosegError, match=r"dram has no words 'sclip'; there are names, compiled"):
        open_data("dram", MINIATURES["dram"](tmp_path / "dram", 5), words="sclip")
    with pytest.raises(ZerosegError, match=r"own has no words 'sclip'; .*class files \(\.yaml\)"):
        open_data("folder", MINIATURES["folder"](tmp_path / "own", 1), words="sclip")


@pytest.mark.parametrize("name", [*SETS, "dram", "cityscapes", "ade20k", "coco81"])
def test_added_words_of_every_data_set(name: str, tmp_path: Path) -> None:
    root = MINIATURES[name](tmp_path, 1)
    plain, added = open_data(name, root), open_data(name, root, words="compiled")
    assert added.describe()["words"] == "compiled"
    for field in ("names", "ids", "colors", "background", "aliases", "exhaustive"):
        assert getattr(added.vocabulary, field) == getattr(plain.vocabulary, field)
    assert sum(map(len, added.vocabulary.words)) > len(plain.vocabulary) / 2
    assert not (plain.vocabulary.exhaustive and added.vocabulary.distractors)


def test_words_of_a_file_are_taken_by_the_names_of_classes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("{classes: [Dog, unicorn], words: {Dog: [hound]}, distractors: [wolf]}")
    scenes = DrawnScenes("drawn", count=1, size=(64, 64), seed=0, batch_size=1)
    assert "words" not in scenes.describe()
    scenes.ask_with(str(file))
    dog = scenes.vocabulary.index("dog")
    assert (scenes.vocabulary.words[dog], scenes.vocabulary.distractors) == (("hound",), ("wolf",))
    assert scenes.describe()["words"] == str(file)
    file.write_text("{classes: [Dog], words: {Dog: [cat]}}")
    with pytest.raises(VocabularyError, match="'cat' would mean 'cat' and 'dog'"):
        scenes.ask_with(str(file))
    file.write_text("[unicorn]")
    with pytest.raises(VocabularyError, match="'mine' has words for none of"):
        scenes.ask_with(str(file))
