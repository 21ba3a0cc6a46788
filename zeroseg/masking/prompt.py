"""What a person shows a mask predictor: a box, clicks, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import ImageError
from zeroseg.values import Points

Click = tuple[float, float, bool]
"""x and y in pixels of the picture, and whether that place is on the object."""


@dataclass(frozen=True)
class Prompt:
    """Where one object is.

    Attributes:
        box: x1 y1 x2 y2 around it, in pixels of the picture; None for none.
        clicks: Places on it and beside it.

    Raises:
        ImageError: There is neither a box nor a place on the object, or a number is none.
    """

    box: tuple[float, float, float, float] | None = None
    clicks: tuple[Click, ...] = ()

    def __post_init__(self) -> None:
        if self.box is None and not self.inside:
            raise ImageError("a prompt needs a box, or a point on the object")
        numbers = [*(self.box or ()), *(value for x, y, _ in self.clicks for value in (x, y))]
        if not all(map(math.isfinite, numbers)):
            raise ImageError("a prompt's coordinates are numbers in pixels")
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ImageError("a box is x1 y1 x2 y2 with x1 < x2 and y1 < y2")

    @property
    def inside(self) -> list[tuple[float, float]]:
        """The places on the object."""
        return [(x, y) for x, y, on in self.clicks if on]

    def check(self, size: tuple[int, int]) -> None:
        """Look whether it lies in a picture of a height and width.

        Raises:
            ImageError: It does not.
        """
        height, width = size
        corners = [] if self.box is None else [self.box[:2], self.box[2:]]
        places = [*corners, *((x, y) for x, y, _ in self.clicks)]
        if not all(0 <= x <= width and 0 <= y <= height for x, y in places):
            raise ImageError(f"the prompt leads out of the picture of {width} x {height}")

    def points(self) -> Points | None:
        """Its clicks as the points of one region; None where there are none."""
        if not self.clicks:
            return None
        xy = torch.tensor([[[x, y] for x, y, _ in self.clicks]], dtype=torch.float32)
        return Points(xy, torch.tensor([[int(on) for _, _, on in self.clicks]]))

    def boxes(self, sides: tuple[float, ...], size: tuple[int, int]) -> Tensor:
        """Its box, or boxes around the places on the object, (n, 4) float32 in pixels.

        Args:
            sides: How far these boxes reach beyond the places, left and right or above and below
                together, as shares of the picture's longer side.
            size: Height and width of the picture.
        """
        if self.box is not None:
            return torch.tensor([self.box], dtype=torch.float32)
        places = torch.tensor(self.inside, dtype=torch.float32)
        reach = torch.tensor(sides)[:, None] / 2 * max(size)
        low, high = places.amin(0) - reach, places.amax(0) + reach
        limit = torch.tensor([size[1], size[0]], dtype=torch.float32)
        return torch.cat([low.clamp(min=0), high.minimum(limit)], 1)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        clicks = [[x, y, int(on)] for x, y, on in self.clicks]
        return {**({} if self.box is None else {"box": list(self.box)}), "points": clicks}
