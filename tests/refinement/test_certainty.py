"""What is certain, and what is left to the language model."""

from __future__ import annotations

import pytest

from tests.built_in import BUILT_IN
from zeroseg.refinement.certainty import Certainty
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.values import Description, Tag
from zeroseg.vocabularies import DRAM, VOC2012
from zeroseg.vocabulary import Vocabulary


def told(*tags: str, caption: str | None = None) -> Description:
    return Description(tuple(Tag(tag, 0.9) for tag in tags), caption)


def classes(description: Description, vocabulary: Vocabulary = DRAM) -> set[str] | None:
    labels = Certainty(vocabulary).labels(description)
    return None if labels is None else {vocabulary.names[label] for label in labels}


CERTAIN = {
    "a class": (told("dog"), {"dog"}),
    "plural, spelling, article": (told("Dogs", "a potted plant"), {"dog", "potted-plant"}),
    "a kind": (told("puppy", "kitten"), {"dog", "cat"}),
    "a synonym": (told("houseplant"), {"potted-plant"}),
    "something else": (told("puppy", "sky", "mountain"), {"dog"}),
    "something else alone": (told("sky"), set()),
    "the background": (told("dog", "background"), {"dog"}),
    "a caption about the tags": (told("puppy", caption="two brown puppies"), {"dog"}),
    "a caption by itself": (told(caption="a dog and a cat on the grass"), {"dog", "cat"}),
    "a caption that adds a class": (told("dog", caption="a cat"), {"dog", "cat"}),
}
UNCERTAIN = {
    "an unknown word": told("dog", "gizmo"),
    "a wide word": told("animal"),
    "a wider word than a class": told("pet", "dog"),
    "a word that only usually means a class": told("flower"),
    "a tag with an unknown word before it": told("toy dog"),
    "an unknown noun in the caption": told("dog", caption="a dog with a gizmo"),
    "a verb that may be a noun": told("dog", caption="a dog runs"),
    "a style": told("dog", caption="an ink drawing of a dog"),
    "something missing": told("dog", caption="a dog without a cat"),
}


@pytest.mark.parametrize(("description", "expected"), CERTAIN.values(), ids=CERTAIN)
def test_what_is_certain(description: Description, expected: set[str]) -> None:
    assert classes(description) == expected


@pytest.mark.parametrize("description", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_is_not(description: Description) -> None:
    assert classes(description) is None


def test_a_word_for_two_classes_is_not_certain() -> None:
    both = Vocabulary.from_names(["dog", "animal"])
    assert classes(told("puppy"), both) is None
    assert classes(told("dog"), both) == {"dog"}
    assert classes(told("puppy"), Vocabulary.from_names(["animal"])) == {"animal"}


def test_the_vocabulary_decides_what_is_something_else() -> None:
    assert classes(told("bicycle")) == set()
    assert classes(told("bicycle"), VOC2012) == {"bicycle"}
    assert classes(told("vehicle"), VOC2012) is None  # it may be the bicycle


@pytest.mark.parametrize("vocabulary", BUILT_IN.values(), ids=BUILT_IN)
def test_every_class_is_certain_by_its_name_and_the_background_never_named(
    vocabulary: Vocabulary,
) -> None:
    certainty = Certainty(vocabulary)
    for label in range(len(vocabulary)):
        expected = (label,) if label != vocabulary.background else ()
        assert certainty.labels(told(vocabulary.names[label])) == expected


@pytest.mark.parametrize("description", [d for d, _ in CERTAIN.values()])
def test_what_is_certain_is_what_the_rules_select(description: Description) -> None:
    [selection] = LexicalPreRefiner()([description], DRAM)
    assert Certainty(DRAM).labels(description) == tuple(sorted(set(selection.labels)))
