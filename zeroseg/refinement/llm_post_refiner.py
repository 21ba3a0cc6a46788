"""Post-refinement by a language model (paper, section 3.3.2)."""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any, Literal

from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Reply
from zeroseg.refinement import verbatim
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.prompting import advice, class_names, fill, quoted, read_template
from zeroseg.refinement.reply import Answers, parse_answers
from zeroseg.refinement.words import words_of
from zeroseg.values import UNRESOLVED, Exchange, Resolution
from zeroseg.vocabulary import Vocabulary

_QUESTION = "Which class does each of these phrases belong to?"
_QUESTION_ALONE = "Which class does this phrase belong to?"
_NONE = "none"


class LLMPostRefiner(PostRefiner):
    """Asks a language model which classes a detector's phrases stand for.

    A phrase that is a class already, by its name, prompt, an alias or a plural of these, is not
    asked about; every other phrase is asked once per vocabulary, several to a call, in an order
    that does not depend on the images. The background is an answer as any other. What the model
    answers outside the vocabulary leaves a phrase unresolved, for good. Phrases that the model
    left out, because its answer was empty, cut off or unreadable, are asked again; if that does
    not help they are unresolved for now, and asked when they next occur.

    Args:
        chat: The language model.
        batch_size: The most phrases in one call.
        cache: Where answers are kept, as class names, "" for none. By default a fresh dictionary
            of this refiner's own; None keeps nothing. A mapping of your own may be shared between
            refiners with the same model and template.
        template: A prompt of your own: a text file with `$classes` and, where wanted, `$tips`.
        tips: Whether the prompt tells other words for the classes.
        retries: How often phrases that an answer leaves out are asked again.
        reading: "verbatim" does as the published implementation: every phrase that is not a class's
            name letter for letter is asked by itself, whatever `batch_size` is, and without a JSON
            schema; the whole answer must be a class's name letter for letter, else the phrase is
            unresolved ("Dog", "dog."); only an empty answer is asked for again.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `batch_size` is not positive, `retries` is negative, or `reading` is unknown.
    """

    def __init__(
        self,
        chat: ChatModel,
        batch_size: int = 32,
        cache: MutableMapping[str, str] | Literal["fresh"] | None = "fresh",
        template: str | Path | None = None,
        tips: bool = True,
        retries: int = 1,
        reading: verbatim.Reading = "lenient",
    ) -> None:
        super().__init__()
        if batch_size < 1 or retries < 0:
            raise ValueError(
                f"batch_size is {batch_size}, but must be at least 1; "
                f"retries is {retries}, but cannot be negative"
            )
        self.chat = chat
        self.reading = verbatim.checked(reading)
        self.batch_size = batch_size if reading == "lenient" else 1
        self.cache: MutableMapping[str, str] | None = {} if cache == "fresh" else cache
        default = "post_refinement" if reading == "lenient" else "post_refinement_alone"
        self.template = read_template(template, f"{default}.txt", ("classes", "tips"))
        self.tips = tips
        self.retries = retries

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        """Resolve phrases, asking about those that are no classes and not in the cache.

        Raises:
            ChatError: The model refused or stayed unreachable.
        """
        names = ClassNames(vocabulary)
        words = {phrase: " ".join(words_of(phrase)) for phrase in phrases}
        labels: dict[str, int] = {}
        for phrase in words:
            named = self._find(phrase, names)
            known = named if named is not None else self._recall(words[phrase], names)
            if known is not None:
                labels[phrase] = known
        pending = {words[phrase] for phrase in words if phrase not in labels} - {""}
        answers: dict[str, int] = {}
        exchanges: list[Exchange] = []
        for _ in range(1 + self.retries):
            answered, said = self._ask(sorted(pending - answers.keys()), names)
            answers.update(answered)
            exchanges += said
        found = (labels.get(p, answers.get(words[p], UNRESOLVED)) for p in phrases)
        return Resolution(tuple(found), tuple(exchanges))

    def system_prompt(self, vocabulary: Vocabulary) -> str:
        """What the model is told before any phrase; it depends on the vocabulary alone."""
        values = {
            "classes": ", ".join(class_names(vocabulary, background=True)),
            "tips": advice(vocabulary, scenes=False) if self.tips else "",
        }
        return fill(self.template, values)

    def _ask(
        self, phrases: Sequence[str], names: ClassNames
    ) -> tuple[dict[str, int], list[Exchange]]:
        """The answers that came, by phrase, and all that was said."""
        if not phrases:
            return {}, []
        system = self.system_prompt(names.vocabulary)
        starts = range(0, len(phrases), self.batch_size)
        batches = [phrases[start : start + self.batch_size] for start in starts]
        asked = [self._question(system, batch, names.vocabulary) for batch in batches]
        known: dict[str, int] = {}
        exchanges = []
        for batch, question, reply in zip(batches, asked, self.chat(asked), strict=True):
            answers = self._read(reply.text, batch, names)
            exchanges.append(_exchange(question, reply, answers))
            for position, label in answers.labels.items():
                known[batch[position]] = label
                self._remember(batch[position], label, names)
        return known, exchanges

    def _question(
        self, system: str, phrases: Sequence[str], vocabulary: Vocabulary
    ) -> Conversation:
        schema = None
        if self.reading == "verbatim":
            asked = f"{_QUESTION_ALONE}\n{quoted(phrases[0])}"
        else:
            lines = [f"{number}. {quoted(p)}" for number, p in enumerate(phrases, start=1)]
            asked = "\n".join((_QUESTION, *lines))
            schema = answer_schema(vocabulary)
        return Conversation((Message("system", system), Message("user", asked)), schema)

    def _find(self, phrase: str, names: ClassNames) -> int | None:
        """The class that a phrase is already."""
        if self.reading == "lenient":
            return names.find(phrase)
        known = names.vocabulary.names
        return known.index(phrase) if phrase in known else None

    def _read(self, text: str, phrases: Sequence[str], names: ClassNames) -> Answers:
        if self.reading == "verbatim":
            return verbatim.read_answer(text, names.vocabulary)
        return parse_answers(text, phrases, names)

    def _recall(self, words: str, names: ClassNames) -> int | None:
        kept = self.cache.get(_key(words, names.vocabulary)) if self.cache is not None else None
        if not kept:
            return None if kept is None else UNRESOLVED
        return names.vocabulary.index(kept)

    def _remember(self, words: str, label: int, names: ClassNames) -> None:
        if self.cache is not None:
            name = "" if label == UNRESOLVED else names.vocabulary.names[label]
            self.cache[_key(words, names.vocabulary)] = name


def answer_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """JSON schema of an answer: numbers of phrases, each with a class or "none"."""
    classes = class_names(vocabulary, background=True)
    answer = {
        "type": "object",
        "properties": {
            "number": {"type": "integer"},
            "label": {"type": "string", "enum": list(dict.fromkeys((*classes, _NONE)))},
        },
        "required": ["number", "label"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"answers": {"type": "array", "items": answer}},
        "required": ["answers"],
        "additionalProperties": False,
    }


def _exchange(question: Conversation, reply: Reply, answers: Answers) -> Exchange:
    return Exchange("post-refinement", question.text(), reply.text, answers.dropped, reply.usage)


def _key(words: str, vocabulary: Vocabulary) -> str:
    return json.dumps([class_names(vocabulary, background=True), words])
