"""One picture of a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """A picture, and its truth where that is known.

    Attributes:
        image: (3, H, W) uint8, RGB.
        target: (H, W) int64 class indices of the data set's vocabulary, its ignore index where a
            pixel has no label; None without annotation.
        name: Unique within the data set.
    """

    image: Tensor
    target: Tensor | None
    name: str

    def __post_init__(self) -> None:
        if self.target is not None and self.target.shape != self.image.shape[1:]:
            raise ValueError(
                f"{self.name}: the target {tuple(self.target.shape)} does not fit the image "
                f"{tuple(self.image.shape)}"
            )

    def to(self, device: torch.device | str) -> Sample:
        """The same on another device; Lightning calls this."""
        target = self.target.to(device) if self.target is not None else None
        return replace(self, image=self.image.to(device), target=target)
