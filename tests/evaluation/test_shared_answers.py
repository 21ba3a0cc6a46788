"""Rows of an ablation share answers, and those of earlier runs, but are charged as if alone."""

from __future__ import annotations

from pathlib import Path

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import CachedChat
from zeroseg.chat.chat_model import Conversation
from zeroseg.evaluation.variants import Variants
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedChat, ScriptedDetector, ScriptedTagger, noise
from zeroseg.values import Usage


class Named(ScriptedChat):
    """Finds a dog in everything; its answers may outlive it."""

    def __init__(self) -> None:
        super().__init__(_answer, Usage(calls=1, prompt_tokens=7, completion_tokens=2, cost=0.5))

    @property
    def identity(self) -> str:
        return "named"


def _answer(conversation: Conversation) -> str:
    return "1: dog" if "1. " in conversation.messages[-1].content else "dog"


def system(chat: ScriptedChat, folder: Path) -> ZeroShotSegmenter:
    kept = AnswerCache(folder)
    return ZeroShotSegmenter(
        "dram",
        LLMPreRefiner(chat, cache=kept),
        ScriptedDetector({"dog": (0, 0, 0.5, 0.5)}),
        BoxMasks(),
        ScriptedTagger("puppy"),
        post_refiner=LLMPostRefiner(chat, cache=kept),
    )


def test_a_row_is_charged_what_it_would_take_alone(tmp_path: Path) -> None:
    for requests in (1, 0):
        chat = Named()
        make = Variants(system(chat, tmp_path))
        rows = [make.make({}), make.make({}, mask_predictor=BoxMasks())]
        usages = [row.segment(noise()).trace.usage for row in rows]
        assert usages == [Usage(1, 7, 2, 0.5)] * 2
        assert len(chat.asked) == make.asked == requests


def test_phrases_are_asked_by_every_row_and_once_in_all(tmp_path: Path) -> None:
    for requests in (1, 0):
        chat = Named()
        make = Variants(system(chat, tmp_path))
        refiners = [make.make({}, tagger=ScriptedTagger("pup")).post_refiner for _ in range(2)]
        found = [refiner(["hound dog"], make.full.vocabulary) for refiner in refiners]
        assert [f.exchanges[0].usage.calls for f in found] == [1, 1]
        assert len(chat.asked) == requests


def test_without_a_lasting_cache_rows_still_share(tmp_path: Path) -> None:
    chat = Named()
    plain = LLMPreRefiner(chat)
    shared = Variants(system(chat, tmp_path)).cached(plain)
    assert isinstance(shared.chat, CachedChat) and shared.chat.charge == "alone"
    assert plain.chat is chat
    assert not isinstance(shared.chat.cache, AnswerCache)
