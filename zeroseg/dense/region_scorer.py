"""Dense scores pooled over the regions of a mask proposer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.dense.dense_scorer import DenseScorer, unasked
from zeroseg.dense.partition import Partition
from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.running.transfer import sent
from zeroseg.values import UNRESOLVED, DenseScores, Geometry, Selection

Pooling = Literal["mean", "vote"]


class RegionOptions(TypedDict, total=False):
    """How `RegionScorer` pools; see there."""

    pooling: Pooling
    scope: bool


class RegionScorer(DenseScorer):
    """Gives every region of a mask proposer one score for each prompt: that of its places together.

    A place belongs to the smallest of the masks that cover it; what no mask covers keeps the scores
    of its places. Edges are those of the masks, so that coarse maps become sharp; what a mask joins
    wrongly stays joined.

    Args:
        scorer: Scores every place, such as `PatchScorer`.
        proposer: Finds the regions, such as `EverythingMasks`.
        pooling: "mean", the default: the mean of its places' scores. "vote": the class that most
            of its places are nearest to, as CorrCLIP has it. A class scores its share of votes
            times the mean of its places' highest scores, which a threshold can be held against.
        scope: Whether the scorer is told of the regions, too: patches of `PatchScorer` then look at
            those of their own region alone, as in CorrCLIP.
        side: Places along the longer side of an image; each prompt takes side * side * 4 bytes at
            most, 0.26 MB with the default.
        chunk_size: Prompts pooled at a time.

    Raises:
        TypeError: A component stands in the other one's place.
        ValueError: The pooling is unknown, or a number is less than one.
    """

    def __init__(
        self,
        scorer: DenseScorer,
        proposer: MaskProposer,
        pooling: Pooling = "mean",
        scope: bool = False,
        side: int = 256,
        chunk_size: int = 64,
    ) -> None:
        super().__init__()
        for part, kind in ((scorer, DenseScorer), (proposer, MaskProposer)):
            if not isinstance(part, kind):
                given = type(part).__name__
                raise TypeError(f"a {kind.__name__} is expected where {given} was given")
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling is {pooling!r}, expected one of {list(get_args(Pooling))}")
        for name, number in (("side", side), ("chunk_size", chunk_size)):
            if number < 1:
                raise ValueError(f"{name} is {number}, expected at least 1")
        self.scorer = scorer
        self.proposer = proposer
        self.pooling = pooling
        self.scope = scope
        self.side = side
        self.chunk_size = chunk_size

    def variant(self, **changes: Unpack[RegionOptions]) -> Self:
        """The same scorer and proposer, pooled in another way."""
        other = copy.copy(self)
        vars(other).update(changes)
        return other

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Score the prompts of each image; see `DenseScorer.forward`."""
        found = [unasked(image, image.device) for image in images]
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        shown, wanted = [images[i] for i in asked], [selections[i] for i in asked]
        regions = self.proposer(shown)
        scored = (
            self.scorer.within(shown, wanted, regions) if self.scope else self.scorer(shown, wanted)
        )
        for i, dense, proposals in zip(asked, scored, regions, strict=True):
            found[i] = self._pool(dense, proposals)
        return found

    def _pool(self, dense: DenseScores, proposals: Proposals) -> DenseScores:
        """One image's scores, by region."""
        height, width = dense.geometry.size
        scale = min(1.0, self.side / max(height, width))
        grid = (max(1, round(height * scale)), max(1, round(width * scale)))
        fine = replace(dense, geometry=replace(dense.geometry, size=grid))
        maps = torch.cat([fine.full(part) for part in self._parts(len(dense))])
        partition = Partition.of(proposals, grid).to(maps.device)
        pooled = self._means if self.pooling == "mean" else self._votes
        pooled(maps, partition, dense.labels)
        frame = Geometry(dense.geometry.size, grid, grid, at_once=True)
        return replace(dense, maps=maps.clamp_(0, 1), geometry=frame)

    def _means(self, maps: Tensor, partition: Partition, labels: Sequence[int]) -> None:
        """Put the means of maps (P, h, w) in their place."""
        for part in self._parts(len(maps)):
            maps[part] = partition.mean(maps[part])

    def _votes(self, maps: Tensor, partition: Partition, labels: Sequence[int]) -> None:
        """Put what places vote for in the place of maps (P, h, w), but for the rest."""
        classes = sent(_numbered(labels), maps.device)
        best = maps.max(0)
        chosen, sure = classes[best.indices], partition.mean(best.values[None])
        for part in self._parts(len(maps)):
            shares = partition.mean((classes[part, None, None] == chosen).float())
            maps[part] = torch.where(partition.covered, shares * sure, maps[part])

    def _parts(self, count: int) -> list[slice]:
        """Prompts, a few at a time."""
        starts = range(0, count, self.chunk_size)
        return [slice(start, start + self.chunk_size) for start in starts]


def _numbered(labels: Sequence[int]) -> Tensor:
    """The class that each prompt votes for, (P,) int64; one without a class is one by itself."""
    free = max(labels) + 1
    own = [free + i if label == UNRESOLVED else label for i, label in enumerate(labels)]
    return torch.tensor(own)
