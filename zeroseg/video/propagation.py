"""The contract of propagation: how what stands on a keyframe is carried to the frames after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zeroseg.video.seen import Seen
from zeroseg.vocabulary import Vocabulary

Carry = Callable[[Sequence[Tensor]], list[Seen]]
"""Given the next frames, (3, H, W) uint8 each, tells what each shows. It is called again and again,
in the order of the video; whatever it keeps between calls is bounded."""


class Propagation(nn.Module, ABC):
    """Carries what was found on a keyframe through the frames after it.

    It begins anew on every keyframe and asks no recognition and no language model. It may know
    identities (`Seen.origin`); where it does not, regions are associated by their masks.
    """

    @abstractmethod
    def forward(self, image: Tensor, seen: Seen, vocabulary: Vocabulary) -> Carry:
        """Begin with a keyframe.

        Args:
            image: The keyframe, (3, H, W) uint8, RGB.
            seen: What the whole system found there, and what it looked for.
            vocabulary: The classes.

        Returns:
            What carries it on. N frames at once give the same as N calls of one frame each.
        """

    if TYPE_CHECKING:
        __call__ = forward
