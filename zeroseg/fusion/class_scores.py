"""How much speaks for every class at every place of one image."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ClassScores:
    """Scores of the classes that could be in one image; those that cannot be are left out.

    Attributes:
        labels: A class indices, each once; the background's for what answers to distractors.
        maps: (A, H, W) float32 in [0, 1].
        presence: (A,) float32 in [0, 1], how likely each is in the image at all; 1 where that was
            not judged.
    """

    labels: tuple[int, ...]
    maps: Tensor
    presence: Tensor

    def __len__(self) -> int:
        return len(self.labels)
