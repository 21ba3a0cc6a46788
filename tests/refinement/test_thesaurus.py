from __future__ import annotations

import pytest

from zeroseg.refinement.thesaurus import built_in_thesaurus
from zeroseg.vocabularies import COCO81


def test_every_way_ends_and_reaches_wider_concepts_nearest_first() -> None:
    thesaurus = built_in_thesaurus()
    way = [step.concept for step in thesaurus.widen("puppy")]
    assert way[:2] == ["puppy", "dog"]
    assert way.index("pet") < way.index("animal")
    for concept in set(thesaurus.concept_of.values()):
        steps = [step.concept for step in thesaurus.widen(concept)]
        assert len(set(steps)) == len(steps)


def test_the_last_common_word_is_remembered_on_the_way() -> None:
    basics = {step.concept: step.basic for step in built_in_thesaurus().widen("puppy")}
    assert basics["animal"] == "dog"
    assert basics["pet"] == "dog"


@pytest.mark.parametrize("words", [("row", "boat"), ("rowboats",), ("row", "boats")])
def test_words_are_found_in_any_form(words: tuple[str, ...]) -> None:
    assert built_in_thesaurus().find(words) == "rowboat"


def test_every_section_holds_plain_words() -> None:
    thesaurus = built_in_thesaurus()
    for word in thesaurus.concept_of:
        assert word == word.strip().lower()
        assert "-" not in word
    for things in thesaurus.settings.values():
        known = {name for name in things if thesaurus.find(tuple(name.split()))}
        known |= {name for name in things if COCO81.find(name)}
        assert known == set(things)
    assert thesaurus.generic <= set(thesaurus.concept_of.values())


def test_examples_of_a_wide_word_are_common_words() -> None:
    animals = built_in_thesaurus().narrower("animal")
    assert {"dog", "cat", "cow"} <= set(animals[:12])
    assert "mammal" not in animals
