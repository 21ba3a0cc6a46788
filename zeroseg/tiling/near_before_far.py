"""Stuff that is seen from far, without what near windows show on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import torch
from torch import Tensor

from zeroseg.tiling.tiled_masks import TiledMasks
from zeroseg.values import OUTSIDE, Detections
from zeroseg.vocabulary import Vocabulary

NEARER = 2
"""A window so many levels further down shows a thing at a quarter of its size, too small to be left
out of the mask of what it stands on."""


@dataclass(frozen=True, eq=False)
class NearBeforeFar(TiledMasks):
    """Masks of which stuff that is seen from far leaves out what is seen from near.

    The whole of a large picture shows a meadow well, and of a dog on it a speck that its mask goes
    over; and since it is surer of the meadow than a near window is of the dog, the dog was lost.

    Attributes:
        stuff: Which of the regions are stuff.
    """

    stuff: tuple[bool, ...] = ()

    @classmethod
    def of_stuff(
        cls, masks: TiledMasks, found: Detections, vocabulary: Vocabulary
    ) -> NearBeforeFar:
        """Masks of what was found, by the vocabulary's stuff."""
        own = {field.name: getattr(masks, field.name) for field in fields(TiledMasks)}
        return cls(**own, stuff=tuple(label in vocabulary.stuff for label in found.labels.tolist()))

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """Logits at the view's size for some of the regions; see `TiledMasks.full`."""
        canvas = super().full(part)
        index = torch.arange(len(self))[part.cpu() if isinstance(part, Tensor) else part].tolist()
        for own, region in zip(canvas, index, strict=True):
            if self.stuff[region] and self._level(region) >= NEARER:
                own.masked_fill_(self._nearest <= self._level(region) - NEARER, OUTSIDE)
        return canvas

    def _level(self, region: int) -> int:
        return self.places[self.regions[region][0]].window.level

    @cached_property
    def _nearest(self) -> Tensor:
        """The lowest level of the regions at a place, (H, W) int64; a high one where none is."""
        nearest = torch.full(self.size, 99, device=self.logits.device)
        for region in range(len(self)):
            there = super().full(torch.tensor([region]))[0] > 0
            nearest[there] = nearest[there].clamp(max=self._level(region))
        return nearest
