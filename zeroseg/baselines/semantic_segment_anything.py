"""Semantic-Segment-Anything (Chen et al., 2023): masks first, classes after."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.baselines.mask_classifier import MaskClassifier, Votes
from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.running.stage import Stage
from zeroseg.stages import ComponentStage
from zeroseg.values import UNRESOLVED, Detections, Masks
from zeroseg.vocabulary import Vocabulary


class SemanticSegmentAnything(BaseSegmenter):
    """Segments everything without knowing what it is, then asks what each mask is.

    The baseline that the paper compares with (Chen, Yang and Zhang, "Semantic Segment Anything",
    2023, github.com/fudan-zvg/Semantic-Segment-Anything). As in its authors' code, larger masks
    are painted first, so that parts lie over wholes, and each mask is painted in its class even
    where that is the background. What no mask covers is left to the classifier.

    The masks that have a class are the result's detections, in the order of their predicted IoU.

    Args:
        vocabulary: The classes: a Vocabulary, names, the name of a built-in one, or a YAML file.
        proposer: Finds the masks, such as `EverythingMasks`.
        classifier: Gives them classes, such as `ClosedSetVote` or `ClipVote`.
        batch_size: Images that go through together.

    Raises:
        TypeError: A component stands in the other one's place.
        ValueError: `batch_size` is less than 1.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | str | list[str],
        proposer: MaskProposer,
        classifier: MaskClassifier,
        batch_size: int = 8,
    ) -> None:
        super().__init__(vocabulary, batch_size)
        for part, kind in ((proposer, MaskProposer), (classifier, MaskClassifier)):
            if not isinstance(part, kind):
                given = type(part).__name__
                raise TypeError(f"a {kind.__name__} is expected where {given} was given")
        self.proposer = proposer
        self.classifier = classifier
        self.eval()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Masks first, classes after."""
        return (
            Proposing(self.proposer, self.vocabulary),
            Classifying(self.classifier, self.vocabulary),
            Painting(self.vocabulary),
        )


class Proposing(ComponentStage):
    """Images become masks of whatever stands in them."""

    part: MaskProposer
    name, needs, gives = "masks", ("image",), ("proposals",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[Sequence[Proposals]]:
        """See `Stage.__call__`."""
        return (self.part(images),)


class Classifying(ComponentStage):
    """Masks become classes."""

    part: MaskClassifier
    name, needs, gives = "classes", ("image", "proposals"), ("votes",)

    def __call__(
        self, images: Sequence[Tensor], proposals: Sequence[Proposals]
    ) -> tuple[Sequence[Votes]]:
        """See `Stage.__call__`."""
        masks = [proposed.masks for proposed in proposals]
        return (self.part(images, masks, self.vocabulary),)


class Painting(Stage):
    """Masks and their classes become one label a pixel."""

    name, needs = "fusion", ("proposals", "votes")
    gives = ("label_map", "detections", "masks")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(
        self, proposals: Sequence[Proposals], votes: Sequence[Votes]
    ) -> tuple[list[Tensor], list[Detections], list[Masks]]:
        """See `Stage.__call__`."""
        pairs = list(zip(proposals, votes, strict=True))
        maps = [paint(proposed.masks, proposed.areas, vote).cpu() for proposed, vote in pairs]
        found = [_detections(proposed, vote, self.vocabulary) for proposed, vote in pairs]
        background = self.vocabulary.background
        named = [(vote.labels != background).nonzero()[:, 0] for vote in votes]
        masks = [proposed.masks.select(own) for proposed, own in zip(proposals, named, strict=True)]
        return maps, found, masks


def paint(masks: Masks, areas: Tensor, votes: Votes, chunk: int = 16) -> Tensor:
    """Lay masks over each other, the larger ones first; equal ones in their order.

    Args:
        masks: N masks.
        areas: (N,), what they are ordered by.
        votes: Their classes, and what is under them.
        chunk: Masks brought to full size at a time; memory is about 4 * chunk * H * W bytes.

    Returns:
        (H, W) int64, one class index a pixel.
    """
    canvas = votes.rest
    for part in areas.argsort(descending=True, stable=True).split(chunk):
        for covered, label in zip(masks.full(part) > 0, votes.labels[part], strict=True):
            canvas = torch.where(covered, label, canvas)
    return canvas


def _detections(proposals: Proposals, votes: Votes, vocabulary: Vocabulary) -> Detections:
    """The boxes of the masks that have a class, on the CPU."""
    named = Detections(
        boxes=proposals.boxes,
        scores=proposals.scores,
        labels=votes.labels,
        phrases=tuple(vocabulary.prompts[label] for label in votes.labels.tolist()),
        prompt_index=torch.full_like(votes.labels, UNRESOLVED),
    )
    return named.select(votes.labels != vocabulary.background).to("cpu")
