"""The contract of point samplers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from torch import nn

from zeroseg.errors import ComponentError
from zeroseg.values import Detections, Masks, Points

_NONE = -10
"""Label of a place that holds no point."""


class PointSampler(nn.Module, ABC):
    """Chooses point prompts for a second pass of the mask predictor (paper, section 3.4)."""

    @abstractmethod
    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample points for the boxes of one image.

        Args:
            detections: N boxes, on any device.
            masks: Their N masks from the first pass, which saw the boxes alone.

        Returns:
            Points of N boxes, on the masks' device.
        """

    if TYPE_CHECKING:
        __call__ = forward


def points_of(sampler: PointSampler, detections: Detections, masks: Masks) -> Points:
    """A sampler's points for the boxes of one image.

    Raises:
        ComponentError: It returned something else. Coordinates of this package's own samplers are
            not looked at: that would wait for the device.
    """
    points: Any = sampler(detections, masks)
    name = type(sampler).__name__
    if not isinstance(points, Points):
        raise ComponentError(name, "Points for each image", repr(points)[:80])
    if len(points) != len(detections):
        raise ComponentError(name, f"points of {len(detections)} boxes", f"{len(points)}")
    if type(sampler).__module__.startswith("zeroseg."):
        return points
    labels = set(points.labels.unique().tolist())
    if not labels <= {1, 0, _NONE}:
        raise ComponentError(name, f"labels 1, 0 or {_NONE}", f"{sorted(labels)}")
    height, width = masks.size
    xy = points.xy[points.labels != _NONE].flatten(0, -2)
    inside = (xy >= 0) & (xy <= xy.new_tensor([width, height]))
    if not bool(inside.all()):
        wrong = xy[~inside.all(-1)][0].tolist()
        raise ComponentError(name, f"points in an image of {width} x {height}", f"{wrong}")
    return points
