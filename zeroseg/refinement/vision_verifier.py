"""Verification by a language model that sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import keep_answers
from zeroseg.chat.chat_model import ChatModel, Conversation, Message, Picture
from zeroseg.refinement.asking import ask_each
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.prompting import advice, fill, labels_schema, read_template
from zeroseg.refinement.reply import Parsed, parse_labels
from zeroseg.refinement.selecting import only
from zeroseg.refinement.verifier import Verifier
from zeroseg.values import Selection
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.needs import Need, Sight

SHOWN_SIDE = 768
"""Pixels of a picture's longer side as it is shown by default; ours, not measured."""

_QUESTION = "Which of the classes are in the picture?"
_CORRECTION = (
    "That is not the list that was asked for. Answer with classes of the list only, separated by "
    "commas, or with the word none."
)


class VisionVerifier(Verifier):
    """Shows each image to a language model, and asks which of the classes selected are there.

    One question an image, about all classes that were selected for it: behind `AllClasses` it
    chooses what to look for by itself, behind another pre-refiner it takes away what is not there.
    All words of a class that is not named are taken away. Distractors stay as long as a class
    does; a raw tag, which is of no class, is not asked about and stays.

    An answer is only ever read for classes that were asked about (see `zeroseg.refinement.reply`):
    whatever is written in a picture, nothing is selected that was not before. An answer out of
    which none can be read, and which does not say "none" either, is asked for again; if that does
    not help, or if the question is refused, the selection stays as it was.

    Args:
        chat: A language model that sees: `OpenAIChat` with such a model, or `TransformersChat` of a
            checkpoint for images and text.
        longest_side: The most pixels that the longer side of a picture is shown with; None shows
            all of them. What a picture costs grows with its area.
        template: A prompt of your own: a text file with `$classes` and, where wanted, `$tips`.
        tips: Whether the prompt tells other words for the classes.
        retries: How often an answer that cannot be read is asked for again.
        cache: Where answers are kept (see `CachedChat`); by default they are not.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `longest_side` is less than 1, or `retries` is negative.
    """

    def __init__(
        self,
        chat: ChatModel,
        longest_side: int | None = SHOWN_SIDE,
        template: str | Path | None = None,
        tips: bool = True,
        retries: int = 1,
        cache: AnswerCache | MutableMapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        check_looking(longest_side, retries)
        self.chat = chat
        if cache is not None:
            self.keep(cache)
        self.longest_side = longest_side
        self.template = read_template(template, "verification.txt", ("classes", "tips"))
        self.tips = tips
        self.retries = retries

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be so before it is built; see `zeroseg.weights.needs`."""
        yield Sight("chat")

    @property
    def waits(self) -> bool:
        """Whether the language model does."""
        return self.chat.waits

    def keep(self, cache: MutableMapping[str, str]) -> None:
        """Keep answers in `cache` from now on."""
        self.chat = keep_answers(self.chat, cache)

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Keep of each selection what the model sees; see `Verifier.forward`.

        Raises:
            ChatError: The model cannot be asked at all, or sees nothing.
        """
        candidates = [_classes(own, vocabulary) for own in selections]
        asked = [place for place, labels in enumerate(candidates) if labels]
        names = ClassNames(vocabulary)
        answers = ask_each(
            self.chat,
            [self._question(images[i], candidates[i], vocabulary) for i in asked],
            lambda turn, text: _read(text, candidates[asked[turn]], names),
            purpose="verification",
            correction=_CORRECTION,
            retries=self.retries,
        )
        verified = list(selections)
        for place, (parsed, said) in zip(asked, answers, strict=True):
            before = selections[place]
            seen = parsed is not None and parsed.understood
            left = only(before, parsed.labels) if parsed is not None and seen else before
            verified[place] = replace(left, exchanges=(*before.exchanges, *said))
        return verified

    def system_prompt(self, labels: Sequence[int], vocabulary: Vocabulary) -> str:
        """What the model is told before a picture; it depends on the candidate classes alone."""
        values = {
            "classes": ", ".join(_names(labels, vocabulary)),
            "tips": advice(vocabulary, False, tuple(labels)) if self.tips else "",
        }
        return fill(self.template, values)

    def _question(
        self, image: Tensor, labels: Sequence[int], vocabulary: Vocabulary
    ) -> Conversation:
        system = Message("system", self.system_prompt(labels, vocabulary))
        shown = (Picture(image.cpu(), self.longest_side),)
        schema = labels_schema(_names(labels, vocabulary))
        return Conversation((system, Message("user", _QUESTION, shown)), schema)


def check_looking(longest_side: int | None, retries: int) -> None:
    """Refuse arguments with which nothing can be shown or asked.

    Raises:
        ValueError: `longest_side` is less than 1, or `retries` is negative.
    """
    if longest_side is not None and longest_side < 1:
        raise ValueError(f"longest_side is {longest_side}, expected at least 1 or None")
    if retries < 0:
        raise ValueError(f"retries is {retries}, but cannot be negative")


def _classes(selection: Selection, vocabulary: Vocabulary) -> tuple[int, ...]:
    """The classes of a selection, rising."""
    return tuple(sorted({i for i in selection.labels if i >= 0} - {vocabulary.background}))


def _names(labels: Sequence[int], vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(sorted(vocabulary.names[label] for label in labels))


def _read(text: str, candidates: Sequence[int], names: ClassNames) -> Parsed:
    """The candidates that an answer names; others that it names are dropped."""
    parsed = parse_labels(text, names)
    seen = tuple(label for label in parsed.labels if label in candidates)
    strays = tuple(names.vocabulary.names[i] for i in parsed.labels if i not in candidates)
    return Parsed(seen, (*parsed.dropped, *strays), parsed.empty)
