from __future__ import annotations

import pytest

from zeroseg.refinement.words import forms, keys, segments, words_of


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("dogs", "dog"),
        ("buses", "bus"),
        ("vases", "vase"),
        ("horses", "horse"),
        ("puppies", "puppy"),
        ("ties", "tie"),
        ("calves", "calf"),
        ("knives", "knife"),
        ("gloves", "glove"),
        ("canoes", "canoe"),
        ("couches", "couch"),
        ("men", "man"),
        ("policewomen", "policewoman"),
        ("people", "person"),
        ("cacti", "cactus"),
    ],
)
def test_the_singular_is_among_the_forms(plural: str, singular: str) -> None:
    assert singular in forms(plural)
    assert forms(plural)[0] == plural


@pytest.mark.parametrize("word", ["grass", "bus", "cactus", "dog", "gas"])
def test_what_looks_like_a_plural_but_is_none_stays(word: str) -> None:
    assert forms(word) == (word,)


def test_words_lose_case_punctuation_and_possessives() -> None:
    assert words_of("A Dog\u2019s  well-known 'BOWL'.") == ("a", "dog", "well", "known", "bowl")
    assert words_of("###") == ()


def test_names_meet_with_and_without_spaces() -> None:
    assert "rowboat" in keys(("row", "boats"))
    assert keys(()) == ()


def test_sentences_are_cut_into_noun_phrases() -> None:
    found = [segment.words for segment in segments("A couple of brown dogs, and the bowl on grass")]
    assert found == [("brown", "dogs"), ("bowl",), ("grass",)]


def test_what_is_missing_is_marked() -> None:
    found = [(s.words, s.negated) for s in segments("a street without a car and two men")]
    assert found == [(("street",), False), (("car",), True), (("two", "men"), False)]
