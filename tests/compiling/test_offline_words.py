"""Words of the thesaurus, of WordNet, and kinds of published lists: no network, no model."""

from __future__ import annotations

from pathlib import Path

import pytest
import wn

from zeroseg.compiling.compiled import compile_words
from zeroseg.compiling.listed_kinds import ListedKinds
from zeroseg.compiling.proposals import Proposed
from zeroseg.compiling.rules import doubts
from zeroseg.compiling.thesaurus_words import ThesaurusWords
from zeroseg.compiling.wordnet_words import WordNetWords
from zeroseg.errors import ZerosegError
from zeroseg.vocabularies import ADE20K, COCO81, COCO_STUFF
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "cat", "sky", "wall-other", "babycarriage", "snorgle"])


def told(found: Proposed, name: str, classes: Vocabulary = CLASSES) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for own in found.proposals:
        if own.label == classes.index(name):
            words.setdefault(own.relation, []).append(own.text)
    return words


class TestThesaurus:
    found = ThesaurusWords().propose(CLASSES)

    def test_synonyms_kinds_and_what_stands_beside(self) -> None:
        assert told(self.found, "dog") == {
            "narrower": ["hound", "puppy"],
            "looks like": ["cat", "hamster", "guinea pig"],
        }
        boat = Vocabulary.from_names(["boat"])
        assert told(ThesaurusWords().propose(boat), "boat", boat)["same"] == ["ship", "vessel"]

    def test_names_that_nobody_says_are_spelled_out(self) -> None:
        assert told(self.found, "babycarriage") == {"wording": ["baby carriage"]}
        assert told(self.found, "wall-other")["wording"] == ["wall"]
        assert told(self.found, "snorgle") == {}

    @pytest.mark.parametrize("classes", [COCO81, COCO_STUFF, ADE20K])
    def test_what_comes_of_it_keeps_the_rules(self, classes: Vocabulary) -> None:
        found = compile_words(classes, [ThesaurusWords().propose(classes)])
        assert not list(doubts(found.vocabulary))
        assert sum(map(len, found.vocabulary.words)) > 50


def test_kinds_are_those_that_published_lists_agree_on() -> None:
    classes = Vocabulary.from_names(["dog", "sky", "light", "snorgle"])
    found = {own.label: own for own in ListedKinds().propose(classes).proposals}
    assert {classes.names[i]: own.relation for i, own in found.items()} == {
        "dog": "thing",
        "sky": "stuff",
    }  # a light is stuff in COCO-Stuff, and a thing in ADE20K
    assert "cityscapes" in found[classes.index("sky")].origin


NET = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.1.dtd">
<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">
  <Lexicon id="small" label="small" language="en" email="a@b" license="none" version="1">
    {entries}
    <Synset id="small-1" ili="" partOfSpeech="n" lexfile="noun.cognition" members="dog.1">
      <Definition>an idea</Definition></Synset>
    <Synset id="small-2" ili="" partOfSpeech="n" lexfile="noun.animal">
      <Definition>a member of
        the genus Canis</Definition>
      <SynsetRelation relType="hypernym" target="small-3"/>
      <SynsetRelation relType="hyponym" target="small-4"/></Synset>
    <Synset id="small-3" ili="" partOfSpeech="n" lexfile="noun.animal">
      <SynsetRelation relType="hyponym" target="small-2"/>
      <SynsetRelation relType="hyponym" target="small-5"/></Synset>
    <Synset id="small-4" ili="" partOfSpeech="n" lexfile="noun.animal">
      <SynsetRelation relType="hypernym" target="small-2"/></Synset>
    <Synset id="small-5" ili="" partOfSpeech="n" lexfile="noun.animal">
      <SynsetRelation relType="hypernym" target="small-3"/></Synset>
  </Lexicon>
</LexicalResource>"""
SENSES = {
    "dog": ("small-1", "small-2"),
    "domestic dog": ("small-2",),
    "Canis familiaris": ("small-2",),
    "canine": ("small-3",),
    "lapdog": ("small-4",),
    "wolf": ("small-5",),
}


def entry(number: int, word: str, synsets: tuple[str, ...]) -> str:
    senses = "".join(f'<Sense id="e{number}-{s}" synset="{s}"/>' for s in synsets)
    lemma = f'<Lemma writtenForm="{word}" partOfSpeech="n"/>'
    return f'<LexicalEntry id="e{number}">{lemma}{senses}</LexicalEntry>'


class TestWordNet:
    @pytest.fixture(autouse=True)
    def _own_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wn.config, "_data_directory", tmp_path)
        monkeypatch.setattr(wn.config, "_dbpath", tmp_path / "wn.db")

    def add(self, folder: Path) -> None:
        entries = (entry(i, word, synsets) for i, (word, synsets) in enumerate(SENSES.items()))
        file = folder / "net.xml"
        file.write_text(NET.format(entries="\n".join(entries)))
        wn.add(file, progress_handler=None)

    def test_the_first_sense_that_can_be_seen(self, tmp_path: Path) -> None:
        self.add(tmp_path)
        found = WordNetWords().propose(CLASSES)
        assert told(found, "dog") == {
            "same": ["domestic dog"],  # no Latin
            "narrower": ["lapdog"],
            "looks like": ["wolf"],
        }
        assert {own.origin for own in found.proposals} == {"WordNet small-2"}
        assert found.proposals[0].reason == "a member of the genus Canis"
        assert told(found, "cat") == {}

    def test_a_wordnet_has_to_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(ZerosegError, match="wn has no wordnet yet; `python -m wn download"):
            WordNetWords()
        assert not (tmp_path / "wn.db").exists()
        self.add(tmp_path)
        assert WordNetWords("small:1").net.lexicons()[0].id == "small"
        with pytest.raises(ZerosegError, match="no wordnet 'oewn'"):
            WordNetWords("oewn")
