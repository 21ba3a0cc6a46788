"""Grounding DINO with the input and the phrases of the published code."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from zeroseg.detection.grounding_dino import GroundingDino
from zeroseg.detection.input_size import published_size
from zeroseg.reference.resizing import resized


class ReferenceGroundingDino(GroundingDino):
    """`GroundingDino` as the published code runs it.

    Images are resized by PIL to the authors' rule (see `published_size`), and a region none of
    whose words is over the text threshold has the empty phrase, which no class answers to; the
    main class gives it its best word. Arguments are those of `GroundingDino`.
    """

    def _prepare(self, images: Sequence[Tensor]) -> list[Tensor]:
        bilinear = Image.Resampling.BILINEAR
        return super()._prepare(
            [resized(image, self._sides(*image.shape[1:]), bilinear) for image in images]
        )

    def _sides(self, height: int, width: int) -> tuple[int, int]:
        own = self.processor.image_processor.size
        if own["shortest_edge"] is None:
            return own["height"], own["width"]
        return published_size(height, width, own["shortest_edge"], own["longest_edge"])

    def _size(self, height: int, width: int) -> dict[str, int]:
        return {"height": height, "width": width}  # `_prepare` has made it so

    def _chosen(self, scores: Tensor) -> list[int]:
        over: list[int] = (scores > self.text_threshold).nonzero()[:, 0].tolist()
        return over
