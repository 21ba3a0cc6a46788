"""The points that the reference shows its mask predictor."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import NO_POINT, ON_OBJECT, OUTSIDE, Windows, checked_count, top_pixels
from zeroseg.values import Detections, Masks, Points


class ReferencePoints(PointSampler):
    """The pixels of the whole image of highest mask logit, after rounding to 8 bits.

    The range of all logits of the image is brought to 0-255 and cut off, so that the points of a
    box depend on the other boxes; equal levels are taken in raster order, and where only pixels of
    level 0 are left, the point is the pixel (0, 0). Hardly any point lies in its box.

    Args:
        count: Points a box.
    """

    def __init__(self, count: int = 20) -> None:
        super().__init__()
        self.count = checked_count(count)

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample the top levels of each mask."""
        windows = Windows(masks)
        everywhere = [windows.whole] * len(masks)
        lowest, span = _range(windows, len(masks))
        xy = masks.logits.new_zeros(len(masks), self.count, 2, dtype=torch.float32)
        labels = torch.full(xy.shape[:2], NO_POINT, device=xy.device)
        for part, _, values in windows(everywhere):
            places, best = top_pixels(((values - lowest) / span * 255).floor(), self.count)
            xy[part] = (places * (best > 0)[..., None]).float()
            labels[part] = torch.where(best > OUTSIDE, ON_OBJECT, NO_POINT)
        return Points(xy, labels)


def _range(windows: Windows, count: int) -> tuple[Tensor, Tensor]:
    """The lowest logit of all masks and all pixels, and how far the highest is above it.

    1 if all are equal, so that there is something to divide by.
    """
    ends = [values.aminmax() for _, _, values in windows([windows.whole] * count)]
    zero = windows.logits.new_zeros(1, dtype=torch.float32)
    lowest = torch.stack([end.min for end in ends]).amin() if ends else zero
    highest = torch.stack([end.max for end in ends]).amax() if ends else zero
    return lowest, torch.where(highest > lowest, highest - lowest, 1.0)
