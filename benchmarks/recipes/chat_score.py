"""How well a chat model refines for the drawn world: classes named, phrases resolved.

    python -m benchmarks.recipes.chat_score --checkpoint tiny:chat --count 500 --seed 7

The questions go through `LLMPreRefiner` and `LLMPostRefiner` as any other, each with a class list
of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields

from benchmarks.recipes.chat_questions import (
    DRAM,
    class_of,
    draw_classes,
    draw_description,
    draw_phrases,
    mentions,
)
from zeroseg.chat.chat_model import ChatModel
from zeroseg.chat.transformers_chat import TransformersChat
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.world import THINGS
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.llm_post_refiner import LLMPostRefiner
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.values import UNRESOLVED, Exchange
from zeroseg.vocabulary import Vocabulary

ClassLists = Sequence[Sequence[str]]


@dataclass
class Score:
    """Counts over all questions.

    Attributes:
        named: Classes that the model named for descriptions.
        expected: Classes that the descriptions name.
        right: Classes that are both.
        phrases: Phrases that the model was asked about.
        resolved: Those of them that got the right class, or none where no class covers them.
        answers: Answers of the model.
        clean: Those of them in which nothing had to be dropped or asked for again.
    """

    named: int = 0
    expected: int = 0
    right: int = 0
    phrases: int = 0
    resolved: int = 0
    answers: int = 0
    clean: int = 0

    def __add__(self, other: Score) -> Score:
        """The counts of both."""
        return Score(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def f1(self) -> float:
        """F1 of the classes named, over all descriptions; 1 if there was nothing to name."""
        return 2 * self.right / (self.named + self.expected) if self.named + self.expected else 1.0

    def __str__(self) -> str:
        """The figures in one line."""
        precision, recall = self.right / max(self.named, 1), self.right / max(self.expected, 1)
        return (
            f"F1 {self.f1:.3f} (precision {precision:.3f}, recall {recall:.3f}), "
            f"phrases {self.resolved / max(self.phrases, 1):.3f} of {self.phrases}, "
            f"clean answers {self.clean / max(self.answers, 1):.3f} of {self.answers}"
        )


def score(chat: ChatModel, seed: int, count: int, lists: ClassLists = ()) -> Score:
    """Ask for the classes of `count` descriptions and of as many sets of phrases.

    Args:
        chat: The model.
        seed: Where the questions come from.
        count: How many of each kind.
        lists: Class lists to use in turn; by default random ones that training never uses.
    """
    pre, post = LLMPreRefiner(chat, tips=False), LLMPostRefiner(chat, tips=False)
    total = Score()
    for index in range(count):
        dice = Dice(f"{seed}/{index}")
        classes = lists[index % len(lists)] if lists else draw_classes(dice, held_out=True)
        total += score_description(pre, classes, dice) + score_phrases(post, classes, dice)
    return total


def score_description(refiner: PreRefiner, classes: Sequence[str], dice: Dice) -> Score:
    """The counts of one random description."""
    vocabulary = Vocabulary.from_names(classes)
    description = draw_description(dice, classes)
    expected = {class_of(word, classes) for word in mentions(description)} - {None}
    [selection] = refiner([description], vocabulary)
    named = {vocabulary.names[label] for label in selection.labels}
    return Score(
        named=len(named),
        expected=len(expected),
        right=len(named & expected),
        answers=len(selection.exchanges),
        clean=_clean(selection.exchanges),
    )


def score_phrases(refiner: LLMPostRefiner, classes: Sequence[str], dice: Dice) -> Score:
    """The counts of one random set of phrases; those that are classes already are left out."""
    vocabulary = Vocabulary.from_names(classes)
    names = ClassNames(vocabulary)
    drawn = draw_phrases(dice, classes)
    asked = {phrase: word for phrase, word in drawn.items() if names.find(phrase) is None}
    resolution = refiner(list(asked), vocabulary)
    found = [None if n == UNRESOLVED else vocabulary.names[n] for n in resolution.labels]
    expected = [class_of(word, classes) for word in asked.values()]
    return Score(
        phrases=len(asked),
        resolved=sum(a == b for a, b in zip(found, expected, strict=True)),
        answers=len(resolution.exchanges),
        clean=_clean(resolution.exchanges),
    )


def _clean(exchanges: Sequence[Exchange]) -> int:
    return int(len(exchanges) == 1 and not exchanges[0].dropped)


def main() -> None:
    """Print the figures for held-out class lists, and for the two that users meet first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="tiny:chat")
    parser.add_argument("--count", type=int, default=500, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    chat = TransformersChat.from_pretrained(args.checkpoint, dtype="float32")
    print("held-out lists:", score(chat, args.seed, args.count))
    print("DRAM:", score(chat, args.seed, args.count, [DRAM]))
    print("drawn world:", score(chat, args.seed, args.count, [tuple(THINGS)]))


if __name__ == "__main__":
    main()
