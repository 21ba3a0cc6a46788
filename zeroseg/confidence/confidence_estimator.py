"""The contract of how sure the classes of pixels are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Confidence, DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary


class ConfidenceEstimator(nn.Module, ABC):
    """Says how sure each pixel's class is, after fusion has decided it."""

    @abstractmethod
    def forward(
        self,
        label_map: Tensor,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Confidence:
        """Weigh what spoke for the classes of one image's pixels.

        Args:
            label_map: (H, W) int64 class indices, as fusion gave them, on any device.
            masks: The N masks that were fused.
            detections: Their scores and labels, N, on any device.
            vocabulary: The classes.
            dense: What was said of every place; None from a system without dense scores.

        Returns:
            Maps (H, W) on the masks' device, and a score that is lower the sooner the image is
            worth a look.
        """

    if TYPE_CHECKING:
        __call__ = forward
