"""What is proposed becomes words of one class each; the rest is left out with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zeroseg.compiling.compiled import Compiled, compile_words
from zeroseg.compiling.proposals import Proposal, Proposed, Relation
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["dog", "cat", "fence", "wall-other", "boat"])


def said(*told: tuple[str, Relation, str], classes: Vocabulary = CLASSES) -> Proposed:
    return Proposed(tuple(Proposal(classes.index(n), r, w, "a test") for n, r, w in told))


def settled(
    *told: tuple[str, Relation, str], classes: Vocabulary = CLASSES, **options: int
) -> Compiled:
    return compile_words(classes, [said(*told, classes=classes)], **options)


def words(compiled: Compiled, name: str) -> tuple[str, ...]:
    return compiled.vocabulary.words[compiled.vocabulary.index(name)]


def left_out(compiled: Compiled) -> dict[str, str]:
    return {proposal.text: why for proposal, why in compiled.left_out}


def test_words_are_added_and_the_name_stays_first() -> None:
    found = settled(
        ("dog", "same", "canine"), ("dog", "narrower", "puppy"), ("boat", "same", "ship")
    )
    assert words(found, "dog") == ("canine", "puppy") and words(found, "boat") == ("ship",)
    assert found.vocabulary.prompts == CLASSES.prompts
    assert replace(found.vocabulary, words=()) == CLASSES
    assert [p.text for p in found.kept] == ["canine", "puppy", "ship"] and not found.left_out


def test_what_a_class_is_called_already_is_no_word() -> None:
    found = settled(
        ("dog", "same", "Dogs"), ("dog", "same", "hound"), ("dog", "narrower", "hounds")
    )
    assert words(found, "dog") == ("hound",) and not found.left_out


def test_a_word_of_two_classes_is_left_out_of_both() -> None:
    found = settled(("fence", "same", "barricade"), ("wall-other", "same", "barricades"))
    assert not any(found.vocabulary.words)
    assert left_out(found) == {
        "barricade": "it would mean wall-other, too",
        "barricades": "it would mean fence, too",
    }


def test_another_word_for_one_beats_a_kind_of_the_other() -> None:
    found = settled(("fence", "narrower", "barricade"), ("wall-other", "same", "barricade"))
    assert words(found, "wall-other") == ("barricade",) and words(found, "fence") == ()
    assert left_out(found) == {"barricade": "it would mean wall-other, too"}


def test_the_background_gets_none() -> None:
    background = Proposal(CLASSES.background, "same", "rest", "a test")
    kind = Proposal(CLASSES.background, "stuff", "", "a test")
    found = compile_words(CLASSES, [Proposed((background, kind))])
    assert found.vocabulary == CLASSES
    assert {why for _, why in found.left_out} == {"the background is never asked for"}


def test_there_are_no_more_words_than_wanted() -> None:
    found = settled(*(("dog", "same", f"w{i}x") for i in range(5)), most=2)
    assert words(found, "dog") == ("w0x", "w1x")
    assert set(left_out(found).values()) == {"the class has 2 more words already"}


def test_a_wording_is_the_name_spelled_out_and_any_other_a_word() -> None:
    found = settled(("wall-other", "wording", "wall"), ("boat", "wording", "ship"))
    assert found.vocabulary.prompts[CLASSES.index("wall-other")] == "wall"
    assert found.vocabulary.prompts[CLASSES.index("boat")] == "boat"
    assert words(found, "boat") == ("ship",)
    both = Vocabulary.from_names(["wall-other", "wall-stuff"])
    twice = settled(
        ("wall-other", "wording", "wall"), ("wall-stuff", "wording", "wall"), classes=both
    )
    assert twice.vocabulary.prompts[1:] == ("wall", "wall stuff")
    assert left_out(twice) == {"wall": "it would mean wall-other, too"}


def test_look_alikes_are_pairs_or_distractors() -> None:
    found = settled(
        ("dog", "looks like", "cats"),
        ("cat", "looks like", "dog"),
        ("dog", "looks like", "wolf"),
        ("dog", "same", "zq"),
        ("cat", "looks like", "zq"),
        ("boat", "looks like", "wolves"),
    )
    assert found.vocabulary.look_alikes == ((CLASSES.index("dog"), CLASSES.index("cat")),)
    assert found.vocabulary.distractors == ("wolf",)
    assert left_out(found) == {"zq": "it is a word for dog"}
    few = settled(*(("dog", "looks like", f"w{i}x") for i in range(4)), most_distractors=1)
    assert few.vocabulary.distractors == ("w0x",) and len(few.left_out) == 3


def test_where_every_pixel_is_of_a_class_nothing_is_left_to_distractors() -> None:
    every = replace(CLASSES, exhaustive=True)
    found = settled(("dog", "looks like", "wolf"), ("dog", "looks like", "cat"), classes=every)
    assert found.vocabulary.distractors == () and len(found.vocabulary.look_alikes) == 1
    assert "every pixel is of a class" in left_out(found)["wolf"]


@pytest.mark.parametrize("stuff", [(), (1,)])
def test_kinds_are_told_where_the_list_does_not(stuff: tuple[int, ...]) -> None:
    classes = replace(CLASSES, stuff=stuff)
    found = settled(
        ("wall-other", "stuff", ""),
        ("boat", "thing", ""),
        ("boat", "stuff", ""),  # said second
        classes=classes,
    )
    assert found.vocabulary.stuff == (stuff or (CLASSES.index("wall-other"),))


def test_what_the_list_has_stays_first() -> None:
    given = replace(CLASSES, words=((), ("hound",), *((),) * 4), distractors=("wolf",))
    found = settled(
        ("dog", "same", "canine"), ("cat", "same", "hound"), ("cat", "same", "wolf"), classes=given
    )
    assert words(found, "dog") == ("hound", "canine") and words(found, "cat") == ()
    assert left_out(found)["wolf"] == "it would mean what is none of the classes, too"


def test_nothing_proposed_is_nothing_changed() -> None:
    found = compile_words(CLASSES, [Proposed((), {1: "no answer"})])
    assert found.vocabulary == CLASSES and found.unanswered == ((1, "no answer"),)
