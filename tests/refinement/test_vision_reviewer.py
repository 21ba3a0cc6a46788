"""Review of what was found, by a language model that sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.refinement.doubts import Doubt, Doubts, presence_of
from zeroseg.refinement.numbered_boxes import with_numbers
from zeroseg.refinement.reviewer import Review, followed
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.testing import (
    BoxMasks,
    ReviewerContract,
    ScriptedChat,
    ScriptedReviewer,
    blank,
    boxed,
    noise,
)
from zeroseg.values import (
    DISTRACTOR,
    UNRESOLVED,
    DenseScores,
    Detections,
    Geometry,
    Selection,
    Usage,
)
from zeroseg.vocabulary import Vocabulary

WORDS = Vocabulary.from_names(["background", "dog", "cat", "sky", "grass"], stuff=["sky", "grass"])
ALL = Selection(("dog", "cat", "sky", "grass"), (1, 2, 3, 4))
HERE, HERE_TOO, THERE = (4, 4, 24, 24), (4, 5, 24, 24), (28, 4, 46, 30)


def maps(**presence: float) -> DenseScores:
    """Dense scores of all classes with this presence, else 0."""
    told = torch.tensor([presence.get(prompt, 0.0) for prompt in ALL.prompts])
    return DenseScores(torch.ones(4, 8, 12), ALL.labels, Geometry.itself((32, 48)), told)


def asked(found: Detections, dense: DenseScores | None = None, **options: Any) -> list[Doubt]:
    return Doubts(**options).of(ALL, found, dense, WORDS)


class TestWhatIsDoubtful:
    def test_regions_of_a_class_whose_presence_is_neither_high_nor_low(self) -> None:
        found = boxed(HERE, THERE, scores=[0.9, 0.7], labels=[1, 2])
        assert asked(found, maps(dog=0.95, cat=0.5)) == [Doubt((2,), (1,))]
        both = [Doubt((1,), (0,)), Doubt((2,), (1,))]
        assert asked(found, maps(dog=0.25, cat=0.75), band=(0.25, 0.75)) == both
        assert asked(found, maps(dog=0.95, cat=0.1)) == []
        assert asked(found, maps(dog=0.95, cat=0.1), band=(0.1, 1)) != []

    def test_presence_is_that_of_detector_selection_or_best_detection(self) -> None:
        found = boxed(HERE, THERE, scores=[0.9, 0.3], labels=[1, 1])
        told = replace(ALL, presence=(0.6, 0.5, 0.4, 0.3))
        assert presence_of(ALL, found, None) == pytest.approx({1: 0.9})
        assert presence_of(told, found, None) == {1: 0.6, 2: 0.5, 3: 0.4, 4: 0.3}
        scored = maps(dog=0.25)
        assert presence_of(told, found, scored)[1] == 0.25
        assert presence_of(told, replace(found, dense=scored), maps(dog=0.75))[1] == 0.25

    def test_regions_that_two_classes_claim(self) -> None:
        sure = maps(dog=1, cat=1)
        found = boxed(HERE, HERE_TOO, scores=[0.9, 0.7], labels=[1, 2])
        assert asked(found, sure) == [Doubt((1, 2), (0, 1))]
        assert asked(found, sure, margin=0.1) == []
        assert asked(found, sure, overlap=0.99) == []
        assert asked(found.relabel(torch.tensor([1, 1])), sure) == []
        assert asked(boxed(HERE, THERE, scores=[0.9, 0.7], labels=[1, 2]), sure) == []

    def test_look_alikes_that_claim_one_place_whatever_their_scores(self) -> None:
        alike = replace(WORDS, look_alikes=((2, 1), (3, 4)))
        far = boxed(HERE, HERE_TOO, scores=[0.95, 0.3], labels=[1, 2])
        sure, doubts = maps(dog=1, cat=1, sky=1), Doubts(margin=0.1)
        assert doubts.of(ALL, far, sure, WORDS) == []
        assert doubts.of(ALL, far, sure, alike) == [Doubt((1, 2), (0, 1))]
        swapped = far.relabel(torch.tensor([2, 1]))
        assert doubts.of(ALL, swapped, sure, alike) == [Doubt((1, 2), (0, 1))]
        others = far.relabel(torch.tensor([1, 3]))
        assert doubts.of(ALL, others, sure, alike) == []
        apart = boxed(HERE, THERE, scores=[0.95, 0.3], labels=[1, 2])
        assert doubts.of(ALL, apart, sure, alike) == []

    def test_masks_have_to_cover_each_other_too(self) -> None:
        found = boxed(HERE, HERE_TOO, scores=[0.9, 0.7], labels=[1, 2])
        [masks] = BoxMasks()([blank()], [found])
        known = replace(found, masks=masks)
        assert asked(known, maps(dog=1, cat=1)) == [Doubt((1, 2), (0, 1))]
        left, right = masks.logits[0].clone(), masks.logits[1].clone()
        left[:, 14:], right[:, :14] = -1, -1
        apart = replace(known, masks=replace(masks, logits=torch.stack([left, right])))
        assert asked(apart, maps(dog=1, cat=1)) == []

    def test_classes_that_a_dense_map_alone_speaks_for(self) -> None:
        found = boxed(HERE, scores=[0.9], labels=[1])
        scored = maps(dog=0.9, sky=0.5, grass=0.9)
        assert asked(found, scored) == [Doubt((3,))]
        assert asked(found, replace(scored, presence=None)) == []

    def test_the_best_regions_first_and_no_more_than_allowed(self) -> None:
        boxes = [(x, 0, x + 4, 4) for x in range(0, 40, 5)]
        found = boxed(*boxes, scores=[0.9 - 0.1 * i for i in range(8)], labels=[1] * 8)
        assert [own.regions for own in asked(found, maps(dog=0.5), most=3)] == [(0,), (1,), (2,)]

    def test_what_has_no_class_is_no_doubt(self) -> None:
        labels = [UNRESOLVED, DISTRACTOR, 0]
        found = boxed(HERE, HERE_TOO, THERE, scores=[0.5, 0.5, 0.5], labels=labels)
        assert asked(found) == []

    def test_numbers_out_of_range(self) -> None:
        for wrong in ({"band": (0.8, 0.2)}, {"overlap": 2}, {"margin": -1}, {"most": 0}):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                VisionReviewer(ScriptedChat([""]), **wrong)  # type: ignore[arg-type]


class TestVisionReviewer(ReviewerContract):
    def part(self) -> VisionReviewer:
        return VisionReviewer(ScriptedChat(["1: person\n2: none"]))


class TestScriptedReviewer(ReviewerContract):
    def part(self) -> ScriptedReviewer:
        return ScriptedReviewer({1: 4, 2: UNRESOLVED})


def review(
    said: Sequence[str] | Callable[[Conversation], str],
    found: Detections,
    dense: DenseScores | None = None,
    **options: Any,
) -> tuple[Review, list[Conversation]]:
    chat = ScriptedChat(said)
    [told] = VisionReviewer(chat, **options)([noise()], [ALL], [found], [dense], WORDS)
    return told, chat.asked


TWO = boxed(HERE, HERE_TOO, THERE, scores=[0.9, 0.8, 0.5], labels=[1, 2, 1])
"""A place that a dog and a cat claim, and another dog."""
UNSURE = maps(dog=0.5, cat=0.9, sky=0.5)


def test_all_doubts_are_one_question_with_numbered_boxes() -> None:
    _, [question] = review(["1: dog\n2: dog\n3: sky"], TWO, UNSURE)
    system, user = question.messages
    lines = user.content.split("\n")[1:]
    assert lines == [
        "1. box 1: cat, dog",
        "2. box 2: dog",
        "3. anywhere in the picture: sky",
    ]
    assert "The classes in question are: cat, dog, sky\n" in system.content
    shown = with_numbers(noise(), [HERE, THERE], 768)
    assert user.pictures == (shown,)
    assert question.schema is not None
    answer = question.schema["properties"]["answers"]["items"]["properties"]["label"]
    assert answer["enum"] == ["cat", "dog", "sky", "none"]


def test_answers_rename_and_take_away() -> None:
    told, _ = review(["1: cat\n2: none\n3: sky"], TWO, UNSURE)
    assert told.labels == (2, 2, UNRESOLVED)
    assert told.absent == {1}
    told, _ = review(["1: dog\n2: dog\n3: none"], TWO, UNSURE)
    assert told.labels == (1, 1, 1)
    assert told.absent == {2, 3}
    as_json = '{"answers": [{"number": 1, "label": "cat"}, {"number": 2, "label": "none"}]}'
    told, asked = review([as_json], TWO, UNSURE)
    assert told.labels == (2, 2, UNRESOLVED)
    assert told.absent == {1}  # the sky stays open, and is asked about once more
    assert len(asked) == 2


def test_stuff_keeps_its_map_where_one_region_of_it_was_something_else() -> None:
    found = boxed(HERE, HERE_TOO, scores=[0.9, 0.8], labels=[3, 4])
    told, _ = review(["1: sky"], found, maps(sky=0.9, grass=0.9))
    assert (told.labels, told.absent) == ((3, 3), frozenset())
    told, _ = review(["1: sky"], found, maps(sky=0.9, grass=0.5))
    assert told.absent == {4}


@pytest.mark.parametrize(
    "said", ["", "I cannot tell.", "1: who knows\n2: it is dark", "I'm sorry, but I can't help."]
)
def test_what_is_no_answer_changes_nothing(said: str) -> None:
    told, asked = review([said], TWO, maps(dog=0.5, cat=0.9))
    assert (told.labels, told.absent) == ((1, 2, 1), frozenset())
    assert len(asked) == len(told.exchanges) == 2
    assert asked[1].messages[-1].content.startswith("That does not answer all")
    assert all(own.purpose == "review" and own.dropped for own in told.exchanges)


def test_a_class_that_was_not_offered_is_none_of_them() -> None:
    told, _ = review(["1: sky\n2: grass"], TWO, maps(dog=0.5, cat=0.9))
    assert told.labels == (UNRESOLVED,) * 3
    assert told.exchanges[0].dropped == ("sky", "grass")


def test_what_is_sure_is_not_asked_about() -> None:
    told, asked = review(["1: none"], TWO.select(torch.tensor([0])), maps(dog=0.9))
    assert (told, asked) == (Review((1,)), [])


class Refuses(ChatModel):
    """Does not look at bright pictures, and finds none of anything on others."""

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [self._look(own) for own in conversations]

    def _look(self, asked: Conversation) -> Reply:
        if float(asked.messages[1].pictures[0].pixels.float().mean()) > 180:
            return Reply("", Usage(refused=1), refused="held back")
        return Reply("1: none", Usage(calls=1))


def test_a_picture_that_is_refused_stays_as_it_was_alone() -> None:
    found = boxed(HERE, scores=[0.5], labels=[1])
    images = [blank(value=10), blank(value=250)]
    dark, bright = VisionReviewer(Refuses())(images, [ALL] * 2, [found] * 2, [None] * 2, WORDS)
    assert (dark.labels, bright.labels) == ((UNRESOLVED,), (1,))
    assert bright.exchanges[0].refused == "held back"


def test_answers_are_kept_by_what_is_shown() -> None:
    chat = ScriptedChat(["1: dog"])
    kept: dict[str, str] = {}
    found = boxed(HERE, scores=[0.5], labels=[1])
    for own in (found, found, boxed(THERE, scores=[0.5], labels=[1])):
        VisionReviewer(chat, cache=kept)([noise()], [ALL], [own], [None], WORDS)
    assert len(chat.asked) == 2


class TestFollowing:
    def test_what_is_taken_away_is_gone_and_no_map_speaks_for_it(self) -> None:
        found = replace(TWO, dense=UNSURE)
        left = followed(Review((2, 2, UNRESOLVED), frozenset({1})), found)
        assert left.labels.tolist() == [2, 2]
        assert left.boxes.tolist() == [list(HERE), list(HERE_TOO)]
        assert left.dense is not None
        assert left.dense.labels == (UNRESOLVED, 2, 3, 4)
        assert left.dense.maps is UNSURE.maps

    def test_what_had_no_class_before_stays(self) -> None:
        found = boxed(HERE, THERE, labels=[UNRESOLVED, 1])
        left = followed(Review((UNRESOLVED, UNRESOLVED)), found)
        assert left.labels.tolist() == [UNRESOLVED]


class TestNumberedBoxes:
    def test_they_are_drawn_in_the_size_shown(self) -> None:
        image = torch.full((3, 400, 200), 255, dtype=torch.uint8)
        shown = with_numbers(image, [(40, 80, 160, 320)], 100)
        assert shown.size == (100, 50)
        changed = (shown.pixels != 255).any(0)
        rows, columns = changed.nonzero().unbind(1)
        assert (int(rows.min()), int(rows.max())) == (20, 80)
        assert (int(columns.min()), int(columns.max())) == (10, 40)
        assert not bool(changed[35:78, 13:38].any())  # what is in it can be seen

    def test_numbers_differ_and_stay_within(self) -> None:
        corner = (190.0, 390.0, 200.0, 400.0)
        image = torch.zeros(3, 400, 200, dtype=torch.uint8)
        one = with_numbers(image, [corner], None)
        two = with_numbers(image, [(0, 0, 1, 1), corner], None)
        assert bool(one.pixels[:, 380:, 180:].any())
        assert not torch.equal(one.pixels[:, 300:, 100:], two.pixels[:, 300:, 100:])

    def test_without_boxes_it_is_the_picture(self) -> None:
        assert with_numbers(noise(), [], None).pixels.equal(noise())

    def test_the_image_is_left_as_it_is(self) -> None:
        image = noise()
        with_numbers(image, [HERE], None)
        assert image.equal(noise())


def test_lines_are_numbered_as_the_boxes_are() -> None:
    _, [question, *_] = review(["none"], TWO, UNSURE)
    numbers = re.findall(r"^(\d+)\. box (\d+)", question.messages[1].content, re.MULTILINE)
    assert numbers == [("1", "1"), ("2", "2")]
