"""Dense scores of overlapping windows, blended into those of their picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zeroseg.tiling.sampling import centres, sampled
from zeroseg.tiling.windows import Tiling, Window
from zeroseg.values import DenseScores, Geometry


@dataclass(frozen=True, eq=False)
class SeenScores(DenseScores):
    """Dense scores as far as a part of the picture goes.

    Attributes:
        view: The part.
    """

    view: Window | None = None

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """Maps of some of the prompts at the part's size, (p, H, W) float32."""
        view = self.view or Window(0, 0, *self.geometry.size)
        y, x = centres(view.top, view.height), centres(view.left, view.width)
        return sampled(self.maps[part], self.geometry, y, x)


class DenseCanvas:
    """Gathers the dense scores of a picture's windows.

    Where windows overlap, each counts less towards its border, in a straight line down to nothing,
    so that no border is seen. Windows of all sizes count alike: the small ones see edges, the
    large ones what an even area is part of. A prompt's map counts by its presence in the window,
    since it is the highest presence that becomes the picture's.

    Memory: a number for each prompt and cell, whose side is that of a first window's cells.

    Args:
        size: (height, width) of the picture.
        tiling: How it is cut.
    """

    def __init__(self, size: tuple[int, int], tiling: Tiling) -> None:
        self.size = size
        self.tiling = tiling
        self._sum: Tensor | None = None
        self._presence: Tensor

    def add(self, window: Window, scores: DenseScores) -> None:
        """Lay the scores of a window in their place."""
        if self._sum is None:
            self._begin(scores)
        assert self._sum is not None
        rows, y, down = self._line(window.top, window.height, 0)
        columns, x, across = self._line(window.left, window.width, 1)
        weight = torch.outer(down, across).to(self._sum)
        values = sampled(scores.maps, scores.geometry, y, x)
        if scores.presence is not None:
            presence = scores.presence.to(values)
            values = values * presence[:, None, None]
            self._presence = torch.maximum(self._presence, presence)
        self._sum[:, rows, columns] += values * weight
        self._weight[rows, columns] += weight

    def _begin(self, scores: DenseScores) -> None:
        share = [r / f for r, f in zip(scores.geometry.resized, scores.geometry.frame, strict=True)]
        cells = max(1, *(n * own for n, own in zip(scores.maps.shape[1:], share, strict=True)))
        self.cell = max(1, int(self.tiling.window / cells))
        self.grid = tuple(-(-length // self.cell) for length in self.size)
        self._first = scores
        self._sum = scores.maps.new_zeros(len(scores), *self.grid, dtype=torch.float32)
        self._weight = self._sum.new_zeros(self.grid)
        self._presence = self._sum.new_zeros(len(scores))

    def _line(self, start: int, length: int, axis: int) -> tuple[slice, Tensor, Tensor]:
        """The cells of a window along an axis, where they are in it, and how much they count."""
        end, cell = start + length, self.cell
        cells = slice(start // cell, -(-end // cell))
        at = centres(cells.start, cells.stop - cells.start) * cell - start
        at = at.clamp(0.5, length - 0.5)
        ramp = length * self.tiling.overlap
        weight = torch.ones_like(at)
        if start > 0:
            weight = torch.minimum(weight, at / ramp)
        if end < self.size[axis]:
            weight = torch.minimum(weight, (length - at) / ramp)
        return cells, at, weight.clamp(min=1e-3)

    def scores(self) -> DenseScores:
        """Of the whole picture."""
        assert self._sum is not None
        maps, known = self._sum / self._weight, self._first.presence is not None
        if known:
            maps = maps / self._presence.clamp(min=1e-9)[:, None, None]
        frame = (self.grid[0] * self.cell, self.grid[1] * self.cell)
        geometry = Geometry(self.size, self.size, frame)
        presence = self._presence if known else None
        return DenseScores(maps.clamp(0, 1), self._first.labels, geometry, presence)
