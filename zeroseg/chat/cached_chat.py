"""A chat model that is asked the same thing only once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Literal

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.chat_model import ChatModel, Conversation, Reply, replies_of
from zeroseg.chat.in_flight import InFlight, each_once
from zeroseg.chat.lock import Lock
from zeroseg.values import Usage

_VERSION = "conversation 1"


class CachedChat(ChatModel):
    """Answers a conversation it has had before from a cache.

    A conversation is the same if the model's `identity` and every message are: template,
    vocabulary, tags, caption, examples, and pictures by what they show. Its schema follows from
    these. Answers that were refused, cut off or empty are not kept, nor those that whoever asked
    has told to `forget`. Threads that ask the same at the same time wait for one answer.

    Args:
        chat: Who answers what is new.
        cache: Where answers are kept, as JSON: an `AnswerCache` for ever, by default a mapping of
            this object's own. May be shared, also with other models and with `LLMPostRefiner`.
        charge: What an answer from the cache is said to have cost. "asked": nothing, it counts as
            `Usage.cached`. "alone": what it cost when it was asked, for comparing systems that
            share a cache as if each ran alone.

    Attributes:
        asked: Conversations that went to `chat`.

    Raises:
        ValueError: `charge` is neither of these.
    """

    def __init__(
        self,
        chat: ChatModel,
        cache: AnswerCache | MutableMapping[str, str] | None = None,
        charge: Literal["asked", "alone"] = "asked",
    ) -> None:
        super().__init__()
        if charge not in ("asked", "alone"):
            raise ValueError(f"charge is {charge!r}, expected 'asked' or 'alone'")
        self.chat = chat
        self.cache: MutableMapping[str, str] = {} if cache is None else cache
        self.charge = charge
        self.asked = 0
        self._lock = Lock()
        self._flights: InFlight[str, Reply] = InFlight()

    @property
    def identity(self) -> str:
        """That of the model that is asked."""
        return self.chat.identity

    @property
    def waits(self) -> bool:
        """Whether the model that is asked does."""
        return self.chat.waits

    def forward(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Answer, asking about each conversation once; see `ChatModel.forward`."""
        alone = self.charge == "alone"
        return each_once(conversations, self._key, self._flights, self._look_up, alone)

    def forget(self, conversation: Conversation) -> None:
        """Give up the answer to a conversation."""
        with suppress(KeyError):  # it was not kept, or somebody else has given it up
            del self.cache[self._key(conversation)]
        self.chat.forget(conversation)

    def _look_up(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """Replies to different conversations, those from the cache charged as they should be."""
        replies = [self._recall(conversation) for conversation in conversations]
        new = [c for c, kept in zip(conversations, replies, strict=True) if kept is None]
        answers = iter(self._ask(new))
        return [next(answers) if kept is None else kept for kept in replies]

    def _ask(self, new: Sequence[Conversation]) -> list[Reply]:
        if not new:
            return []
        replies = replies_of(self.chat, new)
        with self._lock:
            self.asked += len(new)
        for conversation, reply in zip(new, replies, strict=True):
            if reply.refused is None and reply.complete and reply.text.strip():
                kept = {"text": reply.text, "usage": asdict(reply.usage)}
                self.cache[self._key(conversation)] = json.dumps(kept)
        return replies

    def _recall(self, conversation: Conversation) -> Reply | None:
        kept = self.cache.get(self._key(conversation))
        if kept is None:
            return None
        try:
            content = json.loads(kept)
            reply = Reply(str(content["text"]), Usage(**content["usage"]))
        except (ValueError, TypeError, KeyError):  # not written here: asked anew, and replaced
            return None
        return reply if self.charge == "alone" else replace(reply, usage=Usage(cached=1))

    def _key(self, conversation: Conversation) -> str:
        turns = [
            (message.role, message.content, *(picture.digest for picture in message.pictures))
            for message in conversation.messages
        ]
        return digest(_VERSION, self.identity, turns)


def digest(*parts: object) -> str:
    """A short name for what the parts say, as JSON."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep_answers(
    chat: ChatModel, cache: MutableMapping[str, str], charge: Literal["asked", "alone"] = "asked"
) -> CachedChat:
    """A chat model that keeps its answers in `cache`, and no longer where it did before."""
    return CachedChat(chat.chat if isinstance(chat, CachedChat) else chat, cache, charge)
