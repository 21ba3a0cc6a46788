"""The contract of image captioners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.weights.offload import offload


class Captioner(nn.Module, ABC):
    """Describes images in a sentence."""

    @abstractmethod
    def forward(self, images: Sequence[Tensor]) -> list[str]:
        """Caption every image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.

        Returns:
            B captions without white space around them; possibly empty.
        """

    if TYPE_CHECKING:
        __call__ = forward


def offload_captioner(part: Captioner) -> Captioner:
    """Offload a captioner; for configurations, whose entries have to be of a slot's type."""
    return offload(part)
