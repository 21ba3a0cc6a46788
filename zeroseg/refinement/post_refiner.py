"""The contract of post-refinement (paper, section 3.3.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from zeroseg.values import Resolution
from zeroseg.vocabulary import Vocabulary


class PostRefiner(nn.Module, ABC):
    """Finds the classes that a detector's phrases stand for."""

    @abstractmethod
    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        """Resolve phrases.

        Args:
            phrases: P phrases as they came from the detector, each once.
            vocabulary: The closed set of classes.

        Returns:
            P labels: class indices, or -1 where a phrase stands for no class. The background
            is an answer as any other.

        Raises:
            ChatError: A language model was needed and stayed unreachable.
        """

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server, so that others can work meanwhile."""
        return False

    if TYPE_CHECKING:
        __call__ = forward
