"""The highest score takes the pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.fusion.fusion import Fusion
from zeroseg.running.transfer import sent
from zeroseg.values import DISTRACTOR, UNRESOLVED, DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

_MOST = 255
"""Ranks are bytes: reducing them is many times faster on CPU than `argmax` over masks."""


class HighestScore(Fusion):
    """Gives every pixel the class of the best detection whose mask covers it.

    Each pixel takes the first mask that claims it, in the order of falling score; equal scores
    are settled by that order. A detection without a class claims nothing, and neither does one
    that was resolved to the background; what answers to a distractor claims its pixels for the
    background. (The reference compares raw phrases, lets
    both of two equal scores lose, and lets phrases without a class remove pixels from others.)

    Args:
        chunk: Masks brought to full size at a time; memory is about 4 * chunk * H * W bytes.

    Raises:
        ValueError: `chunk` is less than 1.
    """

    evidence = "instances"

    def __init__(self, chunk: int = 16) -> None:
        super().__init__()
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, at least one mask must be painted at a time")
        self.chunk = chunk

    @property
    def hears_presence(self) -> bool:
        """See `Fusion.hears_presence`."""
        return False

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        device, background = masks.logits.device, vocabulary.background
        canvas = torch.full(masks.size, background, dtype=torch.int64, device=device)
        labels = detections.labels.cpu()
        claims = ((labels != UNRESOLVED) & (labels != background)).nonzero()[:, 0]
        parts = claims.split(min(self.chunk, _MOST)) if len(claims) else ()
        for part in reversed(parts):  # the best ends on top
            label_of = torch.cat([labels[:1], labels[part.flip(0)]])  # 0 is the rank of no mask
            label_of = label_of.where(label_of != DISTRACTOR, background)
            part, label_of = sent(part, device), sent(label_of, device)
            rank = torch.arange(len(part), 0, -1, dtype=torch.uint8, device=device)
            best = ((masks.full(part) > 0) * rank[:, None, None]).amax(0)
            canvas = torch.where(best > 0, label_of[best.long()], canvas)
        return canvas
