"""A picture at a scale of its own, and the overlapping windows that are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

LONGEST = 8
"""How many times its short side the long side of a resized picture is at most: beyond that, the
short one shrinks."""

Window = tuple[slice, slice]
"""Rows and columns of patches."""


@dataclass(frozen=True)
class Framing:
    """How pictures are resized and looked at, in pixels of the resized picture.

    Attributes:
        patch: Side of a patch.
        window: Side of a window.
        stride: From one window to the next.
        short_side: Of the resized picture.

    Raises:
        ValueError: Windows or strides are no whole patches, or the short side is none.
    """

    patch: int
    window: int
    stride: int
    short_side: int

    def __post_init__(self) -> None:
        for name in ("window", "stride"):
            length = getattr(self, name)
            if length < self.patch or length % self.patch:
                raise ValueError(
                    f"{name} is {length}, expected a multiple of {self.patch}, the side of a patch"
                )
        if self.short_side < 1:
            raise ValueError(f"short_side is {self.short_side}, expected at least 1")

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the patches of a resized picture, at least one each.

        Args:
            size: (height, width) as given; its aspect is kept but for whole patches.

        Example:
            >>> framing = Framing(patch=16, window=224, stride=112, short_side=336)
            >>> framing.grid((375, 500))
            (21, 28)
            >>> framing.grid((1, 700))
            (1, 168)
        """
        scale = min(self.short_side / min(size), LONGEST * self.short_side / max(size))
        rows, columns = (max(1, round(side * scale / self.patch)) for side in size)
        return rows, columns

    def windows(self, grid: tuple[int, int]) -> Iterator[Window]:
        """Where windows lie; the last ones are shifted back inside.

        Args:
            grid: Rows and columns of patches; a window is no larger.
        """
        extents = [min(self.window // self.patch, length) for length in grid]
        step = self.stride // self.patch
        starts = [
            [*range(0, length - extent, step), length - extent]
            for length, extent in zip(grid, extents, strict=True)
        ]
        for row in starts[0]:
            for column in starts[1]:
                yield slice(row, row + extents[0]), slice(column, column + extents[1])

    def cut(self, pixels: Tensor, window: Window) -> Tensor:
        """What a window shows of a resized picture (3, H, W)."""
        rows, columns = (slice(w.start * self.patch, w.stop * self.patch) for w in window)
        return pixels[:, rows, columns]


class Mosaic:
    """What windows tell of patches, averaged where they overlap.

    Args:
        grid: Rows and columns of all patches.
    """

    def __init__(self, grid: tuple[int, int]) -> None:
        self.grid = grid
        self._sum: Tensor | None = None

    def add(self, window: Window, told: Tensor) -> None:
        """Lay a window's numbers (D, rows, columns) in their place."""
        if self._sum is None:
            self._sum = told.new_zeros(len(told), *self.grid)
            self._count = told.new_zeros(self.grid)
        rows, columns = window
        self._sum[:, rows, columns] += told
        self._count[rows, columns] += 1

    def mean(self) -> Tensor:
        """The averages, (D, h, w); every patch has to be in a window."""
        assert self._sum is not None
        return self._sum / self._count
