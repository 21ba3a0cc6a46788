"""The contract of image taggers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Tag
from zeroseg.weights.offload import offload


class Tagger(nn.Module, ABC):
    """Names what is in images."""

    @abstractmethod
    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        """Tag every image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.

        Returns:
            For each image its tags, each name once, in an order that depends on the image alone.
        """

    if TYPE_CHECKING:
        __call__ = forward


def offload_tagger(part: Tagger) -> Tagger:
    """Offload a tagger; for configurations, whose entries have to be of a slot's type."""
    return offload(part)
