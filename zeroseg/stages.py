"""The walk: what each stage needs and gives, one class a stage (paper, section 3 and figure 1).

Values by name: "image" (3, H, W) uint8; "tags", "caption"; "description" and "selection";
"unverified", the labels of a selection before it was verified; "found", detections as they came,
and "detections" with the classes of their phrases; "asked", the exchanges about phrases; "dense",
scores of every place; "review", what is said of the detections, and "unreviewed", their labels
before that; "encodings"; "masks"; "label_map", (H, W) int64 on the CPU; "confidence" in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from zeroseg import seams
from zeroseg.confidence.confidence_estimator import ConfidenceEstimator
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.errors import ComponentError
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.reviewer import Review, Reviewer, followed, silenced
from zeroseg.refinement.verifier import Verifier
from zeroseg.running.stage import Stage
from zeroseg.running.transfer import download
from zeroseg.values import (
    UNRESOLVED,
    Confidence,
    DenseScores,
    Description,
    Detections,
    Exchange,
    Masks,
    Selection,
    Tag,
    Usage,
)
from zeroseg.vocabulary import Vocabulary

Tags = tuple[Tag, ...]


class ComponentStage(Stage):
    """A stage whose work is a component's.

    Args:
        part: The component.
        vocabulary: The classes.

    Attributes:
        reads_classes: Whether the component is told the classes.
    """

    reads_classes: ClassVar[bool] = False

    def __init__(self, part: Any, vocabulary: Vocabulary) -> None:
        self.part, self.vocabulary = part, vocabulary

    @property
    def owner(self) -> object:
        """The component."""
        return self.part

    @property
    def setting(self) -> object:
        """The classes, where the component is told them."""
        return self.vocabulary if self.reads_classes else None

    def check(
        self, inputs: Sequence[Sequence[Any]], answers: Sequence[Sequence[Any]]
    ) -> dict[int, ComponentError]:
        """What is wrong with the component's answers, by position in the batch."""
        wrong: dict[int, ComponentError] = {}
        for position in range(len(answers[0])):
            asked, got = (tuple(own[position] for own in values) for values in (inputs, answers))
            try:
                self.check_one(asked, got)
            except ComponentError as error:
                wrong[position] = error
        return wrong

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        """Hold what was returned for one image against the component's contract.

        Raises:
            ComponentError: It is something else.
        """


class AskingStage(ComponentStage):
    """A stage whose component may ask a model elsewhere."""

    @property
    def waits(self) -> bool:
        """Whether it does."""
        return bool(self.part.waits)


