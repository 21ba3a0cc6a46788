"""The same conversation is had once."""

from __future__ import annotations

from tests.chat.conversations import ask
from zeroseg.chat.cached_chat import CachedChat
from zeroseg.chat.chat_model import ChatModel
from zeroseg.testing import ChatModelContract, ScriptedChat


class TestCachedChat(ChatModelContract):
    def part(self) -> ChatModel:
        return CachedChat(ScriptedChat(lambda c: c.messages[-1].content.upper()))


def test_what_was_answered_is_not_asked_again() -> None:
    inner = ScriptedChat(lambda c: c.messages[-1].content.upper())
    chat = CachedChat(inner)
    first = chat([ask("a"), ask("b"), ask("a")])
    assert [reply.text for reply in first] == ["A", "B", "A"]
    second = chat([ask("c"), ask("b")])
    assert [reply.text for reply in second] == ["C", "B"]
    assert [c.messages[-1].content for c in inner.asked] == ["a", "b", "c"]
    assert chat.asked == 3
    assert second[1].usage == first[1].usage  # what it would cost alone


def test_a_cache_can_be_shared_and_a_schema_makes_no_other_question() -> None:
    inner = ScriptedChat(["yes"])
    kept: dict = {}
    CachedChat(inner, kept)([ask("a")])
    assert CachedChat(inner, kept)([ask("a", {"type": "object"})])[0].text == "yes"
    assert len(inner.asked) == 1
