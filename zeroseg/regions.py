"""A region of interest: the walk sees that part of a picture, and its result is put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.errors import ImageError, ZerosegError
from zeroseg.images import MINIMUM_SIDE
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.values import Confidence, Detections, Masks, Points

Size = tuple[int, int]
Corner = tuple[int, int]


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture in pixels; its right and lower edges are no longer in it.

    Attributes:
        x1: Left edge.
        y1: Upper edge.
        x2: Right edge.
        y2: Lower edge.
    """

    x1: int
    y1: int
    x2: int
    y2: int

    @classmethod
    def parse(cls, given: Any) -> Region:
        """The region that four numbers mean.

        Args:
            given: A Region, or x1, y1, x2, y2 in whole pixels.

        Raises:
            ZerosegError: They mean none.
        """
        if isinstance(given, cls):
            return given
        several = isinstance(given, Sequence | Tensor | np.ndarray) and not isinstance(given, str)
        numbers = list(given) if several else []
        if len(numbers) != 4 or not all(_is_whole(number) for number in numbers):
            raise ZerosegError(f"region is {given!r}; give (x1, y1, x2, y2) in whole pixels")
        x1, y1, x2, y2 = map(int, numbers)
        if x1 < 0 or y1 < 0 or min(x2 - x1, y2 - y1) < MINIMUM_SIDE:
            raise ZerosegError(
                f"region is {(x1, y1, x2, y2)}; (x1, y1) is its upper left corner, (x2, y2) its "
                f"lower right one, at least {MINIMUM_SIDE} pixels further in both directions"
            )
        return cls(x1, y1, x2, y2)

    def crop(self, image: Tensor) -> Tensor:
        """This part of an image (C, H, W).

        Raises:
            ImageError: The image ends before it does.
        """
        height, width = image.shape[1:]
        if self.x2 > width or self.y2 > height:
            edges = f"({self.x1}, {self.y1}, {self.x2}, {self.y2})"
            raise ImageError(f"the region {edges} leads out of the picture of {width} x {height}")
        return image[:, self.y1 : self.y2, self.x1 : self.x2].contiguous()


def _is_whole(number: Any) -> bool:
    plain = isinstance(number, int | float | Tensor) or hasattr(number, "__index__")
    return plain and not isinstance(number, bool) and float(number).is_integer()


class Cropping(Stage):
    """Pictures become the images of their region; it stands before all other stages."""

    name, needs, gives = "region", ("picture",), ("image",)
    timed = False

    def __init__(self, region: Region) -> None:
        self.region = region

    def __call__(self, pictures: Sequence[Tensor]) -> tuple[Sequence[Tensor]]:
        """See `Stage.__call__`."""
        return ([self.region.crop(picture) for picture in pictures],)


def put_back(result: Segmentation, picture: Tensor, region: Region) -> Segmentation:
    """The result of a region as one of the whole picture; all else of it is background.

    Args:
        result: What the walk made of the region.
        picture: (3, H, W) uint8 on the CPU.
        region: Where it lies.
    """
    whole = (picture.shape[1], picture.shape[2])
    edges = (region.x1, whole[1] - region.x2, region.y1, whole[0] - region.y2)
    corner = (region.x1, region.y1)
    return replace(
        result,
        image=picture,
        label_map=F.pad(result.label_map, edges, value=result.vocabulary.background),
        detections=_moved(result.detections, whole, corner),
        masks=_within(result.masks, whole, corner),
        points=_shifted(result.points, corner),
        confidence=_widened(result.confidence, edges),
    )


def _moved(found: Detections, whole: Size, corner: Corner) -> Detections:
    by, queries, dense = torch.tensor([*corner, *corner]), found.queries, found.dense
    if queries is not None:
        queries = replace(queries, boxes=queries.boxes + by)
    if dense is not None:
        dense = replace(dense, geometry=dense.geometry.within(whole, corner))
    masks = _within(found.masks, whole, corner)
    return replace(found, boxes=found.boxes + by, queries=queries, masks=masks, dense=dense)


def _within(masks: Masks | None, whole: Size, corner: Corner) -> Masks | None:
    if masks is None:
        return None
    geometry, points = masks.geometry.within(whole, corner), _shifted(masks.points, corner)
    return replace(masks, geometry=geometry, points=points)


def _shifted(points: Points | None, corner: Corner) -> Points | None:
    return None if points is None else replace(points, xy=points.xy + torch.tensor(corner))


def _widened(sure: Confidence | None, edges: tuple[int, ...]) -> Confidence | None:
    """What lies outside is background since nobody asked about it: that is sure."""
    if sure is None:
        return None
    margin = None if sure.margin is None else F.pad(sure.margin, edges, value=1.0)
    return replace(sure, probability=F.pad(sure.probability, edges, value=1.0), margin=margin)
