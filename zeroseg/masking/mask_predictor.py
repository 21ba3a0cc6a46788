"""The contract of mask predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Detections, Masks


class MaskPredictor(nn.Module, ABC):
    """Segments what stands in boxes."""

    @abstractmethod
    def forward(self, images: Sequence[Tensor], detections: Sequence[Detections]) -> list[Masks]:
        """Predict the mask of every detection.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            detections: The boxes of each image; none is not an error.

        Returns:
            B masks, each with one mask a detection, in the same order.
        """

    if TYPE_CHECKING:
        __call__ = forward
