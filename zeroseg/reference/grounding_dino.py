"""Grounding DINO with the input and the phrases of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image
from torch import Tensor

from zeroseg.detection.grounded_detector import GroundedDetector
from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.official_grounding_dino import OfficialGroundingDino
from zeroseg.reference.input_size import reference_size
from zeroseg.reference.resizing import resized


class _AsReference(GroundedDetector):
    def _prepare(self, images: Sequence[Tensor], **options: Any) -> list[Tensor]:
        bilinear = Image.Resampling.BILINEAR
        made = [resized(image, self._sides(*image.shape[1:]), bilinear) for image in images]
        return super()._prepare(made, do_resize=False, **options)

    def _sides(self, height: int, width: int) -> tuple[int, int]:
        own = self.processor.image_processor.size
        if own["shortest_edge"] is None:
            return own["height"], own["width"]
        return reference_size(height, width, own["shortest_edge"], own["longest_edge"])

    def _chosen(self, scores: Tensor) -> list[int]:
        over: list[int] = (scores > self.text_threshold).nonzero()[:, 0].tolist()
        return over


class ReferenceGroundingDino(_AsReference, GroundingDino):
    """`GroundingDino` as the reference runs it.

    Images are resized by PIL to the authors' rule (see `reference_size`), and a region none of
    whose words is over the text threshold has the empty phrase, which no class answers to; the
    main class gives it its best word. Arguments are those of `GroundingDino`.
    """


class ReferenceOfficialGroundingDino(_AsReference, OfficialGroundingDino):
    """`OfficialGroundingDino` as the reference runs it; see `ReferenceGroundingDino`.

    Arguments are those of `OfficialGroundingDino`.
    """