class Tagging(ComponentStage):
    """Images become tags (paper, section 3.2)."""

    part: Tagger
    name, needs, gives = "tags", ("image",), ("tags",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[Sequence[Tags]]:
        """See `Stage.__call__`; so for all stages."""
        return (self.part(images),)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        """See `ComponentStage.check_one`; so for all stages."""
        seams.check_tags(self.describe(), answers[0])


class Captioning(ComponentStage):
    """Images become captions (paper, section 3.2)."""

    part: Captioner
    name, needs, gives = "caption", ("image",), ("caption",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[Sequence[str]]:
        return (self.part(images),)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        seams.check_caption(self.describe(), answers[0])


class PreRefinement(AskingStage):
    """Descriptions become selections: what to look for (paper, section 3.3.1)."""

    part: PreRefiner
    name, needs, gives = "pre-refinement", (), ("description", "selection")
    takes: ClassVar[Mapping[str, Any]] = {"tags": (), "caption": None}
    reads_classes = True

    def __call__(
        self, tags: Sequence[Tags], captions: Sequence[str | None]
    ) -> tuple[Sequence[Description], Sequence[Selection]]:
        descriptions = [Description(own, said) for own, said in zip(tags, captions, strict=True)]
        return descriptions, self.part(descriptions, self.vocabulary)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        seams.check_selection(self.describe(), answers[1], self.vocabulary)


class Verification(AskingStage):
    """Selections lose what is not there, or learn how likely it is."""

    part: Verifier
    name, needs, gives = "verification", ("image", "selection"), ("selection", "unverified")
    reads_classes = True

    def __init__(self, part: Verifier, vocabulary: Vocabulary) -> None:
        part.require(vocabulary)
        super().__init__(part, vocabulary)

    def __call__(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> tuple[Sequence[Selection], Sequence[tuple[int, ...]]]:
        before = [own.labels for own in selections]
        return self.part(images, selections, self.vocabulary), before

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        seams.check_verified(self.describe(), answers[0], inputs[1], self.vocabulary)


class Detection(ComponentStage):
    """Selections become boxes (paper, section 3.4)."""

    part: Detector
    name, needs, gives = "detection", ("image", "selection"), ("found",)

    def __call__(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> tuple[Sequence[Detections]]:
        return (self.part(images, selections),)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        image, selection = inputs
        size = (image.shape[1], image.shape[2])
        seams.check_detections(self.describe(), answers[0], size, selection, self.vocabulary)


class PostRefinement(AskingStage):
    """Phrases without a class get theirs (paper, section 3.3.2)."""

    part: PostRefiner
    name, needs, gives = "post-refinement", ("found",), ("detections", "asked")
    reads_classes = True

    def shortcut(
        self, found: Sequence[Detections]
    ) -> tuple[Sequence[Detections], Sequence[tuple[Exchange, ...]]] | None:
        """The detections as they are, if all have their classes."""
        return None if unresolved(found) else (found, [()] * len(found))

    def __call__(
        self, found: Sequence[Detections]
    ) -> tuple[Sequence[Detections], Sequence[tuple[Exchange, ...]]]:
        phrases = unresolved(found)
        answer = self.part(phrases, self.vocabulary)
        seams.check_resolution(self.describe(), answer, len(phrases), self.vocabulary)
        label_of = dict(zip(phrases, answer.labels, strict=True))
        resolved = [_resolved(own, label_of) for own in found]
        # What was asked about all phrases together is booked on the first image that has one.
        first = next(i for i, own in enumerate(found) if UNRESOLVED in own.labels.tolist())
        asked = [_troubles(own, answer.exchanges) for own in resolved]
        asked[first] = answer.exchanges
        return resolved, asked


def _troubles(resolved: Detections, exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """What may be why phrases have no class, at no cost: it is booked elsewhere."""
    if UNRESOLVED not in resolved.labels.tolist():
        return ()
    troubled = (said for said in exchanges if said.refused is not None or said.dropped)
    return tuple(replace(said, usage=Usage()) for said in troubled)


class DenseScoring(ComponentStage):
    """Every place of an image gets its scores for the prompts, for what has no outline."""

    part: DenseScorer
    name, needs, gives = "dense scores", ("image", "selection"), ("dense",)

    def __call__(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> tuple[Sequence[DenseScores]]:
        return (self.part(images, selections),)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        image, selection = inputs
        size = (image.shape[1], image.shape[2])
        seams.check_dense(self.describe(), answers[0], size, selection)


class Reviewing(AskingStage):
    """Detections lose what is not there, or get another class, once more looked at."""

    part: Reviewer
    name, needs = "review", ("image", "selection", "detections")
    takes: ClassVar[Mapping[str, Any]] = {"dense": None, "unreviewed": None}
    gives = ("review", "unreviewed", "detections", "dense")
    reads_classes = True

    def __call__(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
        unreviewed: Sequence[Tensor | None],
    ) -> tuple[Sequence[Any], ...]:
        reviews = self.part(images, selections, detections, dense, self.vocabulary)
        known = zip(detections, unreviewed, strict=True)
        before = [found.labels if labels is None else labels for found, labels in known]
        if not isinstance(reviews, Sequence) or len(reviews) != len(images):
            return reviews, before, detections, dense  # the runner tells
        left = list(map(self._followed, reviews, detections, dense))
        return reviews, before, [own for own, _ in left], [maps for _, maps in left]

    def _followed(
        self, review: Review, found: Detections, dense: DenseScores | None
    ) -> tuple[Detections, DenseScores | None]:
        """What is left of what was found; all of it after a review that is none."""
        if seams.wrong_in_review(review, found, self.vocabulary):
            return found, dense
        return followed(review, found), dense and silenced(dense, review.absent)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        seams.check_review(self.describe(), answers[0], inputs[2], self.vocabulary)


@dataclass(frozen=True)
class Encoded:
    """One image's row of a batch's encodings."""

    batch: Encodings
    row: int


class Encoding(ComponentStage):
    """What a mask predictor knows of images before there are boxes."""

    part: MaskPredictor
    name, needs, gives = "masks", ("image",), ("encodings",)
    early = True

    @property
    def owner(self) -> object:
        """The network: predictors that share it share encodings."""
        return self.part.encoder

    def __call__(self, images: Sequence[Tensor]) -> tuple[Sequence[Encoded | None]]:
        batch = self.part.encode(images)
        seams.check_encodings(self.describe(), batch, len(images))
        rows = range(len(images))
        return ([None if batch is None else Encoded(batch, row) for row in rows],)


class Masking(ComponentStage):
    """Boxes become masks, in two passes with points (paper, section 3.4)."""

    part: MaskPredictor
    name, needs, gives = "masks", ("image", "detections"), ("masks",)
    takes: ClassVar[Mapping[str, Any]] = {"encodings": None}

    def __call__(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encoded: Sequence[Encoded | None],
    ) -> tuple[Sequence[Masks]]:
        encodings = _gathered(encoded)
        known = () if encodings is None else (encodings,)
        return (self.part(images, detections, *known),)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        image, detections, _ = inputs
        size = (image.shape[1], image.shape[2])
        seams.check_masks(self.describe(), answers[0], len(detections), size)

    def check(
        self, inputs: Sequence[Sequence[Any]], answers: Sequence[Sequence[Any]]
    ) -> dict[int, ComponentError]:
        wrong = super().check(inputs, answers)
        masks = {i: own for i, own in enumerate(answers[0]) if i not in wrong}
        return {**wrong, **seams.check_logits(self.describe(), masks)}


class Fusing(ComponentStage):
    """Masks, and dense scores where there are any, become one label a pixel."""

    part: Fusion
    name, needs, gives = "fusion", ("masks", "detections"), ("label_map",)
    takes: ClassVar[Mapping[str, Any]] = {"dense": None, "selection": None}
    reads_classes = True

    def __init__(self, part: Fusion, vocabulary: Vocabulary) -> None:
        part.require(vocabulary)
        super().__init__(part, vocabulary)

    def __call__(
        self,
        masks: Sequence[Masks],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
        selections: Sequence[Selection | None],
    ) -> tuple[Sequence[Tensor]]:
        maps = []
        for own, found, scores, asked in zip(masks, detections, dense, selections, strict=True):
            judged = asked.presence if asked is not None and self.part.hears_verifier else None
            if judged is not None:
                found = replace(found, dense=_weighed(found.dense, judged))
                scores = _weighed(scores, judged)
            maps.append(self.part(own, found, self.vocabulary, *_known(found, scores)))
        return (download(maps) if all(isinstance(labels, Tensor) for labels in maps) else maps,)

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        size = inputs[0].size
        seams.check_label_map(self.describe(), answers[0], size, self.vocabulary)


def _weighed(dense: DenseScores | None, verified: Sequence[float]) -> DenseScores | None:
    """Dense scores whose presence is also what a verifier says of it."""
    if dense is None:
        return None
    own = dense.maps.new_tensor(verified, dtype=torch.float32)
    return replace(dense, presence=own if dense.presence is None else own * dense.presence)


def _known(found: Detections, dense: DenseScores | None) -> tuple[DenseScores, ...]:
    """The dense scores that there are: a scorer's, else the detector's own."""
    scores = found.dense if dense is None else dense
    return () if scores is None else (scores,)


class ConfidenceEstimation(ComponentStage):
    """What was fused says how sure each pixel is of its class; worked where it is asked for."""

    part: ConfidenceEstimator
    name, needs, gives = "confidence", ("label_map", "masks", "detections"), ("confidence",)
    takes: ClassVar[Mapping[str, Any]] = {"dense": None}
    reads_classes = True

    def __call__(
        self,
        label_maps: Sequence[Tensor],
        masks: Sequence[Masks],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
    ) -> tuple[Sequence[Confidence]]:
        several = zip(label_maps, masks, detections, dense, strict=True)
        return (
            [
                self.part(labels, own, found, self.vocabulary, *_known(found, scores))
                for labels, own, found, scores in several
            ],
        )

    def check_one(self, inputs: tuple[Any, ...], answers: tuple[Any, ...]) -> None:
        seams.check_confidence(self.describe(), answers[0], inputs[1].size)


def unresolved(found: Sequence[Detections]) -> list[str]:
    """Phrases of a whole batch that have no class yet, each once."""
    return list(
        dict.fromkeys(
            phrase
            for detections in found
            for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
            if label == UNRESOLVED
        )
    )


def _resolved(detections: Detections, label_of: Mapping[str, int]) -> Detections:
    labels = [
        label_of[phrase] if label == UNRESOLVED else label
        for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
    ]
    return detections.relabel(detections.labels.new_tensor(labels))


def _gathered(encoded: Sequence[Encoded | None]) -> Encodings | None:
    """The encodings of a batch, from those of its images."""
    rows = [own for own in encoded if own is not None]
    if len(rows) < len(encoded):
        return None
    whole = rows[0].batch
    if all(own.batch is whole for own in rows):
        positions = [own.row for own in rows]
        if positions == list(range(len(whole[0]))):
            return whole
        return tuple(tensor[positions] for tensor in whole)
    parts = [tuple(tensor[own.row : own.row + 1] for tensor in own.batch) for own in rows]
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))
