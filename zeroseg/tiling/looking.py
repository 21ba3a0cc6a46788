"""What tiled components share: pictures that are cut, and those that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from torch import Tensor

from zeroseg.tiling.windows import Tiling, Window

Answer = TypeVar("Answer")


def size_of(image: Tensor) -> tuple[int, int]:
    """(height, width) of a picture (3, H, W)."""
    return image.shape[1], image.shape[2]


def apart(
    tiling: Tiling,
    images: Sequence[Tensor],
    small: Callable[[list[int]], Sequence[Answer]],
    large: Callable[[int], Answer],
) -> list[Answer]:
    """The answers for a batch: of all pictures that are not cut at once, of others one by one.

    Args:
        tiling: Which are cut.
        images: The batch.
        small: Answers for the pictures at some positions, at least one, as without any tiling.
        large: Answers for the picture at a position.
    """
    cut = [i for i, image in enumerate(images) if tiling.cuts(size_of(image))]
    plain = [i for i in range(len(images)) if i not in cut]
    answers = dict(zip(plain, small(plain) if plain else (), strict=True))
    answers |= {i: large(i) for i in cut}
    return [answers[i] for i in range(len(images))]


def batches(windows: Sequence[Window], most: int) -> Iterator[Sequence[Window]]:
    """Windows of one size, a few at a time, in their order."""
    start = 0
    for i in range(1, len(windows) + 1):
        if i == len(windows) or i - start == most or windows[i].size != windows[start].size:
            yield windows[start:i]
            start = i
