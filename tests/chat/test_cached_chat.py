"""The same conversation is had once."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chat.conversations import ask
from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import CachedChat, keep_answers
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.testing import ChatModelContract, ScriptedChat
from zeroseg.values import Usage


class Named(ScriptedChat):
    """A scripted chat whose answers follow from its name."""

    def __init__(self, name: str = "one", answers: Sequence[str] = ("yes",)) -> None:
        super().__init__(list(answers))
        self.name = name

    @property
    def identity(self) -> str:
        return self.name


def shout(conversation: Conversation) -> str:
    return conversation.messages[-1].content.upper()


class TestCachedChat(ChatModelContract):
    def part(self) -> ChatModel:
        return CachedChat(ScriptedChat(shout))


def test_what_was_answered_is_not_asked_again_and_costs_nothing() -> None:
    inner = ScriptedChat(shout)
    chat = CachedChat(inner)
    first = chat([ask("a"), ask("b"), ask("a")])
    assert [reply.text for reply in first] == ["A", "B", "A"]
    second = chat([ask("c"), ask("b")])
    assert [reply.text for reply in second] == ["C", "B"]
    assert [c.messages[-1].content for c in inner.asked] == ["a", "b", "c"]
    assert chat.asked == 3
    paid, free = inner.usage, Usage(cached=1)
    assert [reply.usage for reply in (*first, *second)] == [paid, paid, free, paid, free]


def test_systems_can_be_charged_as_if_each_ran_alone(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    inner = Named()
    inner.usage = Usage(calls=1, prompt_tokens=7, completion_tokens=3, cost=0.5, seconds=2.0)
    first = CachedChat(inner, cache, charge="alone")([ask("a"), ask("a")])
    again = CachedChat(inner, AnswerCache(tmp_path), charge="alone")([ask("a")])
    assert [reply.usage for reply in (*first, *again)] == [inner.usage] * 3
    assert len(inner.asked) == 1
    assert CachedChat(inner, cache)([ask("a")])[0].usage == Usage(cached=1)


def test_a_charge_that_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="charge is 'double'"):
        CachedChat(ScriptedChat(["yes"]), charge="double")  # type: ignore[arg-type]


def test_answers_outlive_the_process(tmp_path: Path) -> None:
    CachedChat(Named(), AnswerCache(tmp_path))([ask("a")])
    later = Named(answers=["no"])
    assert CachedChat(later, AnswerCache(tmp_path))([ask("a")])[0].text == "yes"
    assert later.asked == []


def test_what_is_kept_is_json(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    CachedChat(Named(answers=["a\u2028b"]), cache)([ask("a")])
    [kept] = cache.values()
    assert json.loads(kept)["text"] == "a\u2028b"


@pytest.mark.parametrize(
    "other",
    [
        Conversation((Message("system", "Be brief."), Message("user", "b"))),
        Conversation((Message("system", "Be long."), Message("user", "a"))),
        Conversation((Message("user", "a"),)),
        Conversation((Message("user", "Be brief."), Message("user", "a"))),
        Conversation((*ask("a").messages, Message("assistant", "yes"), Message("user", "b"))),
    ],
)
def test_every_message_counts(other: Conversation) -> None:
    inner = ScriptedChat(["yes", "no"])
    chat = CachedChat(inner)
    assert [reply.text for reply in (*chat([ask("a")]), *chat([other]))] == ["yes", "no"]


def test_a_schema_makes_no_other_question() -> None:
    inner = ScriptedChat(["yes"])
    chat = CachedChat(inner)
    chat([ask("a")])
    assert chat([ask("a", {"type": "object"})])[0].text == "yes"
    assert len(inner.asked) == 1


def test_another_model_gives_other_answers() -> None:
    kept: dict[str, str] = {}
    one, two = Named("one", ["yes"]), Named("two", ["no"])
    assert CachedChat(one, kept)([ask("a")])[0].text == "yes"
    assert CachedChat(two, kept)([ask("a")])[0].text == "no"
    assert CachedChat(one, kept)([ask("a")])[0].text == "yes"


def test_a_model_that_names_nothing_is_only_like_itself() -> None:
    kept: dict[str, str] = {}
    one, two = ScriptedChat(["yes"]), ScriptedChat(["no"])
    assert one.identity != two.identity
    assert CachedChat(one, kept)([ask("a")])[0].text == "yes"
    assert CachedChat(two, kept)([ask("a")])[0].text == "no"
    assert CachedChat(one, kept)([ask("a")])[0].text == "yes"
    assert len(one.asked) == 1
    assert not one.waits and not CachedChat(one).waits


class Cut(ChatModel):
    """Answers that are cut off or empty the first time."""

    def __init__(self, first: Reply) -> None:
        super().__init__()
        self.replies = [first, Reply("whole")]

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        return [self.replies.pop(0) for _ in conversations]


@pytest.mark.parametrize("first", [Reply("dog, per", complete=False), Reply(""), Reply(" \n")])
def test_cut_off_and_empty_answers_are_not_kept(first: Reply) -> None:
    chat = CachedChat(Cut(first))
    assert chat([ask("a")]) == [first]
    assert chat([ask("a")])[0].text == "whole"
    assert chat.asked == 2


def test_an_answer_that_could_not_be_used_is_given_up() -> None:
    inner = ScriptedChat(["nonsense", "dog"])
    chat = CachedChat(CachedChat(inner))
    chat([ask("a")])
    chat.forget(ask("a"))
    chat.forget(ask("never asked"))
    assert chat([ask("a")])[0].text == "dog"


@pytest.mark.parametrize(
    "strange",
    ["", "dog", "[]", "{}", '{"text": "dog"}', '{"text": "dog", "usage": {"price": 1}}', "null"],
)
def test_what_somebody_else_wrote_is_asked_anew(strange: str) -> None:
    kept: dict[str, str] = {}
    CachedChat(Named(answers=["yes"]), kept)([ask("a")])
    [key] = kept
    kept[key] = strange
    assert CachedChat(Named(answers=["no"]), kept)([ask("a")])[0].text == "no"
    assert json.loads(kept[key])["text"] == "no"


class Waiting(ChatModel):
    """Answers when it is asked for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.begun, self.again = threading.Event(), threading.Event()

    @property
    def waits(self) -> bool:
        return True

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        self.asked += [c.messages[-1].content for c in conversations]
        (self.again if self.begun.is_set() else self.begun).set()
        assert self.again.wait(10)
        return [Reply(shout(c), Usage(calls=1)) for c in conversations]


def test_threads_that_ask_the_same_wait_for_one_answer() -> None:
    inner = Waiting()
    chat = CachedChat(inner)
    assert chat.waits
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(chat, [ask("a"), ask("b")])
        assert inner.begun.wait(10)
        second = pool.submit(chat, [ask("b"), ask("a"), ask("c")])
        replies = [*first.result(10), *second.result(10)]
    assert [reply.text for reply in replies] == ["A", "B", "B", "A", "C"]
    assert inner.asked == ["a", "b", "c"]
    total = sum((reply.usage for reply in replies), Usage())
    assert (total.calls, total.cached) == (3, 2)


def test_another_place_to_keep_answers_takes_the_place_of_the_first() -> None:
    inner = ScriptedChat(["yes"])
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    moved = keep_answers(keep_answers(inner, first), second, charge="alone")
    moved([ask("a")])
    assert moved.chat is inner and not first and len(second) == 1
    assert moved.charge == "alone"


def test_it_can_be_copied(tmp_path: Path) -> None:
    chat = CachedChat(Named(), AnswerCache(tmp_path))
    other = copy.deepcopy(chat)
    chat([ask("a")])
    assert other([ask("a")])[0].usage == Usage(cached=1)
