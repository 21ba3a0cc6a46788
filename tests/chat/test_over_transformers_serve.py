"""The client against a server that others have written."""

from __future__ import annotations

from tests.chat.conversations import ask
from tests.chat.transformers_server import CHAT
from zeroseg.chat.openai_chat import OpenAIChat


def test_it_answers(language_server: str) -> None:
    [reply] = OpenAIChat(CHAT, base_url=language_server)([ask("Which?")])
    assert reply.complete
    assert reply.usage.completion_tokens > 0
