"""The contract of mask classifiers: images and their masks to classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Masks
from zeroseg.vocabulary import Vocabulary


@dataclass(frozen=True)
class Votes:
    """What the masks of one image were taken for.

    Attributes:
        labels: (N,) int64, class index of each mask, the background's where no class fits.
        rest: (H, W) int64, class index of every pixel that no mask covers.
    """

    labels: Tensor
    rest: Tensor


class MaskClassifier(nn.Module, ABC):
    """Gives masks their classes."""

    @abstractmethod
    def forward(
        self, images: Sequence[Tensor], masks: Sequence[Masks], vocabulary: Vocabulary
    ) -> list[Votes]:
        """Classify every mask.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            masks: The masks of each image; none is not an error.
            vocabulary: The classes.

        Returns:
            The votes of each image, on the device of its masks.
        """

    if TYPE_CHECKING:
        __call__ = forward
