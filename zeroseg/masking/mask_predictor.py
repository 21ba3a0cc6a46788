"""The contract of mask predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.values import Detections, Masks
from zeroseg.weights.offload import offload

Encodings = tuple[Tensor, ...]
"""What a mask predictor knows of B images before there are boxes: tensors, B rows each."""


class MaskPredictor(nn.Module, ABC):
    """Segments what stands in boxes."""

    @abstractmethod
    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """Predict the mask of every detection.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            detections: The boxes of each image, on any device; none is not an error.
            encodings: What `encode` gave for these images, to go without that work. Only a
                predictor that implements `encode` is ever given any.

        Returns:
            B masks, each with one mask a detection, in the same order.
        """

    def encode(self, images: Sequence[Tensor]) -> Encodings | None:
        """Do the part of the work that needs no boxes.

        It can run while boxes are still awaited, and be shared by predictors of one `encoder`.

        Returns:
            The encodings of the B images; None from a predictor that has no such part.
        """
        return None

    @property
    def encoder(self) -> nn.Module:
        """The network behind `encode`: predictors that share it share encodings."""
        return self

    def with_points(self, sampler: PointSampler | None) -> Self | None:
        """The same predictor around the same network, with other points or none.

        Returns:
            A predictor; None from one that takes no point prompts.
        """
        return None

    if TYPE_CHECKING:
        __call__ = forward


def offload_mask_predictor(part: MaskPredictor) -> MaskPredictor:
    """Offload a mask predictor; for configurations, whose entries have to be of a slot's type."""
    return offload(part)
