"""A fusion that decides large pictures part by part."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor

from zeroseg.fusion.fusion_around import FusionAround
from zeroseg.tiling.dense_canvas import SeenScores
from zeroseg.tiling.near_before_far import NearBeforeFar
from zeroseg.tiling.tiled_masks import TiledMasks
from zeroseg.tiling.windows import Window
from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

PART = 1024
"""Side of the parts that are decided at a time, in pixels."""


class TiledFusion(FusionAround):
    """Has every part of a picture decided with the regions that may be in it.

    The answer is the fusion's own, as long as it decides pixel by pixel, which all do; memory is
    that of a part, and a region costs time only where it is. Masks that are not of windows are
    left to the fusion as they are.

    Before it, what near windows show takes the pixels that it covers from stuff that far ones show;
    see `NearBeforeFar`.

    Args:
        fusion: What decides.
    """

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Paint the masks, see `Fusion.forward`."""
        if not isinstance(masks, TiledMasks):
            return self._decide(masks, detections, vocabulary, dense)
        height, width = masks.size
        labels = torch.empty(height, width, dtype=torch.int64, device=masks.logits.device)
        bare = replace(detections, masks=None)
        for top in range(0, height, PART):
            for left in range(0, width, PART):
                part = Window(top, left, min(PART, height - top), min(PART, width - left))
                index, own = masks.within(part)
                found = bare.select(index.to(detections.boxes.device))
                own = NearBeforeFar.of_stuff(own, found, vocabulary)
                found = replace(found, dense=_seen(detections.dense, part))
                decided = self._decide(own, found, vocabulary, _seen(dense, part))
                part.cut(labels).copy_(decided)
        return labels

    def _decide(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None,
    ) -> Tensor:
        known = () if dense is None else (dense,)
        return self.fusion(masks, detections, vocabulary, *known)


def _seen(dense: DenseScores | None, part: Window) -> SeenScores | None:
    """Dense scores as far as a part of the picture goes."""
    if dense is None:
        return None
    known = {own.name: getattr(dense, own.name) for own in fields(DenseScores)}
    return SeenScores(**known, view=part)
