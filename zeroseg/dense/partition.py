"""Overlapping masks as regions that share no place, and numbers pooled over them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zeroseg.masking.mask_proposer import Proposals


@dataclass(frozen=True)
class Partition:
    """The regions of a grid of places.

    Attributes:
        index: (h, w) int64, the region of every place: 0 for the rest, which is none, else one
            more than the mask's position.
        count: How many masks there were.
    """

    index: Tensor
    count: int

    @classmethod
    def of(cls, proposals: Proposals, grid: tuple[int, int], chunk: int = 16) -> Partition:
        """Every place in the smallest of the masks that cover it, so that parts stand out.

        Args:
            proposals: The masks.
            grid: Rows and columns of places, spread evenly over the image.
            chunk: Masks brought to the grid at a time.
        """
        masks = replace(proposals.masks, geometry=replace(proposals.masks.geometry, size=grid))
        index = torch.zeros(grid, dtype=torch.int64, device=masks.logits.device)
        if len(proposals):
            for part in proposals.areas.argsort(descending=True, stable=True).split(chunk):
                for covered, position in zip(masks.full(part) > 0, part, strict=True):
                    index = torch.where(covered, position + 1, index)
        return cls(index, len(proposals))

    @property
    def covered(self) -> Tensor:
        """Which places are in a region, (h, w) bool."""
        return self.index > 0

    def to(self, device: torch.device) -> Partition:
        """The same on another device."""
        return replace(self, index=self.index.to(device))

    def mean(self, values: Tensor) -> Tensor:
        """At every place the mean over its region; in the rest what is there.

        Args:
            values: (P, h, w) float32.
        """
        regions = self.index.flatten()
        sizes = torch.bincount(regions, minlength=self.count + 1).clamp(min=1)
        sums = values.new_zeros(len(values), self.count + 1)
        sums.index_add_(1, regions, values.flatten(1))
        means = (sums / sizes)[:, regions].unflatten(1, self.index.shape)
        return torch.where(self.covered, means, values)
