"""Which overlapping windows a large picture is looked at through."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

AUTO = 2
""" "auto" cuts pictures whose longer side is more than this many times what the network sees."""

Box = tuple[float, float, float, float]
"""x1 y1 x2 y2."""


@dataclass(frozen=True)
class Window:
    """A part of a picture, in its pixels.

    Attributes:
        top: Its first row.
        left: Its first column.
        height: Number of its rows.
        width: Number of its columns.
        level: 0 where the network sees it pixel by pixel, 1 where it is shrunk by two, and so on.
    """

    top: int
    left: int
    height: int
    width: int
    level: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1 y1 x2 y2."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def cut(self, image: Tensor) -> Tensor:
        """What it shows of a picture (..., H, W)."""
        rows = slice(self.top, self.top + self.height)
        return image[..., rows, self.left : self.left + self.width]

    def shared(self, other: Window) -> Window | None:
        """What it has in common with another one; None where that is nothing."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - top
        width = min(self.left + self.width, other.left + other.width) - left
        return Window(top, left, height, width) if height > 0 and width > 0 else None


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut: windows of one side, of twice that side, and so on up to the whole.

    A thing is whole in a window of the first level whose overlap holds it, so that what a border
    cuts at one level is whole at another one. Every window is an ordinary picture to the network,
    which shrinks those of the upper levels; together they are a third of the first level's number.

    Args:
        window: Side of the smallest windows, in pixels of the picture.
        overlap: How much of its side a window shares with the next one, at least.
        above: Pictures whose longer side has more pixels than this are cut; by default all that
            are larger than a window.
        batch_size: Windows that are looked at together.

    Raises:
        ValueError: A number is too small, or the overlap is not from 0.05 to 0.75.

    Example:
        >>> from zeroseg.tiling import Tiling
        >>> tiling = Tiling(window=1024)
        >>> len(tiling.windows((4096, 4096))), len(tiling.windows((768, 1024)))
        (35, 1)
    """

    window: int
    overlap: float = 0.25
    above: int | None = None
    batch_size: int = 8

    def __post_init__(self) -> None:
        for name, least in (("window", 32), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least {least}")
        if not 0.05 <= self.overlap <= 0.75:
            raise ValueError(f"overlap is {self.overlap}, expected a share from 0.05 to 0.75")

    def cuts(self, size: Sequence[int]) -> bool:
        """Whether a picture of a size (height, width) is cut."""
        return max(size) > max(self.window, self.above or 0)

    def windows(self, size: Sequence[int]) -> tuple[Window, ...]:
        """The windows of a picture, the smallest first; the last one shows all of it.

        Args:
            size: (height, width).
        """
        found: list[Window] = []
        side, level = self.window, 0
        while self.cuts(size) and side < max(size):
            found += self._level(size, side, level)
            side, level = 2 * side, level + 1
        return (*found, Window(0, 0, size[0], size[1], level))

    def around(self, box: Box, room: float, size: Sequence[int]) -> Window:
        """A window whose middle is that of a box, as far as the picture goes.

        Args:
            box: In pixels of the picture.
            room: Its side in sides of the box; it is no smaller than a first window.
            size: (height, width) of the picture.
        """
        x1, y1, x2, y2 = box
        side = max(self.window, math.ceil(room * max(x2 - x1, y2 - y1)))
        side = min(side, max(size))
        height, width = min(side, size[0]), min(side, size[1])
        top = round(min(max(0.0, (y1 + y2 - height) / 2), size[0] - height))
        left = round(min(max(0.0, (x1 + x2 - width) / 2), size[1] - width))
        return Window(top, left, height, width, math.ceil(math.log2(side / self.window)))

    def _level(self, size: Sequence[int], side: int, level: int) -> Iterator[Window]:
        rows, columns = (self._starts(length, side) for length in size)
        for top in rows:
            for left in columns:
                yield Window(top, left, min(side, size[0]), min(side, size[1]), level)

    def _starts(self, length: int, side: int) -> list[int]:
        """Where windows begin along a line, evenly spread."""
        if length <= side:
            return [0]
        gaps = math.ceil((length - side) / (side * (1 - self.overlap)))
        return [round(i * (length - side) / gaps) for i in range(gaps + 1)]
