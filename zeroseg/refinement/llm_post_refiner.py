"""Post-refinement by a language model (paper, section 3.3.2)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import digest
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply, replies_of
from zeroseg.chat.in_flight import InFlight
from zeroseg.chat.lock import Lock
from zeroseg.refinement.asking import SILENCE, exchange
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.prompting import (
    advice,
    class_names,
    fill,
    numbered_schema,
    quoted,
    read_template,
)
from zeroseg.refinement.reply import Answers, parse_answers
from zeroseg.refinement.words import words_of
from zeroseg.values import UNRESOLVED, Exchange, Resolution
from zeroseg.vocabulary import Vocabulary


class LLMPostRefiner(PostRefiner):
    """Asks a language model which classes a detector's phrases stand for.

    A phrase that is a class already, by its name, prompt, an alias or a plural of these, is not
    asked about; every other phrase is asked once per vocabulary, several to a call, in an order
    that does not depend on the images. A phrase that another thread is asking about is waited for.
    The system message depends on the vocabulary alone and comes first, so that servers can cache
    it. The background is an answer as any other. What the model answers outside the vocabulary
    leaves a phrase unresolved, for good. Phrases that the model left out, because its answer was
    empty, cut off or unreadable, are asked again; if that does not help they are unresolved for
    now, and asked when they next occur. Where a question is refused (a phrase is held back by a
    filter of contents, or the phrases are too many), smaller parts of it are asked, so that the
    phrases of other images are resolved; those that it was about are unresolved for now.

    Args:
        chat: The language model.
        batch_size: The most phrases in one call.
        cache: Where answers are kept, as class names, "" for none. By default a fresh dictionary
            of this refiner's own; an `AnswerCache` keeps them for ever; None keeps nothing. It may
            be shared: a key holds the chat model's `identity`, prompt, vocabulary and phrase.
        template: A prompt of your own: a text file with `$classes` and, where wanted, `$tips`.
        tips: Whether the prompt tells other words for the classes.
        retries: How often phrases that an answer leaves out are asked again.
        margin: With a number the model is a tie-breaker: a phrase is asked about only if the
            nearest two classes differ by no more than so many steps of the thesaurus, or if the
            thesaurus does not know it; see `LexicalMatcher.settle`. By default every phrase is.

    Attributes:
        skipped: Phrases that the margin has kept from the model.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `batch_size` is not positive, or `retries` or `margin` is negative.
    """

    _template = "post_refinement.txt"
    _asking = "Which class does each of these phrases belong to?"

    def __init__(
        self,
        chat: ChatModel,
        batch_size: int = 32,
        cache: AnswerCache | MutableMapping[str, str] | Literal["fresh"] | None = "fresh",
        template: str | Path | None = None,
        tips: bool = True,
        retries: int = 1,
        margin: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or retries < 0 or (margin or 0) < 0:
            raise ValueError(
                f"batch_size is {batch_size}, but must be at least 1; retries is {retries} and "
                f"margin {margin}, but neither can be negative"
            )
        self.chat = chat
        self.batch_size = batch_size
        self.cache: MutableMapping[str, str] | None = {} if cache == "fresh" else cache
        self.template = read_template(template, self._template, ("classes", "tips"))
        self.tips = tips
        self.retries = retries
        self.margin = margin
        self.skipped = 0
        self._lock = Lock()
        self._flights: InFlight[str, int] = InFlight()

    @property
    def waits(self) -> bool:
        """Whether the language model does."""
        return self.chat.waits

    def keep(self, cache: MutableMapping[str, str]) -> None:
        """Keep answers in `cache` from now on."""
        self.cache = cache

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        """Resolve phrases, asking about those that are no classes and not in the cache.

        Raises:
            ChatError: The model cannot be asked at all.
        """
        names = ClassNames(vocabulary)
        words = {phrase: self._asked(phrase) for phrase in phrases}
        labels = {phrase: self._find(phrase, names) for phrase in words}
        labels |= self._settle([phrase for phrase in words if labels[phrase] is None], names)
        pending = {words[phrase] for phrase in words if labels[phrase] is None} - {""}
        answers, exchanges = self._resolve(sorted(pending), names) if pending else ({}, [])
        found = []
        for phrase in phrases:
            label = labels[phrase]
            found.append(answers.get(words[phrase], UNRESOLVED) if label is None else label)
        return Resolution(tuple(found), tuple(exchanges))

    def system_prompt(self, vocabulary: Vocabulary) -> str:
        """What the model is told before any phrase; it depends on the vocabulary alone."""
        values = {
            "classes": ", ".join(class_names(vocabulary, background=True)),
            "tips": advice(vocabulary, scenes=False) if self.tips else "",
        }
        return fill(self.template, values)

    def _resolve(
        self, phrases: Sequence[str], names: ClassNames
    ) -> tuple[dict[str, int], list[Exchange]]:
        """The answers there are, by phrase, and all that this thread has said."""
        system = self.system_prompt(names.vocabulary)
        prompt = digest(self.chat.identity, system, self._asking)
        key_of = {f"phrase {prompt} {phrase}": phrase for phrase in phrases}
        exchanges: list[Exchange] = []

        def work(keys: list[str]) -> dict[str, int]:
            recalled = {key: self._recall(key, names) for key in keys}
            found = {key: label for key, label in recalled.items() if label is not None}
            given_up: set[str] = set()
            for _ in range(1 + self.retries):
                new = {key_of[key]: key for key in keys if key not in (*found, *given_up)}
                if not new:
                    break
                answers, refused, said = self._ask(new, system, names)
                found.update(answers)
                given_up |= refused
                exchanges.extend(said)
            return found

        shared = self._flights.share(key_of, work)
        return {key_of[key]: label for key, label in shared.items()}, exchanges

    def _ask(
        self, key_of: Mapping[str, str], system: str, names: ClassNames
    ) -> tuple[dict[str, int], set[str], list[Exchange]]:
        """The answers that came, what was refused, both by the keys of phrases, and all exchanges.

        What is refused is asked about in parts, as long as some part is answered: the phrases may
        be of several images, and few of them at fault.
        """
        known: dict[str, int] = {}
        held_back: list[list[str]] = []
        exchanges: list[Exchange] = []
        batches, whole = _parts(list(key_of), self.batch_size), True
        origins: list[tuple[Message, ...] | None] = [None] * len(batches)
        while batches:
            asked = [
                replace(self._question(system, batch, names.vocabulary), part_of=origin)
                for batch, origin in zip(batches, origins, strict=True)
            ]
            refused = []
            replies = replies_of(self.chat, asked)
            for batch, question, reply in zip(batches, asked, replies, strict=True):
                answers, exchange = self._hear(batch, question, reply, names)
                found = {key_of[phrase]: label for phrase, label in answers.items()}
                known.update(found)
                exchanges.append(exchange)
                if reply.complete:
                    self._remember(found, names)
                if reply.refused is not None:
                    refused.append((batch, question.part_of or question.messages))
            divisible = whole or len(refused) < len(batches)
            split = [pair for pair in refused if divisible and len(pair[0]) > 1]
            held_back += [batch for batch, origin in refused if (batch, origin) not in split]
            parts = [
                (part, origin)
                for batch, origin in split
                for part in _parts(batch, -(-len(batch) // 4))
            ]
            batches, origins = [part for part, _ in parts], [origin for _, origin in parts]
            whole = False
        return known, {key_of[phrase] for batch in held_back for phrase in batch}, exchanges

    def _hear(
        self, batch: Sequence[str], question: Conversation, reply: Reply, names: ClassNames
    ) -> tuple[dict[str, int], Exchange]:
        """The answers to phrases that a reply gives, and what was said."""
        if reply.refused is not None:
            return {}, exchange("post-refinement", question, reply)
        answers = self._read(reply.text, batch, names)
        dropped = answers.dropped
        if len(answers.labels) < len(batch):
            self.chat.forget(question)
            dropped = dropped or (reply.text.strip() or SILENCE,)
        found = {batch[i]: label for i, label in answers.labels.items()}
        return found, exchange("post-refinement", question, reply, dropped)

    def _question(
        self, system: str, phrases: Sequence[str], vocabulary: Vocabulary
    ) -> Conversation:
        lines = [f"{number}. {quoted(p)}" for number, p in enumerate(phrases, start=1)]
        asked = "\n".join((self._asking, *lines))
        messages = Message("system", system), Message("user", asked)
        schema = numbered_schema(class_names(vocabulary, background=True))
        return Conversation(messages, schema)

    def _asked(self, phrase: str) -> str:
        """What is asked about for a phrase; phrases of the same words share an answer."""
        return " ".join(words_of(phrase))

    def _find(self, phrase: str, names: ClassNames) -> int | None:
        """The class that a phrase is already."""
        return names.find(phrase)

    def _settle(self, phrases: Sequence[str], names: ClassNames) -> dict[str, int]:
        """Those phrases that need no tie-breaker, with their classes."""
        if self.margin is None:
            return {}
        matcher = matcher_of(names.vocabulary)
        found = {phrase: matcher.settle(phrase, self.margin) for phrase in phrases}
        settled = {phrase: label for phrase, label in found.items() if label is not None}
        with self._lock:
            self.skipped += len(settled)
        return settled

    def _read(self, text: str, phrases: Sequence[str], names: ClassNames) -> Answers:
        """What an answer says of each phrase."""
        return parse_answers(text, phrases, names)

    def _recall(self, key: str, names: ClassNames) -> int | None:
        kept = self.cache.get(key) if self.cache is not None else None
        if kept == "":
            return UNRESOLVED
        return names.vocabulary.names.index(kept) if kept in names.vocabulary.names else None

    def _remember(self, labels: Mapping[str, int], names: ClassNames) -> None:
        if self.cache is not None:
            for key, label in labels.items():
                self.cache[key] = "" if label == UNRESOLVED else names.vocabulary.names[label]


def _parts(phrases: Sequence[str], size: int) -> list[list[str]]:
    """Phrases in lists of at most `size`."""
    return [list(phrases[start : start + size]) for start in range(0, len(phrases), size)]
