"""The contract of dense scorers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zeroseg.masking.mask_proposer import Proposals
from zeroseg.values import DenseScores, Geometry, Selection
from zeroseg.weights.offload import offload


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

    def within(
        self,
        images: Sequence[Tensor],
        selections: Sequence[Selection],
        proposals: Sequence[Proposals],
    ) -> list[DenseScores]:
        """Score the prompts of each image where its regions are known.

        A scorer whose places look at each other can keep them to their own region. Others score as
        ever, which is the default.

        Args:
            images: See `forward`.
            selections: See `forward`.
            proposals: The regions of each image.
        """
        return self(images, selections)

    if TYPE_CHECKING:
        __call__ = forward


def offload_dense_scorer(part: DenseScorer) -> DenseScorer:
    """Offload a dense scorer; for configurations, whose entries have to be of a slot's type."""
    return offload(part)


def unasked(image: Tensor, device: torch.device) -> DenseScores:
    """The scores of an image that nothing was asked about."""
    frame = Geometry.itself((image.shape[1], image.shape[2]))
    return DenseScores(torch.zeros(0, 1, 1, device=device), (), frame)
