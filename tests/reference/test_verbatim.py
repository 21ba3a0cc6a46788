"""The published reading of texts, against the rules told slowly, and in both refiners."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.refinement.test_refused import Refuses
from zeroseg.reference import ReferencePostRefiner, ReferencePreRefiner
from zeroseg.reference.verbatim import read_answer, read_labels, tagged, told
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.testing import PostRefinerContract, PreRefinerContract, ScriptedChat
from zeroseg.values import DISTRACTOR, UNRESOLVED, Description, Selection, Tag
from zeroseg.vocabularies import DRAM, VOC2012
from zeroseg.vocabulary import Vocabulary


def describe(*tags: str, caption: str | None = None) -> Description:
    return Description(tuple(Tag(tag, 0.9) for tag in tags), caption)


def selected(answer: str, described: Description) -> Selection:
    chat = ScriptedChat([answer])
    [selection] = ReferencePreRefiner(chat, tips=False)([described], VOC2012)
    return selection


def slow(described: Description, answer: str) -> set[str]:
    """The kept labels: tags and caption and answer as one string, cut, and looked up one by one."""
    text = ""
    for position, tag in enumerate(described.tags):
        text += (", " if position else "") + tag.name
    if described.caption is not None:
        text += ": " + described.caption
    text = text + ", " + answer
    kept = set()
    while text:
        item, _, text = text.partition(", ")
        for name in VOC2012.names:
            if item == name and name != "background":
                kept.add(name)
    return kept


class TestVerbatimPreRefiner(PreRefinerContract):
    def part(self) -> PreRefiner:
        return ReferencePreRefiner(ScriptedChat(["dog, person"]))

    def test_the_last_tag_is_lost_to_the_caption(self) -> None:
        described = describe("dog", "boat", caption="a dog in a boat")
        assert told(described) == "dog, boat: a dog in a boat"
        assert selected("none", described).prompts == ("dog",)
        assert selected("none", describe("dog", "boat")).prompts == ("boat", "dog")

    def test_the_answer_only_adds(self) -> None:
        assert selected("cat", describe("dog", "x", caption="a dog")).prompts == ("cat", "dog")

    @pytest.mark.parametrize(
        ("answer", "names"),
        [
            ("person, dog", ("dog", "person")),
            ("Person, dog.", ()),
            ("dog\n", ()),
            ("dog,cat", ()),
            ("potted plant, tv monitor", ()),
            ("potted-plant, cats, cat", ("cat", "potted-plant")),
            ("background, spaceship, cat", ("cat",)),
            ('{"labels": ["dog"]}', ()),
            ("", ()),
        ],
    )
    def test_only_names_letter_for_letter_count(self, answer: str, names: tuple[str, ...]) -> None:
        selection = selected(answer, describe("hound"))
        assert selection.prompts == names
        assert [VOC2012.names[label] for label in selection.labels] == list(names)

    def test_tags_are_as_strict(self) -> None:
        described = describe("potted plant", "Dog", "cat", "boat", caption="a cat, sheep, cows")
        assert selected("none", described).prompts == ("cat", "sheep")

    def test_equals_the_rules_told_slowly(self) -> None:
        words = ["dog", "Dog", "potted plant", "potted-plant", "a cat, sheep", "background", ""]
        for tags in itertools.permutations([word for word in words if word], 2):
            for caption, answer in itertools.product((None, *words), words):
                described = describe(*tags, caption=caption)
                assert set(selected(answer, described).prompts) == slow(described, answer)

    def test_what_is_dropped_is_kept_in_the_record(self) -> None:
        [exchange] = selected("Dog, cat, spaceship", describe("hound")).exchanges
        assert exchange.dropped == ("Dog", "spaceship")

    def test_no_schema_is_sent_along(self) -> None:
        chat = ScriptedChat(["dog"])
        ReferencePreRefiner(chat)([describe("hound")], DRAM)
        assert chat.asked[0].schema is None

    def test_an_answer_without_class_is_asked_again_unless_it_is_none(self) -> None:
        for answer, asked in (("", 2), ("Dog", 2), ("none", 1), ("dog", 1)):
            chat = ScriptedChat([answer])
            ReferencePreRefiner(chat, retries=1)([describe("hound")], DRAM)
            assert len(chat.asked) == asked

    def test_an_answer_is_not_asked_for_again_by_default(self) -> None:
        chat = ScriptedChat(["Dog"])
        ReferencePreRefiner(chat)([describe("hound")], DRAM)
        assert len(chat.asked) == 1

    def test_a_class_of_several_words_is_asked_for_by_its_name_alone(self) -> None:
        wordy = Vocabulary.from_names(
            ["dog", "boat"], words={"dog": ["puppy"]}, distractors=["frame"]
        )
        [selection] = ReferencePreRefiner(ScriptedChat(["dog"]))([describe("hound")], wordy)
        assert selection.prompts == ("dog", "frame")
        assert selection.labels == (wordy.index("dog"), DISTRACTOR)

    def test_where_the_question_is_refused_there_are_the_tags(self) -> None:
        [selection] = ReferencePreRefiner(Refuses("cat"))([describe("cat", "puppy")], DRAM)
        assert selection.prompts == ("cat",)
        assert [exchange.refused for exchange in selection.exchanges] == ["held back"]


MEANS = {"puppy": "dog", "kitty": "Cat", "rock": "background", "vase": "potted-plant."}


def knows(asked: str) -> str:
    return MEANS.get(asked, asked)


class TestVerbatimPostRefiner(PostRefinerContract):
    def part(self) -> PostRefiner:
        def reply(conversation):  # type: ignore[no-untyped-def]
            phrase = json.loads(conversation.messages[-1].content.split("\n")[1])
            return knows(phrase).replace("potted plant", "potted-plant")

        self.chat = ScriptedChat(reply)
        return ReferencePostRefiner(self.chat, retries=1)

    def test_only_names_letter_for_letter_count(self) -> None:
        found = self.part()(["puppy", "kitty", "rock", "vase", "dog", "Dogs", ""], DRAM)
        dog = DRAM.index("dog")
        none = UNRESOLVED
        assert found.labels == (dog, none, DRAM.background, none, dog, none, none)
        assert {word for e in found.exchanges for word in e.dropped} == {
            "Cat",
            "potted-plant.",
            "Dogs",
        }

    def test_each_phrase_is_asked_by_itself_without_schema(self) -> None:
        part = self.part()
        part(["puppy", "dog", "kitty"], DRAM)
        lines = [c.messages[-1].content.split("\n")[1] for c in self.chat.asked]
        assert lines == ['"kitty"', '"puppy"']
        assert all(c.schema is None for c in self.chat.asked)
        system = self.chat.asked[0].messages[0].content
        assert f"The classes are: {', '.join(sorted(DRAM.names))}" in system
        assert "$" not in system
        assert "number" not in system

    def test_phrases_are_asked_about_as_they_are(self) -> None:
        chat = ScriptedChat(["dog"] * 5)
        phrases = ["dog-sheep", "dog sheep", "-sheep", "Sheep", "potted - plant"]
        ReferencePostRefiner(chat)(phrases, DRAM)
        lines = {c.messages[-1].content.split("\n")[1] for c in chat.asked}
        assert lines == {'"dog-sheep"', '"dog sheep"', '"-sheep"', '"Sheep"', '"potted-plant"'}

    def test_a_rejected_answer_sticks_and_an_empty_one_is_asked_again(self) -> None:
        chat = ScriptedChat(["", "", "dog", "Cat"])
        part = ReferencePostRefiner(chat)
        assert part(["puppy"], DRAM).labels == (DRAM.index("dog"),)
        assert part(["kitty"], DRAM).labels == (UNRESOLVED,)
        assert part(["kitty", "puppy"], DRAM).labels == (UNRESOLVED, DRAM.index("dog"))
        assert len(chat.asked) == 4

    def test_a_refused_phrase_is_unresolved_and_the_others_are_not(self) -> None:
        part = ReferencePostRefiner(Refuses("gizmo"))
        assert part(["gizmo", "puppy"], DRAM).labels == (UNRESOLVED, DRAM.index("dog"))


def test_reading_alone() -> None:
    assert read_labels("dog, none, Dog", DRAM).dropped == ("Dog",)
    assert read_labels("none", DRAM).empty
    assert not read_labels("dog, none", DRAM).empty
    assert read_answer("none", DRAM).dropped == ()
    assert read_answer("", DRAM).labels == {}
    assert read_answer(" dog", DRAM).labels == {0: UNRESOLVED}


@pytest.mark.parametrize(
    "text",
    [
        "<think>cat, boat, dog.</think>\n\ndog, person",
        "cat, sheep</think>dog, person",
        "<answer>dog, person</answer>",
        r"\boxed{\text{dog, person}}",
        "cat, boat\n\nFinal answer: dog, person",
        "```\ndog, person\n```",
    ],
)
def test_thoughts_and_wrappers_are_no_part_of_an_answer(text: str) -> None:
    assert [VOC2012.names[label] for label in read_labels(text, VOC2012).labels] == [
        "dog",
        "person",
    ]
    alone = text.replace("dog, person", "dog")
    assert read_answer(alone, VOC2012).labels == {0: VOC2012.index("dog")}


def test_a_caption_is_read_as_it_stands() -> None:
    described = describe("dog", caption="a sign, Answer: cat, boat</think>, cat")
    assert [VOC2012.names[label] for label in tagged(described, VOC2012)] == ["cat"]
