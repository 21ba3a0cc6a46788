"""The contract of verifiers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.values import Selection
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.offload import offload


class Verifier(nn.Module, ABC):
    """Looks at an image and says which of the prompts selected for it are there."""

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server, so that others can work meanwhile."""
        return False

    def require(self, vocabulary: Vocabulary) -> None:
        """Refuse classes that it cannot judge, before any picture is looked at.

        Args:
            vocabulary: The classes.

        Raises:
            ZerosegError: It cannot judge one of them; by default it can judge all.
        """

    @abstractmethod
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Judge the prompts of each image.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: What was selected for each.
            vocabulary: The classes.

        Returns:
            B selections: of the same prompts with their presence, or of fewer. Nothing is added
            that was not selected, and what was asked before stays among the exchanges.
        """

    if TYPE_CHECKING:
        __call__ = forward


def offload_verifier(part: Verifier) -> Verifier:
    """Offload a verifier; for configurations, whose entries have to be of a slot's type."""
    return offload(part)
