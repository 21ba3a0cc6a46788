"""Words that a language model writes, once for a list."""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib.resources import files
from pathlib import Path

from zeroseg.chat.cached_chat import keep_answers
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply, replies_of
from zeroseg.compiling.answers import read_answer, schema
from zeroseg.compiling.proposals import Proposal, Proposed, WordSource
from zeroseg.refinement.prompting import fill, quoted, read_template
from zeroseg.values import Exchange
from zeroseg.vocabulary import Vocabulary

_CORRECTION = (
    "That cannot be read. Answer with the JSON object alone: kind, wording, same, narrower and "
    "look_alikes."
)
_SILENCE = "(no answer)"
_SHOWN = 500
"""Classes that a prompt lists; of longer lists those next to the class that is asked about."""


class ChatWords(WordSource):
    """Asks a language model about every class of a list, one at a time.

    The system message depends on the list alone and comes first, so that servers can cache it. An
    answer that cannot be read is asked for again; if that does not help, or the question is
    refused, the class stays as it is and is named. An answer is text from outside: it is read for
    words, and every word is held against the rules of `zeroseg.compiling.rules`.

    Args:
        chat: The language model.
        name: What it is called in files.
        retries: How often an answer that cannot be read is asked for again.
        cache: Where answers are kept (see `CachedChat`); by default they are not.

    Raises:
        ValueError: `retries` is negative.
    """

    def __init__(
        self,
        chat: ChatModel,
        name: str,
        retries: int = 1,
        cache: MutableMapping[str, str] | None = None,
    ) -> None:
        if retries < 0:
            raise ValueError(f"retries is {retries}, but cannot be negative")
        self.chat = chat if cache is None else keep_answers(chat, cache)
        self.name, self.retries = name, retries
        prompt = Path(str(files("zeroseg.compiling") / "prompt.txt"))
        self.template = read_template(prompt, "", ("classes",))

    def propose(self, vocabulary: Vocabulary) -> Proposed:
        """See `WordSource.propose`.

        Raises:
            ChatError: The model cannot be asked at all.
        """
        pending = {label: self._question(label, vocabulary) for label in vocabulary.classes}
        found: list[Proposal] = []
        exchanges: list[Exchange] = []
        unanswered: dict[int, str] = {}
        for _ in range(1 + self.retries):
            replies = replies_of(self.chat, list(pending.values())) if pending else []
            asked, pending = pending, {}
            for (label, question), reply in zip(asked.items(), replies, strict=True):
                read = None if reply.refused is not None else self._read(reply, label)
                exchanges.append(_exchange(question, reply, read is None))
                if read is not None:
                    found += read
                elif reply.refused is not None:
                    unanswered[label] = f"the question was refused: {reply.refused}"
                else:
                    self.chat.forget(question)
                    pending[label] = _once_more(question, reply)
        unanswered |= dict.fromkeys(pending, "no answer could be read")
        return Proposed(tuple(_in_order(found)), unanswered, tuple(exchanges))

    def _read(self, reply: Reply, label: int) -> list[Proposal] | None:
        return read_answer(reply.text, label, self.name)

    def _question(self, label: int, vocabulary: Vocabulary) -> Conversation:
        system = fill(self.template, {"classes": ", ".join(_listed(label, vocabulary))})
        asked = f"The class: {quoted(vocabulary.names[label])}"
        return Conversation((Message("system", system), Message("user", asked)), schema())


def _listed(label: int, vocabulary: Vocabulary) -> list[str]:
    """The classes that a prompt shows, each as one line of JSON."""
    place = vocabulary.classes.index(label)
    first = max(0, min(place - _SHOWN // 2, len(vocabulary.classes) - _SHOWN))
    return [quoted(vocabulary.names[i]) for i in vocabulary.classes[first : first + _SHOWN]]


def _once_more(question: Conversation, reply: Reply) -> Conversation:
    said = Message("assistant", reply.text.strip() or _SILENCE)
    return Conversation((*question.messages, said, Message("user", _CORRECTION)), question.schema)


def _exchange(question: Conversation, reply: Reply, unread: bool) -> Exchange:
    dropped = (reply.text.strip() or _SILENCE,) if unread and reply.refused is None else ()
    text = question.text()
    return Exchange("class words", text, reply.text, dropped, reply.usage, reply.refused)


def _in_order(found: list[Proposal]) -> list[Proposal]:
    """Proposals by class, whenever they were answered."""
    return sorted(found, key=lambda own: own.label)
