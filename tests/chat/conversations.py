"""Short conversations."""

from __future__ import annotations

from typing import Any

from zeroseg.chat.chat_model import Conversation, Message


def ask(question: str, schema: dict[str, Any] | None = None) -> Conversation:
    return Conversation((Message("system", "Be brief."), Message("user", question)), schema)
