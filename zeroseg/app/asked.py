"""What a request asks for, as work for the segmenter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from zeroseg.app.shared_batches import Watcher, Work
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.class_lists.built_in import NAMES, file_of
from zeroseg.class_lists.files import is_file_name
from zeroseg.errors import VocabularyError, ZerosegError
from zeroseg.running.stage_event import StageEvent
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

AUTO = "auto"
"""In place of classes: what the tagger sees in the picture."""


@dataclass(frozen=True)
class Asked:
    """Classes and options of a request.

    Attributes:
        classes: Names, however people write them, or "auto"; None for the vocabulary.
        vocabulary: Name of a built-in list; None for the classes, or, without either, the model's.
        thresholds: `CLASS=SCORE` each.
        instances: Whether masks of single things are wanted.
        confidence: Whether it is wanted how sure each pixel is.
    """

    classes: str | None = None
    vocabulary: str | None = None
    thresholds: tuple[str, ...] = ()
    instances: bool = False
    confidence: bool = False

    @property
    def auto(self) -> bool:
        """Whether classes are what is seen."""
        return self.classes is not None and self.classes.strip().casefold() == AUTO

    def work(self, segmenter: BaseSegmenter, most: int) -> tuple[Hashable, Work]:
        """What does it, and a key that is equal where pictures can go through together.

        Args:
            segmenter: Whose components are used.
            most: Classes that there may be.

        Raises:
            ZerosegError: The list or an option is wrong, or this system cannot do it.
        """
        if self.auto:
            return self, _of_what_is_seen(segmenter, self)
        vocabulary = self._vocabulary(segmenter.vocabulary)
        if len(vocabulary) > most:
            raise VocabularyError(f"{len(vocabulary)} classes are too many; {most} may be asked")
        system = self._variant(segmenter, vocabulary)
        key = (vocabulary, tuple(system.thresholds.items()), self.instances, self.confidence)
        return key, partial(_with_classes, system)

    def plan(self, segmenter: BaseSegmenter) -> tuple[str, ...]:
        """The stages that a picture goes through; see `BaseSegmenter.plan`."""
        if self.auto:  # what is seen is not verified
            return tuple(name for name in segmenter.plan if name != "verification")
        return self._variant(segmenter, self._vocabulary(segmenter.vocabulary)).plan

    def _variant(self, segmenter: BaseSegmenter, vocabulary: Vocabulary) -> BaseSegmenter:
        system = segmenter.variant(vocabulary=vocabulary)
        thresholds = read_thresholds(self.thresholds)
        if thresholds:
            system = system.variant(thresholds=thresholds)
        return system.variant(instances=self.instances, confidence=self.confidence)

    def _vocabulary(self, default: Vocabulary) -> Vocabulary:
        """The classes; nothing that a client writes is ever the name of a file."""
        if self.classes is not None and self.vocabulary is not None:
            raise VocabularyError("give classes or a vocabulary, not both")
        if self.vocabulary is not None:
            if file_of(self.vocabulary) is None:
                listed = ", ".join(NAMES)
                raise VocabularyError(f"there is no such vocabulary; there are {listed}")
            return Vocabulary.parse(self.vocabulary)
        if self.classes is None:
            return default
        if is_file_name(self.classes) and file_of(self.classes) is None:
            raise VocabularyError("classes are names, such as 'dog, boat'; this looks like a file")
        return Vocabulary.parse(self.classes)


def _with_classes(
    system: BaseSegmenter, images: Sequence[Tensor], watchers: Sequence[Watcher | None]
) -> list[Segmentation | Failure]:
    """Segments pictures that are told apart by their names, which are their places."""

    def tell(event: StageEvent) -> None:
        watcher = watchers[int(event.name)]
        if watcher is not None:
            watcher(event, system.vocabulary)

    watched = any(watcher is not None for watcher in watchers)
    own = system.variant(on_stage=tell) if watched else system
    return own.finish(own.begin(images))


def read_thresholds(texts: Sequence[str]) -> Mapping[str, float]:
    """Scores by class, of texts such as "dog=0.4".

    Raises:
        VocabularyError: One is written otherwise.
    """
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            found[name.strip()] = float(value if name.strip() else "")
        except ValueError:
            raise VocabularyError(f"thresholds are CLASS=SCORE, such as dog=0.4: {text}") from None
    return found


def _of_what_is_seen(segmenter: BaseSegmenter, asked: Asked) -> Work:
    """Segments pictures by what is seen in each of them.

    Raises:
        ZerosegError: The system has no tagger, or thresholds are given for classes not yet known.
    """
    if not isinstance(segmenter, ZeroShotSegmenter) or segmenter.tagger is None:
        raise ZerosegError("this model cannot say what is in a picture; name the classes")
    if asked.thresholds or asked.vocabulary is not None:
        raise ZerosegError("auto finds the classes itself; give no thresholds and no vocabulary")
    system: ZeroShotSegmenter = segmenter.variant()
    system.verifier = None  # its thresholds are for the words that they were found with

    def each(
        images: Sequence[Tensor], watchers: Sequence[Watcher | None]
    ) -> list[Segmentation | Failure]:
        pairs = zip(images, watchers, strict=True)
        return [_seen(system, image, asked, watcher) for image, watcher in pairs]

    return each


def _seen(
    system: ZeroShotSegmenter, image: Tensor, asked: Asked, watcher: Watcher | None
) -> Segmentation | Failure:
    [seen] = system.describe_stream([image], captions=False, boxes=False)
    if isinstance(seen, Failure):
        return seen
    try:
        own = system.of_what_is_seen([seen.description])
    except VocabularyError as error:
        return Failure("", "tagging", str(error))
    own = own.variant(instances=asked.instances, confidence=asked.confidence)
    [result] = _with_classes(own, [image], [watcher])
    return result
