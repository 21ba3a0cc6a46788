"""Which words a class can have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zeroseg.compiling.proposals import Proposal, Relation
from zeroseg.compiling.rules import NEVER, Rules, bare, doubts, respells
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(
    ["dog", "cat", "chair", "stool", "tree", "palm", "house", "wall-other", "person"],
    aliases={"person": ["human"]},
)


def objection(name: str, text: str, relation: Relation = "same") -> str:
    return Rules(CLASSES).objection(Proposal(CLASSES.index(name), relation, text, "a test"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dog", "canine"),
        ("dog", "Puppies"),
        ("dog", "dogs"),
        ("stool", "bar stool"),  # the thesaurus has it under chair, which knows no stools
        ("palm", "palm tree"),
        ("tree", "willow"),
        ("person", "human"),
        ("cat", "snorgle"),  # nobody knows
        ("dog", "chien"),
        ("dog", "犬"),
    ],
)
def test_words_that_a_class_can_have(name: str, text: str) -> None:
    assert objection(name, text) == ""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("dog", "cat", "it is the class cat"),
        ("dog", "Humans", "it is the class person"),
        ("dog", "kitten", "the thesaurus counts it as cat"),
        ("stool", "armchair", "the thesaurus counts it as chair"),
        ("dog", "dog house", "its last word is the class house"),
        ("dog", "dog collar", "the thesaurus has it as no dog"),
        ("chair", "bar stool", "its last word is the class stool"),
        ("dog", "animal", "it means more than dog"),
        ("dog", "mammals", "it means more than dog"),
        ("cat", "furniture", "it means more than cat"),
        ("dog", "background", "it means the background"),
        ("dog", "Nothing", "it means the background"),
        ("dog", "", "it is no word"),
        ("dog", "two\nlines", "it is no word"),
        ("dog", "d\x1b[31mog", "it is no word"),
        ("dog", "x" * 300, "it is no word"),
        ("dog", "an animal that likes to bark", "more than 4 words"),
        ("dog", "dog, cat", "it is no plain word"),
        ("dog", "[dog]", "it is no plain word"),
        ("dog", "dog # no", "it is no plain word"),
        ("dog", "hund: *a", "it is no plain word"),
        ("background", "wall", NEVER),
    ],
)
def test_words_that_it_cannot_have(name: str, text: str, says: str) -> None:
    assert says in objection(name, text)


def test_look_alikes_claim_nothing_that_a_class_could_mean() -> None:
    assert objection("dog", "wolf", "looks like") == ""
    assert objection("dog", "cat", "looks like") == ""  # a pair
    assert "counts it as cat" in objection("dog", "kitten", "looks like")
    assert "could mean dog" in objection("dog", "animal", "looks like")
    assert "means the background" in objection("dog", "void", "looks like")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("baby carriage", "babycarriage"),
        ("potted plant", "Potted-Plant"),
        ("stone floor", "floor-stone"),
        ("wall", "wall-other"),
        ("flowerpot", "pot (flowerpot)"),
    ],
)
def test_a_wording_spells_the_name(text: str, name: str) -> None:
    assert respells(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("computer mouse", "mouse"), ("plant", "potted-plant"), ("ship", "boat"), ("", "other")],
)
def test_and_is_no_other_word(text: str, name: str) -> None:
    assert not respells(text, name)


def test_a_name_of_qualifiers_alone_stays() -> None:
    assert (bare("other"), bare("wall-other"), bare("Stuff_other")) == (
        "other",
        "wall",
        "stuff other",
    )


def test_a_file_is_held_against_the_same_rules() -> None:
    dog, chair = CLASSES.index("dog"), CLASSES.index("chair")
    words = {dog: ("puppy", "animal"), chair: ("bar stool",), CLASSES.background: ("rest",)}
    file = replace(
        CLASSES,
        words=tuple(words.get(i, ()) for i in range(len(CLASSES))),
        prompts=tuple("hound" if i == dog else own for i, own in enumerate(CLASSES.prompts)),
        distractors=("wolf", "kitten"),
    )
    found = {(label, word): why for label, word, why in doubts(file)}
    assert set(found) == {
        *((dog, word) for word in ("hound", "animal")),
        *((chair, "bar stool"), (CLASSES.background, "rest"), (None, "kitten")),
    }
    assert "instead of 'dog'" in found[dog, "hound"]
    assert "its last word is the class stool" in found[chair, "bar stool"]
    assert not list(doubts(CLASSES))
    [(label, word, why)] = doubts(replace(CLASSES, exhaustive=True, distractors=("wolf",)))
    assert (label, word) == (None, "wolf") and "every pixel" in why
