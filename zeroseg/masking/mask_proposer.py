"""The contract of mask proposers: images to the masks of whatever stands in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Masks


@dataclass(frozen=True)
class Proposals:
    """N masks of one image, without classes, best first.

    Attributes:
        masks: The masks.
        boxes: (N, 4) float32, x1 y1 x2 y2 around each mask in pixels of the image as given.
        scores: (N,) float32 in [0, 1], falling.
        areas: (N,) float32, size of each mask in pixels of the image as given.

    Raises:
        ValueError: The four disagree about N.
    """

    masks: Masks
    boxes: Tensor
    scores: Tensor
    areas: Tensor

    def __post_init__(self) -> None:
        counts = (len(self.masks), len(self.boxes), len(self.scores), len(self.areas))
        if len(set(counts)) > 1:
            raise ValueError("{} masks, but {} boxes, {} scores, {} areas".format(*counts))

    def __len__(self) -> int:
        return len(self.masks)


class MaskProposer(nn.Module, ABC):
    """Finds the things and parts of images, whatever they are."""

    @abstractmethod
    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        """Propose masks.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.

        Returns:
            The proposals of each image, on the proposer's device; none is not an error.
        """

    if TYPE_CHECKING:
        __call__ = forward
