"""What a detector found in one window of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from zeroseg.tiling.sampling import sampled
from zeroseg.tiling.windows import Box, Window
from zeroseg.values import Detections

NEAR = 1 / 64
"""A box that ends nearer to its window's border than this share of its side is cut by it."""

Key = tuple[int, str]
"""A class; of what has none, its phrase."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """One region, or a piece of one, as it was seen in one window.

    Attributes:
        window: The window.
        box: In pixels of the picture.
        score: Its score.
        key: What it is one of.
        source: The detections of the window, and its position among them.
        ends: Which sides of its box, left, top, right and bottom, are where the window ends and
            the picture does not.
    """

    window: Window
    box: Box
    score: float
    key: Key
    source: tuple[Detections, int]
    ends: tuple[bool, ...]

    @property
    def cut(self) -> bool:
        """Whether the window's border cuts it."""
        return any(self.ends)


def sightings(window: Window, found: Detections, size: tuple[int, int]) -> Iterator[Sighting]:
    """What was found in a window of a picture of a size (height, width)."""
    corner = torch.tensor([window.left, window.top] * 2)
    left, top, right, bottom = window.box
    inner = (left > 0, top > 0, right < size[1], bottom < size[0])
    near = NEAR * max(window.size)
    boxes = found.boxes.cpu() + corner
    scores, labels = found.scores.tolist(), found.labels.tolist()
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        gaps = (x1 - left, y1 - top, right - x2, bottom - y2)
        ends = tuple(cuts and gap < near for cuts, gap in zip(inner, gaps, strict=True))
        key = (labels[i], "" if labels[i] >= 0 else found.phrases[i])
        yield Sighting(window, (x1, y1, x2, y2), scores[i], key, (found, i), ends)


def boxes_of(seen: list[Sighting]) -> Tensor:
    """(n, 4), in pixels of the picture."""
    return torch.tensor([own.box for own in seen]).view(-1, 4)


def inside(one: Box, other: Box) -> Box:
    """What two boxes have in common."""
    (x1, y1, x2, y2), (left, top, right, bottom) = one, other
    return max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)


def area(box: Box) -> float:
    """That of a box; 0 of one that has none."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(one: Box, other: Box) -> float:
    """The IoU of two boxes."""
    both = area(inside(one, other))
    return both / max(area(one) + area(other) - both, 1e-6)


def share_within(region: Sighting, piece: Sighting) -> float:
    """How much of a piece's mask lies within that of a region; 1 where there are no masks."""
    if piece.source[0].masks is None:
        return 1.0
    y, x = (_places(piece, axis) for axis in (0, 1))
    own, under = _at(piece, y, x), _at(region, y, x)
    return float((own & under).sum()) / max(int(own.sum()), 1)


def _places(piece: Sighting, axis: int, count: int = 32) -> Tensor:
    """Places along a piece's box, in pixels of the picture."""
    low, high = piece.box[1 - axis], piece.box[3 - axis]
    return low + (torch.arange(count, dtype=torch.float64) + 0.5) * (high - low) / count


def _at(own: Sighting, y: Tensor, x: Tensor) -> Tensor:
    """Whether a sighting's mask is at places of the picture, (R, C) bool."""
    found, i = own.source
    assert found.masks is not None
    masks, window = found.masks, own.window
    values = sampled(masks.logits[i : i + 1], masks.geometry, y - window.top, x - window.left)[0]
    return values.cpu() > 0
