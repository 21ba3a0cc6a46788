"""The highest score takes the pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.fusion.fusion import Fusion
from zeroseg.values import UNRESOLVED, Detections, Masks
from zeroseg.vocabulary import Vocabulary


class HighestScore(Fusion):
    """Gives every pixel the class of the best detection whose mask covers it.

    Each pixel takes the first mask that claims it, in the order of falling score; equal scores
    are settled by that order. A detection without a class claims nothing, and neither does one
    that was resolved to the background. (The published implementation compares raw phrases, lets
    both of two equal scores lose, and lets phrases without a class remove pixels from others.)

    Args:
        chunk: Masks brought to full size at a time; memory is about 4 * chunk * H * W bytes.
    """

    def __init__(self, chunk: int = 16) -> None:
        super().__init__()
        self.chunk = chunk

    def forward(self, masks: Masks, detections: Detections, vocabulary: Vocabulary) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        device = masks.logits.device
        labels = detections.labels.to(device)
        claims = ((labels != UNRESOLVED) & (labels != vocabulary.background)).nonzero()[:, 0]
        canvas = torch.full(masks.size, vocabulary.background, dtype=torch.int64, device=device)
        free = torch.ones(masks.size, dtype=torch.bool, device=device)
        for part in claims.split(self.chunk) if len(claims) else ():
            covered = masks.full(part) > 0
            first = covered.byte().argmax(0)  # the best of this part, where any covers
            takes = covered.any(0) & free
            canvas = torch.where(takes, labels[part][first], canvas)
            free &= ~takes
        return canvas
