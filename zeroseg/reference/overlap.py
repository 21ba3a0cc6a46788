"""Overlaps as the reference settles them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from zeroseg.fusion.highest_score import HighestScore
from zeroseg.values import DISTRACTOR, UNRESOLVED, DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

_NOBODY, _CONTESTED = -1, -2
"""Owners of a pixel beside the phrases, each named by the first detection that has it: none so far;
several different ones, so that whoever scores lower cannot have it."""


class ReferenceOverlap(HighestScore):
    """Takes overlaps from masks before it paints them, as the reference does.

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

    Raises:
        ValueError: `chunk` is less than 1.
    """

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        phrases = [detections.phrases.index(phrase) for phrase in detections.phrases]
        labels = detections.labels.tolist()
        levels = [int(score * 100) for score in detections.scores.tolist()]
        device = masks.logits.device
        canvas = torch.full(masks.size, vocabulary.background, dtype=torch.int64, device=device)
        owners = torch.full(masks.size, _NOBODY, dtype=torch.int64, device=device)
        draft = canvas
        for i, covered in enumerate(self._covered(masks)):
            other = (owners != _NOBODY) & (owners != phrases[i])
            owners = torch.where(covered, torch.where(other, _CONTESTED, phrases[i]), owners)
            if labels[i] != UNRESOLVED:
                paint = vocabulary.background if labels[i] == DISTRACTOR else labels[i]
                draft = torch.where(covered, paint, draft)
            if i + 1 == len(masks) or levels[i + 1] != levels[i]:
                # Nothing of one level is painted where it met another phrase, even of this level.
                canvas = draft = torch.where(owners == _CONTESTED, canvas, draft)
        return canvas

    def _covered(self, masks: Masks) -> Iterator[Tensor]:
        """Where each mask is, (H, W) bool, one after another."""
        for start in range(0, len(masks), self.chunk):
            yield from masks.full(slice(start, start + self.chunk)) > 0
