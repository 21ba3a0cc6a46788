"""The contract of mask predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.errors import ZerosegError
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.prompt import Prompt
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
    def promptable(self) -> bool:
        """Whether it answers to what a person shows it, see `prompted`."""
        return False

    def prompted(self, image: Tensor, prompt: Prompt, encodings: Encodings | None = None) -> Masks:
        """Predict the one mask that a person means.

        Args:
            image: (3, H, W) uint8, RGB.
            prompt: A box and clicks within it.
            encodings: What `encode` gave for it, which makes the answer quick.

        Raises:
            ZerosegError: It answers to the boxes of detectors alone.
            ImageError: The prompt leads out of the picture.
        """
        raise ZerosegError(
            f"this model has no promptable masks: {type(self).__name__} answers to no box and no "
            f"points of a person; take a model with Sam, Sam2 or another of that kind"
        )

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
