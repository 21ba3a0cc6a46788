"""Pre-refinement as the reference does it."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.chat_model import ChatModel
from zeroseg.reference import verbatim
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.examples import Example
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.reply import Parsed
from zeroseg.refinement.selecting import with_distractors
from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary


class ReferencePreRefiner(LLMPreRefiner):
    """`LLMPreRefiner` whose answers are read as the reference reads them.

    Tags and answer are cut at ", ", and only what is a class's name letter for letter counts: not
    "Dog" or "dog.", and the last tag is lost to the caption behind it. The tags that count are
    added to the answer, so that the model only adds; where a question is refused they are all there
    is. The detector is asked with names ("potted-plant"), one for a class. No JSON schema is sent
    along, and no description goes unasked. See `zeroseg.reference.verbatim`.

    Args:
        chat: The language model.
        template: A prompt of your own; see `LLMPreRefiner`.
        tips: Whether the prompt tells other words for the classes and what scenes usually hold.
        examples: Descriptions with right answers for the prompt.
        retries: How often an answer without class that is not "none" is asked for again.
        cache: Where answers are kept; by default they are not.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `retries` is negative.
    """

    def __init__(
        self,
        chat: ChatModel,
        template: str | Path | None = None,
        tips: bool = True,
        examples: Sequence[Example] = (),
        retries: int = 0,
        cache: AnswerCache | MutableMapping[str, str] | None = None,
    ) -> None:
        super().__init__(chat, template, tips, examples, retries, cache)

    def _schema(self, vocabulary: Vocabulary) -> dict[str, Any] | None:
        return None

    def _read(self, text: str, names: ClassNames) -> Parsed:
        return verbatim.read_labels(text, names.vocabulary)

    def _unrefined(self, description: Description, vocabulary: Vocabulary) -> tuple[int, ...]:
        return ()

    def _select(
        self, labels: Sequence[int], description: Description, vocabulary: Vocabulary
    ) -> Selection:
        chosen = sorted({*labels, *verbatim.tagged(description, vocabulary)})
        names = tuple(vocabulary.names[label] for label in chosen)
        return with_distractors(Selection(names, tuple(chosen)), vocabulary)
