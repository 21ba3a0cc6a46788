"""Review of what was found, by a language model that sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroseg.chat.answer_cache import AnswerCache
from zeroseg.chat.cached_chat import keep_answers
from zeroseg.chat.chat_model import ChatModel, Conversation, Message
from zeroseg.refinement.asking import ask_each
from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.doubts import Doubt, Doubts
from zeroseg.refinement.numbered_boxes import with_numbers
from zeroseg.refinement.prompting import advice, fill, numbered_schema, read_template
from zeroseg.refinement.reply import parse_answers
from zeroseg.refinement.reviewer import Review, Reviewer
from zeroseg.refinement.vision_verifier import SHOWN_SIDE, check_looking
from zeroseg.values import UNRESOLVED, DenseScores, Detections, Exchange, Selection
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.needs import Need, Sight

_QUESTION = "What is there? Answer each with one of its classes, or with none."
_CORRECTION = (
    "That does not answer all questions. Answer with one line for each question: its number, a "
    "colon, and one of its classes, or the word none."
)


class VisionReviewer(Reviewer):
    """Shows a language model what is doubtful in an image, in numbered boxes, and asks what it is.

    Doubtful is what `Doubts` says: regions of classes whose presence is neither high nor low,
    regions that two classes claim with scores that are near, or whatever their scores where the two
    are look-alikes, and classes of which a dense map alone speaks. All of an image goes into one
    question, and an image without doubts is not asked about. A region is taken away
    where the answer is none of its classes; where it is another one of them, all that claimed the
    place are renamed to it. A class that was asked about and has no region left loses its dense
    maps, stuff only where its presence was in doubt.

    An answer counts for what was asked about alone, and only if it is "none" or names a class of
    the vocabulary. One that leaves questions open is asked for again; what stays open, or is
    refused, stays as it was.

    Args:
        chat: A language model that sees; see `VisionVerifier`.
        band: The presence between which a class is in doubt; see `Doubts`, as for the three that
            follow. These defaults are ours, and not measured.
        overlap: IoU from which the regions of two classes are one.
        margin: Most difference of the scores of two such regions that are in doubt.
        most: Most questions about one image.
        longest_side: See `VisionVerifier`, as for all the others.
        template: A prompt of your own: a text file with `$classes` and, where wanted, `$tips`.
        tips: Whether the prompt tells other words for the classes.
        retries: How often an answer that leaves questions open is asked for again.
        cache: Where answers are kept; by default they are not.

    Raises:
        PresetError: The template cannot be used.
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        chat: ChatModel,
        band: tuple[float, float] = (0.2, 0.8),
        overlap: float = 0.7,
        margin: float = 0.3,
        most: int = 16,
        longest_side: int | None = SHOWN_SIDE,
        template: str | Path | None = None,
        tips: bool = True,
        retries: int = 1,
        cache: AnswerCache | MutableMapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        check_looking(longest_side, retries)
        Doubts(band, overlap, margin, most)  # refuses what is out of range
        self.band, self.overlap, self.margin, self.most = band, overlap, margin, most
        self.chat = chat
        if cache is not None:
            self.keep(cache)
        self.longest_side = longest_side
        self.template = read_template(template, "review.txt", ("classes", "tips"))
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

    @property
    def doubts(self) -> Doubts:
        """When something is doubtful."""
        return Doubts(self.band, self.overlap, self.margin, self.most)

    def keep(self, cache: MutableMapping[str, str]) -> None:
        """Keep answers in `cache` from now on."""
        self.chat = keep_answers(self.chat, cache)

    def forward(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
        vocabulary: Vocabulary,
    ) -> list[Review]:
        """Settle what is doubtful in each image; see `Reviewer.forward`.

        Raises:
            ChatError: The model cannot be asked at all, or sees nothing.
        """
        told = list(zip(selections, detections, dense, strict=True))
        doubts = [self.doubts.of(*own, vocabulary) for own in told]
        asked = [place for place, own in enumerate(doubts) if own]
        names = ClassNames(vocabulary)
        answers = ask_each(
            self.chat,
            [self._question(images[i], detections[i], doubts[i], vocabulary) for i in asked],
            lambda turn, text: _read(text, doubts[asked[turn]], names),
            purpose="review",
            correction=_CORRECTION,
            retries=self.retries,
        )
        reviews = [Review(tuple(found.labels.tolist())) for found in detections]
        for place, (settled, said) in zip(asked, answers, strict=True):
            words = settled.words if settled is not None else {}
            unsure = self.doubts.unsure(*told[place], vocabulary)
            reviews[place] = _review(
                detections[place], doubts[place], words, unsure, vocabulary, said
            )
        return reviews

    def system_prompt(self, labels: Sequence[int], vocabulary: Vocabulary) -> str:
        """What the model is told before a picture; it depends on the classes in question alone."""
        values = {
            "classes": ", ".join(_names(labels, vocabulary)),
            "tips": advice(vocabulary, False, tuple(labels)) if self.tips else "",
        }
        return fill(self.template, values)

    def _question(
        self, image: Tensor, found: Detections, doubts: Sequence[Doubt], vocabulary: Vocabulary
    ) -> Conversation:
        labels = sorted({label for doubt in doubts for label in doubt.choices})
        boxes = [found.boxes[doubt.regions[0]].tolist() for doubt in doubts if doubt.regions]
        shown = (with_numbers(image, boxes, self.longest_side),)
        lines = [_line(n, doubt, vocabulary) for n, doubt in enumerate(doubts, start=1)]
        system = Message("system", self.system_prompt(labels, vocabulary))
        words = Message("user", "\n".join((_QUESTION, *lines)), shown)
        return Conversation((system, words), numbered_schema(_names(labels, vocabulary)))


@dataclass(frozen=True)
class _Settled:
    """What an answer says of several doubts.

    Attributes:
        words: For the position of each doubt that it answers a class of its choices, or -1.
        understood: Whether it answers all.
        dropped: Answers that name none of the choices, as they stood.
    """

    words: dict[int, int]
    understood: bool
    dropped: tuple[str, ...]


def _names(labels: Sequence[int], vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(sorted(vocabulary.names[label] for label in labels))


def _line(number: int, doubt: Doubt, vocabulary: Vocabulary) -> str:
    where = f"box {number}" if doubt.regions else "anywhere in the picture"
    return f"{number}. {where}: {', '.join(_names(doubt.choices, vocabulary))}"


def _read(text: str, doubts: Sequence[Doubt], names: ClassNames) -> _Settled:
    answers = parse_answers(text, [f"box {n}" for n in range(1, len(doubts) + 1)], names)
    words, others = {}, []
    for place, label in answers.labels.items():
        if place in answers.strays:
            continue
        words[place] = label if label in doubts[place].choices else UNRESOLVED
        if label not in (words[place], names.vocabulary.background):
            others.append(names.vocabulary.names[label])
    return _Settled(words, len(words) == len(doubts), (*answers.dropped, *others))


def _review(
    found: Detections,
    doubts: Sequence[Doubt],
    words: dict[int, int],
    unsure: set[int],
    vocabulary: Vocabulary,
    said: tuple[Exchange, ...],
) -> Review:
    labels = found.labels.tolist()
    for place, word in words.items():
        for region in doubts[place].regions:
            labels[region] = word
    asked = {label for place in words for label in doubts[place].choices}
    gone = asked - {*labels, *words.values()}
    absent = {label for label in gone if label in unsure or label not in vocabulary.stuff}
    return Review(tuple(labels), frozenset(absent), said)
