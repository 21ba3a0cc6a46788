"""A chat model that is asked the same thing only once."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from zeroseg.chat.chat_model import ChatModel, Conversation, Reply


class CachedChat(ChatModel):
    """Answers a conversation it has had before from memory.

    An answer from memory carries the usage it first had: a trace says what its image would have
    cost alone. What was really asked is counted in `asked`.

    Args:
        chat: Who answers what is new.
        cache: Where answers are kept; a mapping of its own by default.

    Attributes:
        asked: Conversations that went to `chat`.
    """

    def __init__(
        self, chat: ChatModel, cache: MutableMapping[Conversation, Reply] | None = None
    ) -> None:
        super().__init__()
        self.chat = chat
        self.cache: MutableMapping[Conversation, Reply] = {} if cache is None else cache
        self.asked = 0

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer, asking about each conversation once, also within the batch."""
        new = {_key(c): c for c in conversations if _key(c) not in self.cache}
        replies = self.chat(list(new.values())) if new else []
        self.asked += len(new)
        for key, reply in zip(new, replies, strict=True):
            self.cache[key] = reply
        return [self.cache[_key(conversation)] for conversation in conversations]


def _key(conversation: Conversation) -> Conversation:
    """The conversation without its schema, which is a mapping and follows from the rest."""
    return Conversation(conversation.messages)
