"""One picture of a data set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zeroseg.values import Movable


@dataclass(frozen=True)
class Regions(Movable):
    """The things of one picture, told apart: M regions that do not overlap.

    Attributes:
        segments: (H, W) int64, the number 0..M-1 of the region a pixel belongs to, -1 for none.
        labels: (M,) int64, class index of each region, never the background.
    """

    segments: Tensor
    labels: Tensor

    def boxes(self) -> Tensor:
        """(M, 4) float32, x1 y1 x2 y2 in pixels, around the visible part of each region.

        A region without a pixel has a box of zeros.
        """
        boxes = torch.zeros(len(self.labels), 4)
        for number in range(len(self.labels)):
            rows, columns = (self.segments == number).nonzero(as_tuple=True)
            if len(rows):
                corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                boxes[number] = torch.stack(corners).float()
        return boxes

    def masks(self) -> Tensor:
        """(M, H, W) bool."""
        numbers = torch.arange(len(self.labels), device=self.segments.device)
        return self.segments == numbers[:, None, None]


@dataclass(frozen=True)
class Truth:
    """What the annotation of one picture says.

    Attributes:
        target: (H, W) int64 class indices of the data set's vocabulary, its ignore index where a
            pixel has no label.
        regions: The single things, where the data set tells them apart.
    """

    target: Tensor
    regions: Regions | None = None


@dataclass(frozen=True)
class Sample(Movable):
    """A picture, and its truth where that is known.

    Attributes:
        image: (3, H, W) uint8, RGB.
        target: (H, W) int64 class indices of the data set's vocabulary, its ignore index where a
            pixel has no label; None without annotation.
        name: Unique within the data set; a relative path without suffix.
        regions: The single things, where the data set tells them apart.
        problem: Why the picture or its annotation could not be read; the image is then black, and
            `target` is None if it was the annotation.
    """

    image: Tensor
    target: Tensor | None
    name: str
    regions: Regions | None = None
    problem: str | None = None

    def __post_init__(self) -> None:
        if self.target is not None and self.target.shape != self.image.shape[1:]:
            raise ValueError(
                f"{self.name}: the target {tuple(self.target.shape)} does not fit the image "
                f"{tuple(self.image.shape)}"
            )
