"""The added words that come with the package: whose each is, and that they change nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import zeroseg
from zeroseg.compiling.rules import doubts
from zeroseg.errors import VocabularyError
from zeroseg.refinement.class_names import ClassNames
from zeroseg.vocabularies import VOC2012, by_name, compiled
from zeroseg.vocabulary import Vocabulary

FOLDER = Path(zeroseg.__file__).parent / "class_lists" / "compiled"
FILES = sorted(FOLDER.glob("*.yaml"))
WANTED = "dram voc2012 context60 cityscapes coco81 coco-stuff ade20k drawn drawn-all".split()


def test_there_are_words_for_these() -> None:
    assert {file.stem for file in FILES} >= set(WANTED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
class TestCompiledList:
    def test_it_keeps_the_list_and_the_rules(self, file: Path) -> None:
        plain, added = (Vocabulary.parse(name) for name in (file.stem, f"{file.stem}-compiled"))
        same = {"prompts": plain.prompts, "words": plain.words, "stuff": plain.stuff}
        assert replace(added, **same, distractors=(), look_alikes=()) == plain
        assert compiled(plain) == added
        assert by_name(added) == by_name(replace(plain, stuff=added.stuff))
        assert not list(doubts(added))

    def test_every_word_says_whose_it_is(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        words = [line for line in text.splitlines() if re.match(r" +(- |.*: \w)", line)]
        assert len(words) > 20
        assert [w for w in words if not re.search(r"# .*\b(thesaurus|hand|drawn world)$", w)] == []
        assert len(text) < 30_000

    def test_the_words_lead_to_their_class(self, file: Path) -> None:
        added = Vocabulary.parse(f"{file.stem}-compiled")
        names = ClassNames(added)
        for label, words in enumerate(added.words):
            assert [names.find(word) for word in words] == [label] * len(words)


def test_a_part_of_a_list_has_its_words_and_another_list_of_its_name_none() -> None:
    part = Vocabulary.from_names(["dog", "sofa"], name="voc2012")
    found = compiled(part)
    assert found is not None and found.names == part.names
    assert "couch" in found.words[part.index("sofa")]
    assert compiled(Vocabulary.from_names(["dog", "unicorn"], name="voc2012")) is None
    assert compiled(Vocabulary.from_names(["dog"])) is None


def test_names_in_any_case_and_what_there_is_not() -> None:
    assert Vocabulary.parse("VOC2012-Compiled") == compiled(VOC2012)
    assert len(Vocabulary.parse(["nothing-compiled"])) == 2  # a class of that name
    with pytest.raises(VocabularyError, match="no added words for ade847; zeroseg vocabulary"):
        Vocabulary.parse("ade847-compiled")
