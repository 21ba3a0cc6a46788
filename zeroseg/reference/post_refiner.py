"""Post-refinement as the reference does it."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Literal

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.chat_model import ChatModel, Conversation, Message
from zeroseg.reference import verbatim
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.prompting import quoted
from zeroseg.refinement.reply import Answers
from zeroseg.vocabulary import Vocabulary


class ReferencePostRefiner(LLMPostRefiner):
    """`LLMPostRefiner` that asks about each phrase by itself, as the reference does.

    Every phrase that is not a class's name letter for letter is asked about as it is (with a
    hyphen, without its spaces), and without a JSON schema. The whole answer must be a class's name
    letter for letter, else the phrase is unresolved ("Dog", "dog."); only an empty answer is asked
    for again. See `zeroseg.reference.verbatim`.

    Args:
        chat: The language model.
        cache: Where answers are kept; see `LLMPostRefiner`.
        template: A prompt of your own; see `LLMPostRefiner`.
        tips: Whether the prompt tells other words for the classes.
        retries: How often an empty answer is asked for again.

    Raises:
        PresetError: The template cannot be used.
        ValueError: `retries` is negative.
    """

    _template = "post_refinement_alone.txt"
    _asking = "Which class does this phrase belong to?"

    def __init__(
        self,
        chat: ChatModel,
        cache: AnswerCache | MutableMapping[str, str] | Literal["fresh"] | None = "fresh",
        template: str | Path | None = None,
        tips: bool = True,
        retries: int = 2,
    ) -> None:
        super().__init__(chat, 1, cache, template, tips, retries)

    def _question(
        self, system: str, phrases: Sequence[str], vocabulary: Vocabulary
    ) -> Conversation:
        [phrase] = phrases
        asked = f"{self._asking}\n{quoted(phrase)}"
        return Conversation((Message("system", system), Message("user", asked)))

    def _asked(self, phrase: str) -> str:
        return phrase.replace(" ", "") if "-" in phrase else phrase.strip()

    def _find(self, phrase: str, names: ClassNames) -> int | None:
        known = names.vocabulary.names
        return known.index(phrase) if phrase in known else None

    def _read(self, text: str, phrases: Sequence[str], names: ClassNames) -> Answers:
        return verbatim.read_answer(text, names.vocabulary)
