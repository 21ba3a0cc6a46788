"""A region as run lengths, as COCO writes it: no pixel is lost, holes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeroseg.errors import ImageError

_BITS = 5
"""Bits of a number in one character; the sixth says that more follow."""

_MORE, _SIGN = 1 << _BITS, 1 << (_BITS - 1)

_FIRST = 48
"""The character of zero, "0"."""

_LONGEST = 12
"""Characters of the largest number that fits into 64 bits."""


def encode(mask: ArrayLike) -> dict[str, Any]:
    """A mask as COCO's compressed run lengths, the very text that pycocotools writes.

    Pixels are counted column by column, those outside and inside in turn, beginning outside. From
    the fourth run on, what is written is the difference to the last but one
    (https://github.com/cocodataset/cocoapi, `common/maskApi.c`).

    Args:
        mask: (H, W) bool, tensor or array.

    Returns:
        "size", [H, W], and "counts", text.

    Example:
        >>> from zeroseg import rle
        >>> rle.encode([[False, True], [False, True]])
        {'size': [2, 2], 'counts': '22'}
    """
    inside = np.asarray(mask, bool)
    runs = run_lengths(inside.T.ravel())
    runs[3:] -= runs[1:-2].copy()
    return {"size": [int(side) for side in inside.shape], "counts": _text(runs)}


def encode_part(
    mask: NDArray[np.bool_], left: int, top: int, size: Sequence[int]
) -> dict[str, Any]:
    """The same of a mask (h, w) that is a part of a picture, without making it whole.

    Args:
        mask: The part.
        left: Column of its first pixel in the picture.
        top: Row of it.
        size: Height and width of the picture.
    """
    height, width = size
    edges = np.diff(np.pad(mask.T.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    columns, rows = np.nonzero(edges)
    places = (left + columns) * height + top + rows
    same = np.flatnonzero(places[1:-1:2] == places[2::2])  # a run that goes on in the next column
    places = np.delete(places, np.concatenate([2 * same + 1, 2 * same + 2]))
    runs = np.diff(np.concatenate([[0], places, [height * width]])).astype(np.int64)
    runs = runs[:-1] if runs[-1] == 0 else runs
    runs[3:] -= runs[1:-2].copy()
    return {"size": [int(side) for side in size], "counts": _text(runs)}


def decode(code: Mapping[str, Any], size: Sequence[int] | None = None) -> NDArray[np.bool_]:
    """The mask of run lengths, compressed or not, (H, W) bool.

    Args:
        code: "size" and "counts": text, bytes, or a list of numbers.
        size: Height and width of the picture, where they are known; "size" may then be left out.

    Raises:
        ImageError: The numbers do not add up to the size, or the size is another; the message
            begins with "its".
    """
    try:
        stated = tuple(int(side) for side in code.get("size", size or ()))
        height, width = size or stated
        runs = _lengths(code["counts"])
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ImageError(f"its run lengths are damaged ({error!r})") from error
    if stated != (height, width):
        raise ImageError(
            f"its run lengths are of {stated}, its picture is {(height, width)} (height, width)"
        )
    total = sum(runs.tolist())  # of Python's numbers, which never overflow
    if total != height * width or runs.min(initial=0) < 0:
        raise ImageError(f"its run lengths are of {total} pixels, its picture has {height * width}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def area(code: Mapping[str, Any]) -> int:
    """Pixels of what `encode` wrote, without making the mask."""
    return int(_lengths(code["counts"])[1::2].sum())


def run_lengths(pixels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs outside and inside in turn, beginning outside, if only with 0.

    Args:
        pixels: (N,) bool, in the order they are counted in.
    """
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    starts = [0, 0] if pixels[:1].any() else [0]
    return np.diff(np.concatenate([starts, changes, [pixels.size]])).astype(np.int64)


def _text(numbers: NDArray[np.int64]) -> str:
    """Signed numbers as characters, five bits each, the lowest first, no more than are needed."""
    shifts = _BITS * np.arange(_LONGEST)
    parts = numbers[:, None] >> shifts
    more = (parts < -_SIGN) | (parts >= _SIGN)
    written = np.hstack([np.ones_like(more[:, :1]), more[:, :-1]])
    characters = (parts & (_MORE - 1)) + more * _MORE + _FIRST
    return characters[written].astype(np.uint8).tobytes().decode("ascii")


def _lengths(counts: Sequence[int] | str | bytes) -> NDArray[np.int64]:
    """Run lengths of either form."""
    if not isinstance(counts, str | bytes):
        return np.array([int(count) for count in counts], np.int64)
    text = counts if isinstance(counts, bytes) else counts.encode("ascii")
    if not text:
        return np.zeros(0, np.int64)
    runs = _numbers(np.frombuffer(text, np.uint8).astype(np.int64) - _FIRST)
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs


def _numbers(characters: NDArray[np.int64]) -> NDArray[np.int64]:
    """The signed numbers that `_text` wrote, of characters less "0"."""
    if ((characters < 0) | (characters >= 2 * _MORE)).any():
        raise ValueError("a character is no run length")
    last = (characters & _MORE) == 0
    if not last[-1]:
        raise ValueError("the text ends within a number")
    starts = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    lengths = np.diff(starts, append=characters.size)
    if lengths.max() > _LONGEST:
        raise ValueError("a number is too long")
    place = np.arange(characters.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((characters & (_MORE - 1)) << (_BITS * place), starts)
    negative = (characters[last] & _SIGN) != 0
    return numbers - (negative.astype(np.int64) << (_BITS * lengths))
