"""A language model that is asked only where rules leave two classes close to each other."""

from __future__ import annotations

import copy

import pytest

from zeroseg.refinement.certainty import Certainty
from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.testing import PostRefinerContract, ScriptedChat
from zeroseg.values import UNRESOLVED, Description, Tag
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary

NESTED = Vocabulary.from_names(["background", "dog", "animal", "boat", "chair"])
DOG, ANIMAL, BOAT, _ = range(1, 5)


class TestAsTieBreaker(PostRefinerContract):
    def part(self) -> LLMPostRefiner:
        return LLMPostRefiner(ScriptedChat(["1: none"]), margin=1)


class TestSettling:
    @pytest.mark.parametrize(
        ("phrase", "margin", "label"),
        [
            ("puppy", 0, DOG),
            ("small brown puppies", 0, DOG),
            ("puppy", 5, None),  # an animal, too
            ("kitten", 5, ANIMAL),
            ("dog", 5, DOG),  # a class by its name is no question
            ("lamp", 0, UNRESOLVED),
            ("qwertz", 0, None),
            ("dog qwertz", 0, None),
            ("dog boat", 0, BOAT),
            ("dog boat", 1, None),
            ("puppy on a boat", 0, None),  # a step to the dog, and the boat stands a step behind
            ("dog on a boat", 0, DOG),
            ("elephant on a boat", 0, None),
            ("cat dog", 0, DOG),
            ("no dog", 0, None),
            ("", 0, None),
        ],
    )
    def test_a_class_that_is_nearer_by_more_than_the_margin(
        self, phrase: str, margin: int, label: int | None
    ) -> None:
        assert matcher_of(NESTED).settle(phrase, margin) == label

    def test_what_is_settled_is_what_the_rules_say(self) -> None:
        matcher = matcher_of(DRAM)
        words = list(matcher.thesaurus.concept_of)
        settled = {word: matcher.settle(word, 0) for word in words}
        told = {word: label for word, label in settled.items() if label is not None}
        rules = LexicalPostRefiner()(list(told), DRAM).labels
        assert list(told.values()) == list(rules)
        assert len(told) > 0.9 * len(words)


def test_only_ties_and_unknown_words_are_asked_about() -> None:
    chat = ScriptedChat(["1: boat\n2: dog"])
    part = LLMPostRefiner(chat, margin=1, tips=False)
    phrases = ["puppy", "dog boat", "lamp", "qwertz", "dog"]
    labels = part(phrases, NESTED).labels
    [question] = chat.asked
    assert question.messages[1].content.split("\n")[1:] == ['1. "dog boat"', '2. "qwertz"']
    assert labels == (DOG, BOAT, UNRESOLVED, DOG, DOG)
    assert part.skipped == 2
    assert copy.deepcopy(part).skipped == 2


def test_without_a_margin_every_phrase_is_asked_about() -> None:
    chat = ScriptedChat(["1: dog\n2: none\n3: boat\n4: none"])
    part = LLMPostRefiner(chat)
    part(["puppy", "dog boat", "lamp", "qwertz", "dog"], NESTED)
    assert chat.asked[0].messages[1].content.count("\n") == 4
    assert part.skipped == 0


def test_where_nothing_is_left_nothing_is_asked() -> None:
    chat = ScriptedChat([""])
    told = LLMPostRefiner(chat, margin=0)(["puppy", "lamp"], NESTED)
    assert (told.labels, told.exchanges, chat.asked) == ((DOG, UNRESOLVED), (), [])


def test_the_gate_takes_the_nearest_class_where_the_margin_lets_it() -> None:
    puppy = Description((Tag("puppy", 0.9),))
    assert Certainty(NESTED).labels(puppy) is None
    assert Certainty(NESTED, 5).labels(puppy) is None
    assert Certainty(NESTED, 0).labels(puppy) == (DOG,)
    chat = ScriptedChat(["animal"])
    [asked] = LLMPreRefiner(chat, gate=True)([puppy], NESTED)
    [spared] = LLMPreRefiner(chat, gate=True, margin=0)([puppy], NESTED)
    assert (asked.labels, spared.labels, len(chat.asked)) == ((ANIMAL,), (DOG,), 1)


def test_a_negative_margin() -> None:
    for kind in (LLMPreRefiner, LLMPostRefiner):
        with pytest.raises(ValueError, match="margin -1"):
            kind(ScriptedChat([""]), margin=-1)  # type: ignore[operator]
