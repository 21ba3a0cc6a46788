"""The highest score takes the pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.fusion.fusion import Fusion
from zeroseg.values import UNRESOLVED, Detections, Masks
from zeroseg.vocabulary import Vocabulary

_MOST = 255
"""Ranks are bytes: reducing them is many times faster on CPU than `argmax` over masks."""


class HighestScore(Fusion):
    """Gives every pixel the class of the best detection whose mask covers it.

    Each pixel takes the first mask that claims it, in the order of falling score; equal scores
    are settled by that order. A detection without a class claims nothing, and neither does one
    that was resolved to the background. (The published implementation compares raw phrases, lets
    both of two equal scores lose, and lets phrases without a class remove pixels from others.)

    Args:
        chunk: Masks brought to full size at a time; memory is about 4 * chunk * H * W bytes.

    Raises:
        ValueError: `chunk` is less than 1.
    """

    def __init__(self, chunk: int = 16) -> None:
        super().__init__()
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, at least one mask must be painted at a time")
        self.chunk = chunk

    def forward(self, masks: Masks, detections: Detections, vocabulary: Vocabulary) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        labels = detections.labels.to(masks.logits.device)
        claims = ((labels != UNRESOLVED) & (labels != vocabulary.background)).nonzero()[:, 0]
        canvas = labels.new_full(masks.size, vocabulary.background)
        parts = claims.split(min(self.chunk, _MOST)) if len(claims) else ()
        for part in reversed(parts):  # the best ends on top
            rank = torch.arange(len(part), 0, -1, dtype=torch.uint8, device=part.device)
            best = ((masks.full(part) > 0) * rank[:, None, None]).amax(0)
            label_of = torch.cat([labels[:1], labels[part.flip(0)]])  # 0 is the rank of no mask
            canvas = torch.where(best > 0, label_of[best.long()], canvas)
        return canvas
