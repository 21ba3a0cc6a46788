"""What is known of one frame before its pixels are decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from zeroseg.refinement.reviewer import Review
from zeroseg.running.item import Item
from zeroseg.values import (
    DenseScores,
    Description,
    Detections,
    Masks,
    Movable,
    Selection,
    Trace,
)

WANTED = ("masks", "detections", "selection", "description", "dense", "review", "asked")
"""Values of stages that are read."""


@dataclass(frozen=True)
class Seen(Movable):
    """What was found in a frame.

    Attributes:
        detections: The regions, with their classes; N.
        masks: Theirs.
        selection: What was looked for.
        dense: Scores of a dense scorer, None without one; a detector's are in `detections`.
        origin: (N,) int64, for each region the position of the same one among those of the
            keyframe before; None where that is not known.
        description: Tags and caption, of a keyframe.
        trace: Time and exchanges.
    """

    detections: Detections
    masks: Masks
    selection: Selection = field(default_factory=Selection)
    dense: DenseScores | None = None
    origin: Tensor | None = None
    description: Description = field(default_factory=Description)
    trace: Trace = field(default_factory=Trace)

    def __post_init__(self) -> None:
        n = len(self.detections)
        if len(self.masks) != n:
            raise ValueError(f"{n} detections but {len(self.masks)} masks")
        if self.origin is not None and tuple(self.origin.shape) != (n,):
            raise ValueError(f"{n} detections but origin {tuple(self.origin.shape)}")

    def __len__(self) -> int:
        return len(self.detections)

    def select(self, keep: Tensor) -> Seen:
        """The regions at `keep`: (N,) bool or (M,) int64 rising."""
        index = keep.nonzero()[:, 0] if keep.dtype == torch.bool else keep
        return replace(
            self,
            detections=self.detections.select(index),
            masks=self.masks.select(index),
            origin=None if self.origin is None else self.origin[index],
        )


def seen_of(items: Sequence[Item]) -> list[Seen]:
    """What stages gave for the frames of a batch, on the CPU.

    Raises:
        Exception: What a frame failed with.
    """
    for item in items:
        if item.error is not None:
            raise item.error
    return [_seen(item) for item in items]


def _seen(item: Item) -> Seen:
    known = item.values
    selection: Selection = known["selection"]
    detections: Detections = known["detections"]
    review: Review = known.get("review", Review(()))
    dense: DenseScores | None = known.get("dense")
    exchanges = (*selection.exchanges, *known.get("asked", ()), *review.exchanges)
    return Seen(
        # What is kept for points and masks has been used by now.
        detections=replace(detections, queries=None, masks=None).to("cpu"),
        masks=replace(known["masks"], points=None).to("cpu"),
        selection=_reviewed(replace(selection, exchanges=()), detections, review),
        dense=None if dense is None else dense.to("cpu"),
        description=known.get("description", Description()),
        trace=Trace(dict(item.seconds), exchanges),
    )


def _reviewed(selection: Selection, left: Detections, review: Review) -> Selection:
    """What to look for on: not for classes that a review says are not there."""
    absent = review.absent - set(left.labels.tolist())
    return selection.keep([i for i, label in enumerate(selection.labels) if label not in absent])
