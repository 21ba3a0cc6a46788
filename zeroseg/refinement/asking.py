"""Asking a language model about several images at once, each again whose answer is no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply, replies_of
from zeroseg.values import Exchange

SILENCE = "(no answer)"
"""What an empty answer is recorded as."""


class Read(Protocol):
    """What was read out of an answer."""

    @property
    def understood(self) -> bool:
        """Whether it needs no second asking."""

    @property
    def dropped(self) -> tuple[str, ...]:
        """Parts of it that say nothing, as they stood."""


Answer = TypeVar("Answer", bound=Read)


def ask_each(
    chat: ChatModel,
    questions: Sequence[Conversation],
    read: Callable[[int, str], Answer],
    *,
    purpose: str,
    correction: str,
    retries: int,
) -> list[tuple[Answer | None, tuple[Exchange, ...]]]:
    """Put questions to a language model, and again those whose answer is not understood.

    Args:
        chat: The language model; it is told to forget answers that are not understood.
        questions: Each about one image.
        read: Reads the answer to the question at a position.
        purpose: See `Exchange.purpose`.
        correction: What is said to an answer that is not understood.
        retries: How often a question is asked again.

    Returns:
        For each question what its last answer says, None where it was refused, and all that was
        said.
    """
    answers: list[Answer | None] = [None] * len(questions)
    exchanges: list[list[Exchange]] = [[] for _ in questions]
    pending = dict(enumerate(questions))
    for _ in range(1 + retries):
        replies = replies_of(chat, list(pending.values())) if pending else []
        again: dict[int, Conversation] = {}
        for (i, question), reply in zip(pending.items(), replies, strict=True):
            answer = None if reply.refused is not None else read(i, reply.text)
            unread = answer is not None and not answer.understood
            dropped = answer.dropped if answer is not None else ()
            whole = (reply.text.strip() or SILENCE,) if unread else ()
            exchanges[i].append(exchange(purpose, question, reply, dropped or whole))
            answers[i] = answer
            if unread:
                chat.forget(question)
                again[i] = _once_more(question, reply, correction)
        pending = again
    return list(zip(answers, map(tuple, exchanges), strict=True))


def exchange(
    purpose: str, question: Conversation, reply: Reply, dropped: tuple[str, ...] = ()
) -> Exchange:
    """A question and its answer, as they are recorded."""
    return Exchange(purpose, question.text(), reply.text, dropped, reply.usage, reply.refused)


def _once_more(question: Conversation, reply: Reply, correction: str) -> Conversation:
    said = Message("assistant", reply.text.strip() or SILENCE)
    return Conversation((*question.messages, said, Message("user", correction)), question.schema)
