"""Masks that came with the detections."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.values import Detections, Masks


class DetectorMasks(MaskPredictor):
    """Takes the masks that the detector found itself: one network, one pass (as in SAM 3).

    Its detector has to give `Detections.masks`.
    """

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """The detections' own masks.

        Raises:
            ValueError: Detections have none.
        """
        masks = [found.masks for found in detections if found.masks is not None]
        if len(masks) < len(detections):
            raise ValueError(
                "DetectorMasks needs a detector that gives masks (Detections.masks); take another "
                "mask predictor for this one, such as Sam"
            )
        return masks
