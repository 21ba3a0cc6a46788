"""The contract of point samplers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

from zeroseg.values import Detections, Masks, Points


class PointSampler(nn.Module, ABC):
    """Chooses point prompts for a second pass of the mask predictor (paper, section 3.4)."""

    @abstractmethod
    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample points for the boxes of one image.

        Args:
            detections: N boxes, on any device.
            masks: Their N masks from the first pass, which saw the boxes alone.

        Returns:
            Points of N boxes, on the masks' device.
        """

    if TYPE_CHECKING:
        __call__ = forward
