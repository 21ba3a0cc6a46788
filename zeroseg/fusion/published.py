"""Overlaps as the published implementation settles them."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from zeroseg.fusion.fusion import Fusion
from zeroseg.values import UNRESOLVED, Detections, Masks
from zeroseg.vocabulary import Vocabulary

_NOBODY, _CONTESTED = -1, -2
"""Owners of a pixel beside the phrases, each named by the first detection that has it: none so far;
several different ones, so that whoever scores lower cannot have it."""


class PublishedOverlap(Fusion):
    """Takes overlaps from masks before it paints them, as the published implementation does.

    For faithful repetition of the paper's experiments; `HighestScore` is the sane way. Where masks
    of two detections overlap and their phrases differ, the one with the lower score loses the
    overlap. What follows from how that is done there:

    - Scores are compared after cutting them off behind two decimals (0.599 becomes 0.59). Of two
      equal ones both lose, and the overlap goes to neither.
    - Phrases are compared as the detector gave them: "man" and "woman" take pixels from one another
      though both become "person", and equal phrases never do.
    - A winner takes all that its mask covered at first: pixels that it loses to a third detection
      itself go to nobody.
    - A detection without a class takes pixels from others all the same, and paints nothing.
    - What is left is painted in the order of falling score, so that the lower score ends on top
      where equal phrases overlap. The background is a class like any other and paints, too.

    There all pairs of masks are compared; here the same is found in one pass over the scores.

    Args:
        chunk: Masks brought to full size at a time; memory is about 4 * chunk * H * W bytes.
    """

    def __init__(self, chunk: int = 16) -> None:
        super().__init__()
        self.chunk = chunk

    def forward(self, masks: Masks, detections: Detections, vocabulary: Vocabulary) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        device = masks.logits.device
        canvas = torch.full(masks.size, vocabulary.background, dtype=torch.int64, device=device)
        owners = torch.full(masks.size, _NOBODY, dtype=torch.int64, device=device)
        phrases = [detections.phrases.index(phrase) for phrase in detections.phrases]
        labels = detections.labels.tolist()
        levels = [int(score * 100) for score in detections.scores.tolist()]
        for _, level in groupby(range(len(masks)), levels.__getitem__):
            group = list(level)
            for part in self._chunks(group):
                for i, covered in zip(part, self._covered(masks, part), strict=True):
                    other = (owners != _NOBODY) & (owners != phrases[i])
                    claimed = torch.where(other, _CONTESTED, phrases[i])
                    owners = torch.where(covered, claimed, owners)
            for part in self._chunks([i for i in group if labels[i] != UNRESOLVED]):
                for i, covered in zip(part, self._covered(masks, part), strict=True):
                    canvas[covered & (owners == phrases[i])] = labels[i]
        return canvas

    def _chunks(self, indices: list[int]) -> list[list[int]]:
        return [indices[i : i + self.chunk] for i in range(0, len(indices), self.chunk)]

    def _covered(self, masks: Masks, part: list[int]) -> Tensor:
        return masks.full(torch.tensor(part, device=masks.logits.device)) > 0
