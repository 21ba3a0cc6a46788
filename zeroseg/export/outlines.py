"""Outlines of regions along the borders of pixels: nothing is smoothed, nothing is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

Ring: TypeAlias = "NDArray[np.float64]"
"""(N, 2) corners x y in pixels, the picture's own corner at 0 0; the last leads to the first."""


@dataclass(frozen=True)
class Polygon:
    """A part of a region that hangs together by the sides of pixels.

    Attributes:
        outer: Its outline, clockwise as one sees the picture.
        holes: What is cut out of it, counterclockwise. Rings touch each other in corners at most.
    """

    outer: Ring
    holes: tuple[Ring, ...] = ()

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The outline, then the holes."""
        return (self.outer, *self.holes)


def trace(mask: NDArray[np.bool_]) -> list[Polygon]:
    """The outlines of a mask (H, W) bool, along the borders of its pixels.

    Corners only, none between two edges of one line. `fill` of all rings gives the mask back.
    """
    parts, count = ndimage.label(mask)
    outer: list[Ring | None] = [None] * count
    holes: list[list[Ring]] = [[] for _ in range(count)]
    for ring in _rings(mask):
        part = _beside(ring, parts)
        if _turned_area(ring) > 0:
            outer[part] = ring
        else:
            holes[part].append(ring)
    return [
        Polygon(own, tuple(cut)) for own, cut in zip(outer, holes, strict=True) if own is not None
    ]


def fill(rings: Sequence[ArrayLike], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centre lies inside an odd number of rings, (H, W) bool.

    A line that is run along twice, there and back, cuts nothing out.
    """
    height, width = size
    ends = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
    if not any(map(len, ends)):
        return np.zeros(size, bool)
    edges = np.hstack([np.vstack(ends), np.vstack([np.roll(ring, -1, axis=0) for ring in ends])])
    upwards = edges[:, 1] > edges[:, 3]
    edges[upwards] = edges[upwards][:, [2, 3, 0, 1]]  # there and back are one line, bit by bit
    x0, y0, x1, y1 = edges.T
    first, last = (np.ceil(y - 0.5).clip(0, height).astype(np.int64) for y in (y0, y1))
    edge = np.repeat(np.arange(len(edges)), last - first)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - last, last - first)
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    crossing = x0[edge] + (row + 0.5 - y0[edge]) * slope
    column = np.ceil(crossing - 0.5).clip(0, width).astype(np.int64)
    crossings = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
    odd = np.cumsum(crossings.reshape(height, width + 1)[:, :width], axis=1) % 2
    return odd.astype(bool)


def joined(rings: Sequence[Ring]) -> Ring:
    """One ring of several: from the first to each of the others and back, along one line.

    The double line holds no pixel (https://github.com/cocodataset/cocoapi/issues/153), so holes
    stay cut out where a format has one ring to a region.
    """
    first = rings[0]
    tree = cKDTree(first)
    ways: dict[int, list[Ring]] = defaultdict(list)
    for ring in rings[1:]:
        distances, places = tree.query(ring)
        start = int(np.argmin(distances))
        ways[int(places[start])].append(np.roll(ring, -start, axis=0)[[*range(len(ring)), 0]])
    pieces: list[Ring] = []
    for place, corner in enumerate(first):
        pieces.append(corner[None])
        for way in ways.get(place, ()):
            pieces += [way, corner[None]]
    return np.vstack(pieces)


def _turned_area(ring: Ring) -> float:
    """Positive for a ring that is clockwise as one sees the picture."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _beside(ring: Ring, parts: NDArray[np.int32]) -> int:
    """Which part a ring is of: the pixel to the right of its first edge, which is horizontal."""
    (x0, y0), (x1, _) = ring[:2].astype(int)
    row = y0 if x1 > x0 else y0 - 1
    return int(parts[row, min(x0, x1)]) - 1


def _rings(mask: NDArray[np.bool_]) -> Iterator[Ring]:
    """All rings of a mask; each begins with a horizontal edge and passes no corner twice."""
    across, down = _edges(mask), _edges(mask.T)[:, [1, 0, 3, 2]]
    down = down[:, [2, 3, 0, 1]]  # the region lies to the right of every edge
    down_after = _followers(across[:, 2:], across[:, 0], down[:, :2], -down[:, 3])
    across_after = _followers(down[:, 2:], down[:, 1], across[:, :2], across[:, 2])
    after = across_after[down_after].tolist()
    corners = across.reshape(-1, 2, 2)
    walked = [False] * len(after)
    for edge in range(len(after)):
        loop = []
        while not walked[edge]:
            walked[edge] = True
            loop.append(edge)
            edge = after[edge]
        if loop:
            yield from _simple(corners[loop].reshape(-1, 2))


def _edges(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The horizontal edges of a mask, (E, 4) x0 y0 x1 y1: to the right above it, else left."""
    step = np.diff(np.pad(mask, 1).astype(np.int8), axis=0)
    change = step[:, 1:] != step[:, :-1]
    y, x0 = np.nonzero(change & (step[:, 1:] != 0))
    _, x1 = np.nonzero(change & (step[:, :-1] != 0))
    edges = np.stack([x0, y, x1, y], axis=1)
    below = step[y, x0 + 1] > 0
    return np.where(below[:, None], edges, edges[:, [2, 3, 0, 1]])


def _followers(
    ends: NDArray[np.int64],
    before: NDArray[np.int64],
    starts: NDArray[np.int64],
    later: NDArray[np.int64],
) -> NDArray[np.int64]:
    """For each edge the one that starts where it ends.

    Where four edges meet, between two pixels that touch by a corner, `before` and `later` order
    them so that an edge is followed by another one of the same pixel.
    """
    follower = np.empty(len(ends), np.int64)
    follower[np.lexsort((before, *ends.T))] = np.lexsort((later, *starts.T))
    return follower


def _simple(loop: NDArray[np.int64]) -> Iterator[Ring]:
    """A loop cut where it comes by a corner again, so that no ring touches itself."""
    way: list[tuple[int, int]] = []
    seen: dict[tuple[int, int], int] = {}
    for x, y in loop.tolist():
        if (place := seen.get((x, y))) is not None:
            yield _ring(way[place:])
            for corner in way[place + 1 :]:
                del seen[corner]
            del way[place + 1 :]
            continue
        seen[x, y] = len(way)
        way.append((x, y))
    yield _ring(way)


def _ring(corners: list[tuple[int, int]]) -> Ring:
    """Corners as a ring that begins with a horizontal edge."""
    ring = np.array(corners, np.float64)
    return ring if ring[0, 1] == ring[1, 1] else np.roll(ring, -1, axis=0)
