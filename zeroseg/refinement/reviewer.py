"""The contract of reviewers, and what their word does to what was found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import UNRESOLVED, DenseScores, Detections, Exchange, Selection
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.offload import offload


@dataclass(frozen=True)
class Review:
    """What a second look at an image says of what was found there.

    It takes away and renames; nothing is found by it.

    Attributes:
        labels: For each detection its class, as it was or another one; -1 takes it away.
        absent: Classes that are not in the image: no dense map speaks for them any more.
        exchanges: What a language model was asked on the way.
    """

    labels: tuple[int, ...]
    absent: frozenset[int] = frozenset()
    exchanges: tuple[Exchange, ...] = ()


class Reviewer(nn.Module, ABC):
    """Looks at an image and at what was found in it, and judges what is doubtful."""

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server, so that others can work meanwhile."""
        return False

    @abstractmethod
    def forward(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        detections: Sequence[Detections],
        dense: Sequence[DenseScores | None],
        vocabulary: Vocabulary,
    ) -> list[Review]:
        """Judge what was found in each image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: What was looked for, with presence where something judged that.
            detections: What was found, after post-refinement.
            dense: Scores of a dense scorer; None where there is none. Those of a detector are in
                its detections.
            vocabulary: The classes.

        Returns:
            B reviews. What had no class of the vocabulary, or the background's, gets none.
        """

    if TYPE_CHECKING:
        __call__ = forward


def offload_reviewer(part: Reviewer) -> Reviewer:
    """Offload a reviewer; for configurations, whose entries have to be of a slot's type."""
    return offload(part)


def followed(review: Review, found: Detections) -> Detections:
    """What a review leaves of detections, under the classes that it gives them."""
    labels = found.labels.new_tensor(review.labels)
    taken = (labels == UNRESOLVED) & (found.labels != UNRESOLVED)
    left = found.relabel(labels)
    left = left.select(~taken) if bool(taken.any()) else left
    return left if left.dense is None else replace(left, dense=silenced(left.dense, review.absent))


def silenced(dense: DenseScores, absent: frozenset[int]) -> DenseScores:
    """Dense scores whose maps of absent classes speak for no class."""
    if absent.isdisjoint(dense.labels):
        return dense
    labels = tuple(UNRESOLVED if label in absent else label for label in dense.labels)
    return replace(dense, labels=labels)
