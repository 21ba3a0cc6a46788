"""The contract of pre-refinement (paper, section 3.3.1)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary


class PreRefiner(nn.Module, ABC):
    """Decides what to look for in an image, given its description."""

    @abstractmethod
    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose the prompts of every image.

        Args:
            descriptions: B of them.
            vocabulary: The closed set of classes.

        Returns:
            B selections. Every label is a class of the vocabulary other than its background, or
            -1 in the modes that do not refine.

        Raises:
            ChatError: A language model was needed and stayed unreachable.
        """

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server, so that others can work meanwhile."""
        return False

    if TYPE_CHECKING:
        __call__ = forward
