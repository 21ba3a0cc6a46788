"""What tags name, each thing by one word."""

from __future__ import annotations

from itertools import permutations

import pytest

from zeroseg.errors import VocabularyError
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.seen_things import SeenThings, seen_vocabulary, things
from zeroseg.refinement.thesaurus import built_in_thesaurus
from zeroseg.testing import PreRefinerContract
from zeroseg.values import Description, Tag
from zeroseg.vocabulary import Vocabulary


def seen(*words: str) -> Description:
    return Description(tuple(Tag(word, 0.9) for word in words))


class TestSeenThings(PreRefinerContract):
    refines = False

    def part(self) -> PreRefiner:
        return SeenThings()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("bike", "bicycle"), ("bicycle",)),  # synonyms, by the word to ask with
        (("zorgles", "zorgle"), ("zorgle",)),  # plurals of words that nobody knows
        (("T-shirt", "t shirt"), ("t shirt",)),
        (("puppy",), ("puppy",)),
        (("puppy", "dog"), ("dog",)),  # a kind beside what it is a kind of
        (("rider", "woman", "person"), ("person",)),
        (("woman", "man"), ("woman", "man")),
        (("animal", "dog"), ("dog",)),  # a wide word says less
        (("animal", "chair"), ("animal", "chair")),
        (("plant", "vegetation"), ("plant", "vegetation")),  # each is a kind of the other
        (("other", "none", "background", "-", " . "), ()),
        ((), ()),
    ],
)
def test_each_thing_is_named_once(words: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert tuple(things(words)) == names
    for order in permutations(words):
        assert set(things(order)) == set(names)


def test_no_known_word_makes_a_thing_vanish_but_a_wide_one_with_its_kind() -> None:
    table = built_in_thesaurus()
    words = sorted(table.concept_of)
    told = things(words)
    kept = {word for own in told.values() for word in own}
    assert {table.concept_of[word] for word in words if word not in kept} <= table.generic
    assert "puppy" in told["dog"]


def test_a_prompt_is_labelled_where_the_vocabulary_has_its_class() -> None:
    classes = Vocabulary.from_names(["sky", "dog", "boat"], aliases={"dog": ["puppy"]})
    selection = SeenThings()([seen("puppy", "boats", "sky", "hat")], classes)[0]
    assert selection.prompts == ("puppy", "boat", "sky", "hat")
    assert selection.labels == (2, 3, 1, -1)
    other = Vocabulary.from_names(["hat", "other"])
    assert SeenThings()([seen("hat", "boat")], other)[0].labels == (0, -1)


def test_one_list_for_several_pictures_whatever_their_order() -> None:
    pictures = [seen("dog", "animal", "boats"), seen("puppy"), seen("puppy", "boat"), seen("bike")]
    found = seen_vocabulary(pictures)
    assert found.names == ("background", "dog", "boat", "bicycle")  # the most frequent first
    assert found.aliases == ((), ("puppy",), ("boats",), ("bike",))
    assert found.name == "seen"
    for order in permutations(pictures):
        assert seen_vocabulary(order) == found
    for own, labels in zip(pictures, ((1, 2), (1,), (1, 2), (3,)), strict=True):
        assert SeenThings()([own], found)[0].labels == labels


def test_a_wide_word_is_a_class_where_a_picture_has_no_other_for_it() -> None:
    pictures = [seen("dog", "animal"), seen("animal")]
    found = seen_vocabulary(pictures)
    assert found.names == ("background", "animal", "dog")
    assert [SeenThings()([own], found)[0].prompts for own in pictures] == [("dog",), ("animal",)]


def test_nothing_seen_is_no_vocabulary() -> None:
    for none in ([], [seen()], [seen("background")]):
        with pytest.raises(VocabularyError, match="no tag names anything"):
            seen_vocabulary(none)
