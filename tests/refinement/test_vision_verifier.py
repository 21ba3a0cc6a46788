"""Verification by a language model that sees."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.chat.server import Response, answer, refusal, serving
from tests.chat.tiny_vision import FAMILIES
from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.chat_model import ChatModel, Conversation, Reply
from zeroseg.chat.openai_chat import OpenAIChat
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.errors import ChatError, PresetError
from zeroseg.images import read_image
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.prompting import advice
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.testing import ScriptedChat, VerifierContract, blank, noise
from zeroseg.values import DISTRACTOR, UNRESOLVED, Description, Exchange, Selection, Usage
from zeroseg.vocabularies import DRAM
from zeroseg.vocabulary import Vocabulary

WORDS = Vocabulary.from_names(
    ["background", "dog", "potted-plant", "person"], words={"person": ["rider"]}
)
ALL = Selection(("dog", "potted plant", "person", "rider"), (1, 2, 3, 3))


class TestVisionVerifier(VerifierContract):
    def part(self) -> VisionVerifier:
        return VisionVerifier(ScriptedChat(_sees_dogs_on_wide_pictures))


def _sees_dogs_on_wide_pictures(conversation: Conversation) -> str:
    height, width = conversation.messages[1].pictures[0].size
    return "dog" if width > height else "person"


def verify(
    answers: list[str] | Callable[[Conversation], str], selection: Selection = ALL, **options: Any
) -> tuple[Selection, list[Conversation]]:
    chat = ScriptedChat(answers)
    [verified] = VisionVerifier(chat, **options)([noise()], [selection], WORDS)
    return verified, chat.asked


def test_all_words_of_a_class_that_is_not_seen_are_taken_away() -> None:
    assert verify(["dog"])[0].prompts == ("dog",)
    assert verify(["person, potted plant"])[0].prompts == ("potted plant", "person", "rider")
    assert verify(['{"labels": ["person"]}'])[0].labels == (3, 3)
    assert verify(["none"])[0].prompts == ()
    assert verify(['{"labels": []}'])[0].prompts == ()


def test_one_question_with_the_picture_the_candidates_and_a_schema() -> None:
    _, [asked] = verify(["dog"], Selection(("dog", "person"), (1, 3)), longest_side=24)
    system, user = asked.messages
    assert "The classes are: dog, person\n" in system.content
    assert "potted" not in system.content
    assert [picture.size for picture in user.pictures] == [(16, 24)]
    assert asked.schema is not None
    assert asked.schema["properties"]["labels"]["items"]["enum"] == ["dog", "person"]


def test_tips_are_those_of_the_candidates() -> None:
    dogs = VisionVerifier(ScriptedChat([""])).system_prompt((DRAM.index("dog"),), DRAM)
    assert "puppy" in dogs
    assert "kitten" not in dogs
    assert "kitten" in advice(DRAM, False)
    bare = VisionVerifier(ScriptedChat([""]), tips=False).system_prompt(DRAM.classes, DRAM)
    assert "puppy" not in bare


def test_nothing_that_was_not_asked_about_is_selected() -> None:
    selection = Selection(("dog",), (1,))
    verified, asked = verify(["dog, person, spaceship"], selection)
    assert (verified.prompts, len(asked)) == (("dog",), 1)
    assert verified.exchanges[0].dropped == ("spaceship", "person")
    # An answer of nothing but others is no answer.
    verified, asked = verify(["person"], selection)
    assert (verified.prompts, len(asked)) == (("dog",), 2)


@pytest.mark.parametrize("said", ["", "There may be a dog in it.", "I'm sorry, but I can't see."])
def test_what_cannot_be_read_is_asked_again_and_then_changes_nothing(said: str) -> None:
    verified, asked = verify([said])
    assert (verified.prompts, verified.labels) == (ALL.prompts, ALL.labels)
    assert len(asked) == len(verified.exchanges) == 2
    assert asked[1].messages[-1].content.startswith("That is not the list")
    assert asked[1].messages[1].pictures == asked[0].messages[1].pictures
    assert all(exchange.dropped for exchange in verified.exchanges)
    assert verify([said, "dog"])[0].prompts == ("dog",)
    assert len(verify([said], retries=0)[1]) == 1


def test_distractors_stay_with_a_class_and_raw_tags_stay() -> None:
    asked = Selection(("dog", "moss", "thing"), (1, DISTRACTOR, UNRESOLVED), presence=(0.2, 1, 1))
    kept, _ = verify(["dog"], asked)
    assert (kept.prompts, kept.presence) == (("dog", "moss", "thing"), (0.2, 1, 1))
    assert verify(["none"], asked)[0].prompts == ("moss", "thing")
    assert verify(["none"], asked.keep([0, 1]))[0].prompts == ()


def test_what_has_no_class_is_not_asked_about() -> None:
    for selection in (Selection(), Selection(("thing",), (UNRESOLVED,))):
        assert verify(["none"], selection) == (selection, [])


def test_what_was_asked_before_stays_among_the_exchanges() -> None:
    before = Exchange("pre-refinement", "Which?", "dog", usage=Usage(calls=1))
    verified, _ = verify(["dog"], Selection(("dog",), (1,), (before,)))
    assert [own.purpose for own in verified.exchanges] == ["pre-refinement", "verification"]
    assert "[picture 48 x 32]" in verified.exchanges[1].prompt
    assert verified.exchanges[1].usage.prompt_tokens == 10


class Sees(ChatModel):
    """Refuses bright pictures, and sees dogs on all others."""

    def forward(self, conversations: list[Conversation]) -> list[Reply]:  # type: ignore[override]
        return [self._look(own.messages[1].pictures[0].pixels) for own in conversations]

    def _look(self, pixels: Tensor) -> Reply:
        if float(pixels.float().mean()) > 200:
            return Reply("", Usage(refused=1), refused="held back")
        return Reply("dog", Usage(calls=1))


def test_a_picture_that_is_refused_is_unverified_alone() -> None:
    images = [blank(value=10), blank(value=250)]
    dark, bright = VisionVerifier(Sees())(images, [ALL, ALL], WORDS)
    assert dark.prompts == ("dog",)
    assert bright.prompts == ALL.prompts
    assert [own.refused for own in bright.exchanges] == ["held back"]


def test_answers_are_kept_by_picture_and_candidates(tmp_path: Path) -> None:
    chat = ScriptedChat(["dog"])
    images = [noise(seed=1), noise(seed=2), noise(seed=1)]
    asks = [images[:2], images, [noise(seed=1)]]
    found = [
        VisionVerifier(chat, cache=AnswerCache(tmp_path))(own, [ALL] * len(own), WORDS)
        for own in asks
    ]
    assert len(chat.asked) == 2
    usage = found[2][0].exchanges[0].usage
    assert (usage.calls, usage.cached) == (0, 1)
    part = VisionVerifier(chat, 24, cache=AnswerCache(tmp_path))  # shown smaller is another picture
    part([noise(seed=1)], [ALL], WORDS)
    part([noise(seed=1)], [ALL.keep([0])], WORDS)
    assert len(chat.asked) == 4


def test_bad_arguments(tmp_path: Path) -> None:
    for wrong in ({"longest_side": 0}, {"retries": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            VisionVerifier(ScriptedChat([""]), **wrong)  # type: ignore[arg-type]
    (tmp_path / "mine.txt").write_text("Look.", encoding="utf-8")
    with pytest.raises(PresetError, match=r"it needs \$classes"):
        VisionVerifier(ScriptedChat([""]), template=tmp_path / "mine.txt")


def _served(script: list[Response], **options: Any) -> tuple[Selection, list[dict[str, Any]]]:
    with serving(script) as server:
        chat = OpenAIChat("m", base_url=server.address, backoff=0.001, max_retries=1)
        part = VisionVerifier(chat, **options)
        assert part.waits
        [verified] = part([noise(40, 80)], [ALL], WORDS)
    return verified, server.requests


def test_over_the_wire_the_picture_goes_along_as_it_is() -> None:
    verified, [request] = _served([answer('{"labels": ["dog"]}')], longest_side=None)
    assert verified.prompts == ("dog",)
    assert verified.exchanges[0].usage.prompt_tokens == 100
    shown, words = request["messages"][1]["content"]
    file = io.BytesIO(base64.b64decode(shown["image_url"]["url"].split(",")[1]))
    assert torch.equal(read_image(Image.open(file)), noise(40, 80))
    assert words["text"] == "Which of the classes are in the picture?"
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["labels"]["items"]["enum"] == ["dog", "person", "potted-plant"]


def test_over_the_wire_what_is_held_back_changes_nothing() -> None:
    verified, _ = _served([refusal(400, "held back", code="content_filter")])
    assert verified.prompts == ALL.prompts
    assert verified.exchanges[0].refused is not None


def test_a_server_that_is_gone_stops_the_run() -> None:
    with pytest.raises(ChatError, match=r"\bm\b"):
        _served([refusal(500)])


@pytest.mark.parametrize("family", FAMILIES)
def test_models_for_images_and_text_are_shown_the_picture(family: str, tmp_path: Path) -> None:
    model, processor = FAMILIES[family]()
    short = tmp_path / "short.txt"  # these small models read 1024 bytes
    short.write_text("Look for $classes.", encoding="utf-8")
    chat = TransformersChat(model=model, processor=processor, max_new_tokens=8)
    part = VisionVerifier(chat, template=short, retries=0)
    images = [noise(40, 56, 1), blank(40, 56), noise(56, 40, 2)]
    together = part(images, [ALL] * 3, WORDS)
    said = [own.exchanges[0].reply for own in together]
    assert len(set(said)) == 3  # the words are the same, so that it is the pictures it answers to
    alone = [part([image], [ALL], WORDS)[0].exchanges[0].reply for image in images]
    assert said == alone


def test_a_model_that_reads_text_alone_is_told_so() -> None:
    part = VisionVerifier(TransformersChat.from_pretrained("tiny:chat"))
    with pytest.raises(ChatError, match="reads text only"):
        part([noise()], [ALL], WORDS)


def test_behind_all_classes_it_is_asked_about_the_whole_list() -> None:
    [selection] = AllClasses()([Description()], WORDS)
    verified, [asked] = verify(["person"], selection)
    assert "The classes are: dog, person, potted-plant\n" in asked.messages[0].content
    assert set(verified.labels) == {3}
