"""Questions under way: what several threads ask at the same time is asked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Generic, TypeVar

from zeroseg.chat.chat_model import Conversation, Reply
from zeroseg.chat.lock import Lock
from zeroseg.values import Usage

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class InFlight(Generic[Key, Answer]):
    """Lets one thread do the work for a key while others wait for what comes of it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: dict[Key, Future[Answer | None]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def share(
        self, keys: Iterable[Key], work: Callable[[list[Key]], Mapping[Key, Answer]]
    ) -> dict[Key, Answer]:
        """The answers to keys, each worked for by one thread at a time.

        A thread first does its own share and then waits for the others', so that none wait for each
        other. What another thread failed at, or found no answer to, is worked for here.

        Args:
            keys: What answers are wanted for.
            work: Finds the answers to some of the keys; one that it leaves out has none.

        Returns:
            The answers that were found, in no particular order.
        """
        answers: dict[Key, Answer] = {}
        left = list(dict.fromkeys(keys))
        while left:
            mine, theirs = self._claim(left)
            if mine:
                answers.update(self._do(mine, work))
            found = {key: future.result() for key, future in theirs.items()}
            answers.update({key: answer for key, answer in found.items() if answer is not None})
            left = [key for key, answer in found.items() if answer is None]
        return answers

    def _claim(
        self, keys: Iterable[Key]
    ) -> tuple[dict[Key, Future[Answer | None]], dict[Key, Future[Answer | None]]]:
        """The keys that nobody works for, claimed now, and those that somebody does."""
        mine: dict[Key, Future[Answer | None]] = {}
        theirs: dict[Key, Future[Answer | None]] = {}
        with self._lock:
            for key in keys:
                if key in self._under_way:
                    theirs[key] = self._under_way[key]
                else:
                    mine[key] = self._under_way[key] = Future()
        return mine, theirs

    def _do(
        self,
        mine: Mapping[Key, Future[Answer | None]],
        work: Callable[[list[Key]], Mapping[Key, Answer]],
    ) -> Mapping[Key, Answer]:
        answers: Mapping[Key, Answer] = {}
        try:
            answers = work(list(mine))
        finally:
            with self._lock:
                for key in mine:
                    del self._under_way[key]
            for key, future in mine.items():
                future.set_result(answers.get(key))
        return answers


def each_once(
    conversations: Sequence[Conversation],
    key: Callable[[Conversation], Key],
    flights: InFlight[Key, Reply],
    ask: Callable[[Sequence[Conversation]], Sequence[Reply]],
    charge_all: bool = False,
) -> list[Reply]:
    """Reply to conversations, asking about those with the same key once, over all threads.

    Args:
        conversations: B of them.
        key: What makes two conversations the same.
        flights: Shared by all threads.
        ask: Gives the replies to different conversations, in their order.
        charge_all: Whether a reply to something that was asked anyway has the usage of the one
            request, too; else it is free.

    Returns:
        B replies in the same order.
    """
    keys = [key(conversation) for conversation in conversations]
    asked = dict(zip(keys, conversations, strict=True))
    own: dict[Key, Reply] = {}

    def work(claimed: list[Key]) -> dict[Key, Reply]:
        own.update(zip(claimed, ask([asked[name] for name in claimed]), strict=True))
        return own

    answers = flights.share(asked, work)
    replies = []
    for name in keys:
        paid = own.pop(name, None)
        reply = paid if paid is not None else answers[name]
        free = paid is None and not charge_all
        usage = Usage(cached=1, refused=reply.usage.refused) if free else reply.usage
        replies.append(replace(reply, usage=usage))
    return replies
