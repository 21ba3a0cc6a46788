"""The contract of dense scorers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import DenseScores, Selection


class DenseScorer(nn.Module, ABC):
    """Says of every place of an image how likely each prompt is there: for stuff, without boxes."""

    @abstractmethod
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Score the prompts of each image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: The prompts of each; none is not an error.

        Returns:
            B dense scores, each with one map a prompt, in the order of the prompts.
        """

    if TYPE_CHECKING:
        __call__ = forward
