"""Maps at low resolution read off at some pixels of their picture alone."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.values import Geometry


def sampled(maps: Tensor, geometry: Geometry, y: Tensor, x: Tensor) -> Tensor:
    """The values of maps at a grid of places.

    Bilinear in one step, where `Geometry.restore` may go over the frame: the same but for rounding
    where an image fills its frame, and within the blur of the first step elsewhere.

    Args:
        maps: (n, h, w) float, over the whole frame.
        geometry: How their picture lies in the frame.
        y: (R,) float, rows in pixels of the picture; the centre of its first one is at 0.5.
        x: (C,) float, columns likewise.

    Returns:
        (n, R, C) float32.
    """
    rows, some_rows = _line(y, geometry, maps.shape[1], 0)
    columns, some_columns = _line(x, geometry, maps.shape[2], 1)
    part = maps[:, some_rows, some_columns].float()
    with torch.autocast(maps.device.type, enabled=False):
        return rows.to(part) @ (part @ columns.T.to(part))


def _line(places: Tensor, geometry: Geometry, cells: int, axis: int) -> tuple[Tensor, slice]:
    """How much each cell of a line counts for each place (L, k), and which k cells these are."""
    size, resized = geometry.size[axis], geometry.resized[axis]
    scale = resized / size * cells / geometry.frame[axis]
    at = (places.double().cpu() * scale - 0.5).clamp(0, cells - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=cells - 1)
    first, last = int(low.min()), int(high.max()) + 1
    weights = torch.zeros(len(at), last - first, dtype=torch.float64)
    part = (at - low)[:, None]
    weights.scatter_add_(1, (low - first)[:, None], 1 - part)
    weights.scatter_add_(1, (high - first)[:, None], part)
    return weights, slice(first, last)


def centres(start: int, length: int) -> Tensor:
    """Where the centres of pixels lie along a line."""
    return torch.arange(start, start + length, dtype=torch.float64) + 0.5
