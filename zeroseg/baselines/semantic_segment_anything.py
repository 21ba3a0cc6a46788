"""Semantic-Segment-Anything (Chen et al., 2023): masks first, classes after."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter, Stopwatch
from zeroseg.baselines.mask_classifier import MaskClassifier, Votes
from zeroseg.baselines.mask_proposer import MaskProposer, Proposals
from zeroseg.segmentation import Segmentation
from zeroseg.values import UNRESOLVED, Detections, Masks, Trace
from zeroseg.vocabulary import Vocabulary


class SemanticSegmentAnything(BaseSegmenter):
    """Segments everything without knowing what it is, then asks what each mask is.

    The baseline that the paper compares with (Chen, Yang and Zhang, "Semantic Segment Anything",
    2023, github.com/fudan-zvg/Semantic-Segment-Anything). As in its published code, larger masks
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

    def _walk(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Segmentation]:
        with watch.time("masks"):
            proposals = self.proposer(images)
        with watch.time("classes"):
            masks = [proposed.masks for proposed in proposals]
            votes = self.classifier(images, masks, self.vocabulary)
        with watch.time("fusion"):
            maps = [
                paint(proposed.masks, proposed.areas, vote).cpu()
                for proposed, vote in zip(proposals, votes, strict=True)
            ]
        seconds = {stage: spent / len(images) for stage, spent in watch.seconds.items()}
        return [
            Segmentation(
                label_map=label_map,
                vocabulary=self.vocabulary,
                image=image.cpu(),
                name=str(position),
                detections=_detections(proposed, vote, self.vocabulary),
                trace=Trace(seconds),
            )
            for position, (image, label_map, proposed, vote) in enumerate(
                zip(images, maps, proposals, votes, strict=True)
            )
        ]


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
        prompts=torch.full_like(votes.labels, UNRESOLVED),
    )
    return named.select(votes.labels != vocabulary.background).to("cpu")
