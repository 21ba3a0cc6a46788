"""Pre-refinement by a language model (paper, section 3.3.1)."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import keep_answers
from zeroseg.chat.chat_model import ChatModel, Conversation, Message
from zeroseg.chat.lock import Lock
from zeroseg.errors import PresetError
from zeroseg.refinement.asking import ask_each
from zeroseg.refinement.certainty import Certainty
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.examples import Example, shown
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.prompting import (
    advice,
    class_names,
    described,
    fill,
    labels_schema,
    read_template,
)
from zeroseg.refinement.reply import Parsed, parse_labels
from zeroseg.refinement.selecting import select_classes
from zeroseg.values import Description, Exchange, Selection
from zeroseg.vocabulary import Vocabulary

_QUESTION = "Which of the classes are in the picture that this describes?"
_CORRECTION = (
    "That is not the list that was asked for. Answer with classes of the list only, separated by "
    "commas, or with the word none."
)


class LLMPreRefiner(PreRefiner):
    """Asks a language model which classes are in an image, given its tags and caption.

    The system message depends on the vocabulary alone and comes first, so that servers can cache
    it; the description follows, quoted as data. An answer is only ever read for classes of the
    vocabulary (see `zeroseg.refinement.reply`): whatever a caption or a model says, nothing else
    is selected. What names no class is dropped and recorded. An answer out of which no class can
    be read, and which does not say "none" either, is asked for again; if that does not help,
    nothing is selected. Where the question itself is refused (the description is held back by a
    filter of contents, or too long), the others go on, and this image's classes are chosen by the
    rules of `LexicalPreRefiner`. An image without tags and caption is not asked about.

    Args:
        chat: The language model.
        template: A prompt of your own: a text file with `$classes` and, where wanted, `$tips` and
            `$examples`. The default, in the package's `templates` folder, has the paper's four
            steps in other words.
        tips: Whether the prompt tells other words for the classes and what scenes usually hold,
            drawn from the vocabulary's aliases and the built-in thesaurus.
        examples: Descriptions with right answers for the prompt.
        retries: How often an answer that cannot be read is asked for again.
        cache: Where answers are kept (see `CachedChat`); by default they are not.
        gate: Whether a description that leaves nothing to decide is not asked about: its words say
            with certainty which classes they mean (see `Certainty`), and these are selected.
        margin: For the gate: how many steps of the thesaurus the class that a word means has to be
            nearer than every other one; None where it has to be the only one.

    Attributes:
        skipped: Descriptions that the gate has kept from the model.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `retries` or `margin` is negative.
    """

    def __init__(
        self,
        chat: ChatModel,
        template: str | Path | None = None,
        tips: bool = True,
        examples: Sequence[Example] = (),
        retries: int = 1,
        cache: AnswerCache | MutableMapping[str, str] | None = None,
        gate: bool = False,
        margin: int | None = None,
    ) -> None:
        super().__init__()
        if retries < 0 or (margin or 0) < 0:
            raise ValueError(
                f"retries is {retries} and margin {margin}, but neither can be negative"
            )
        self.chat = chat
        if cache is not None:
            self.keep(cache)
        known = ("classes", "tips", "examples")
        self.template = read_template(template, "pre_refinement.txt", known)
        self.tips = tips
        self.retries = retries
        self.gate = gate
        self.margin = margin
        self.skipped = 0
        self._lock = Lock()
        self.show(examples)

    @property
    def waits(self) -> bool:
        """Whether the language model does."""
        return self.chat.waits

    def keep(self, cache: MutableMapping[str, str]) -> None:
        """Keep answers in `cache` from now on."""
        self.chat = keep_answers(self.chat, cache)

    def show(self, examples: Sequence[Example]) -> None:
        """Put these examples into the prompt from now on, in place of those before.

        Raises:
            PresetError: The prompt template has no place for them.
        """
        if examples and "examples" not in self.template.template:
            raise PresetError("the prompt template has no place for examples: it needs $examples")
        self.examples = tuple(examples)

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose the classes that the model thinks present, in the vocabulary's order.

        Raises:
            ChatError: The model cannot be asked at all.
            VocabularyError: An example names a class that is not in the vocabulary.
        """
        settled = self._settle(descriptions, vocabulary)
        asked = [d for d, labels in zip(descriptions, settled, strict=True) if labels is None]
        system = self.system_prompt(vocabulary) if asked else ""
        schema = self._schema(vocabulary)
        answers = iter(self._ask([_question(system, d, schema) for d in asked], vocabulary))
        selections = []
        for description, known in zip(descriptions, settled, strict=True):
            labels, exchanges = next(answers) if known is None else (known, ())
            if exchanges and exchanges[-1].refused is not None:
                labels = self._unrefined(description, vocabulary)
            selection = self._select(labels, description, vocabulary)
            selections.append(replace(selection, exchanges=exchanges))
        return selections

    def _settle(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[tuple[int, ...] | None]:
        """The classes of each description, or None where the model has to be asked."""
        told = [_says_something(description) for description in descriptions]
        if not self.gate:
            return [None if something else () for something in told]
        certainty = Certainty(vocabulary, self.margin)
        settled = [
            certainty.labels(description) if something else ()
            for description, something in zip(descriptions, told, strict=True)
        ]
        with self._lock:
            self.skipped += sum(
                labels is not None and something
                for labels, something in zip(settled, told, strict=True)
            )
        return settled

    def system_prompt(self, vocabulary: Vocabulary) -> str:
        """What the model is told before any description; it depends on the vocabulary alone."""
        values = {
            "classes": ", ".join(class_names(vocabulary)),
            "tips": advice(vocabulary, scenes=True) if self.tips else "",
            "examples": "\n\n".join(shown(example, vocabulary) for example in self.examples),
        }
        return fill(self.template, values)

    def _ask(
        self, questions: Sequence[Conversation], vocabulary: Vocabulary
    ) -> list[tuple[tuple[int, ...], tuple[Exchange, ...]]]:
        """For each question the classes answered and all that was said."""
        names = ClassNames(vocabulary)
        answers = ask_each(
            self.chat,
            questions,
            lambda _, text: self._read(text, names),
            purpose="pre-refinement",
            correction=_CORRECTION,
            retries=self.retries,
        )
        return [(parsed.labels if parsed else (), said) for parsed, said in answers]

    def _unrefined(self, description: Description, vocabulary: Vocabulary) -> tuple[int, ...]:
        """The classes of an image that the model was not allowed to be asked about."""
        [selection] = LexicalPreRefiner()([description], vocabulary)
        return selection.labels

    def _schema(self, vocabulary: Vocabulary) -> dict[str, Any] | None:
        """What an answer has to look like; None leaves it to the prompt."""
        return labels_schema(class_names(vocabulary))

    def _read(self, text: str, names: ClassNames) -> Parsed:
        """The classes that an answer names."""
        return parse_labels(text, names)

    def _select(
        self, labels: Sequence[int], description: Description, vocabulary: Vocabulary
    ) -> Selection:
        """What to look for where the model has chosen these classes for a description."""
        return select_classes(labels, vocabulary)


def _says_something(description: Description) -> bool:
    return bool(description.tags) or bool((description.caption or "").strip())


def _question(system: str, description: Description, schema: dict[str, Any] | None) -> Conversation:
    asked = f"{_QUESTION}\n<description>\n{described(description)}\n</description>"
    return Conversation((Message("system", system), Message("user", asked)), schema)
