"""The outline of one COCO annotation as a mask: polygons and run lengths, in any form they have."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg.errors import ImageError, ZerosegError

_FAR = 100_000
"""Coordinates beyond this many pixels are no outline; drawing them would take any memory."""


def require_pycocotools(path: Path) -> None:
    """Raise a ZerosegError that says what to install, if polygons cannot be drawn."""
    try:
        importlib.import_module("pycocotools.mask")
    except ImportError as error:
        raise ZerosegError(
            f"'{path}' is read with pycocotools: pip install pycocotools, or put stuffthingmaps "
            f"in place of it"
        ) from error


def describes(segmentation: Any) -> bool:
    """Whether there is an outline at all: run lengths, or a polygon of at least three points."""
    if isinstance(segmentation, list):
        return any(isinstance(part, Mapping) or _is_drawn(part) for part in _parts(segmentation))
    return bool(segmentation)


def draw(segmentation: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels inside an outline, (height, width), as pycocotools draws them.

    Args:
        segmentation: Polygons (x1, y1, x2, y2, ...; a list of them, or one alone; numbers in a row
            or points), run lengths with or without compression, or a list of both. Polygons of
            fewer than three points hold no pixel.
        size: Height and width of the picture.

    Raises:
        ImageError: It is none of these, or does not fit the picture; the message begins with
            "its".
    """
    inside = np.zeros(size, bool)
    if not segmentation:
        return inside
    if not isinstance(segmentation, list | Mapping):
        kind = type(segmentation).__name__
        raise ImageError(f"its segmentation is a {kind}, neither polygons nor run lengths")
    polygons = []
    for part in _parts(segmentation) if isinstance(segmentation, list) else [segmentation]:
        if isinstance(part, Mapping):
            inside |= _runs(part, size)
        elif _is_drawn(part):
            polygons.append(_coordinates(part))
    return inside | _polygons(polygons, size) if polygons else inside


def _parts(segmentation: list[Any]) -> Iterator[Mapping[str, Any] | list[Any]]:
    """The polygons, each as numbers in a row, and the run lengths of a list."""
    whole = not any(isinstance(part, list | Mapping) for part in segmentation)
    if whole or (len(segmentation) > 2 and _are_points(segmentation)):
        segmentation = [segmentation]
    for part in segmentation:
        if isinstance(part, list) and _are_points(part):
            yield [value for point in part for value in point]
        else:
            yield part if isinstance(part, list | Mapping) else [part]


def _is_drawn(part: Sequence[Any]) -> bool:
    """Whether a polygon has three points, or is something deeper that has to be refused."""
    return len(part) >= 6 or any(isinstance(value, list) and value for value in part)


def _are_points(part: list[Any]) -> bool:
    return all(
        isinstance(point, list)
        and len(point) == 2
        and not any(isinstance(value, list | Mapping) for value in point)
        for point in part
    )


def _coordinates(part: Sequence[Any]) -> list[float]:
    try:
        numbers = [float(value) for value in part]
    except (TypeError, ValueError) as error:
        raise ImageError(f"its polygon holds something that is no number: {error}") from error
    if len(numbers) % 2:
        raise ImageError(f"its polygon has {len(numbers)} coordinates, an odd number")
    if not all(math.isfinite(number) and abs(number) <= _FAR for number in numbers):
        raise ImageError("its polygon has coordinates that are not finite, or far out")
    return numbers


def _polygons(polygons: list[list[float]], size: tuple[int, int]) -> NDArray[np.bool_]:
    codec = importlib.import_module("pycocotools.mask")
    drawn = codec.decode(codec.merge(codec.frPyObjects(polygons, *size)))
    return np.asarray(drawn, bool)


def _runs(code: Mapping[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Run lengths, column by column, of pixels outside and inside in turn.

    pycocotools reads and writes past the end of what it was given where they do not add up.
    """
    height, width = size
    try:
        stated = tuple(int(side) for side in code.get("size", size))
        runs = _lengths(code["counts"])
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ImageError(f"its run lengths are damaged ({error!r})") from error
    if stated != size:
        raise ImageError(f"its run lengths are of {stated}, its picture is {size} (height, width)")
    if sum(runs) != height * width or min(runs) < 0:
        raise ImageError(
            f"its run lengths are of {sum(runs)} pixels, its picture has {height * width}"
        )
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _lengths(counts: list[Any] | str | bytes) -> list[int]:
    """Run lengths of either form.

    The compressed one has five bits a character, from "0" up, the lowest first; the sixth bit says
    that more follow, and from the fourth run on it is the difference to the last but one.
    """
    if isinstance(counts, list):
        return [int(count) for count in counts]
    text = counts if isinstance(counts, bytes) else counts.encode("ascii")
    runs: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            bits = text[place] - 48
            if not 0 <= bits < 64:
                raise ValueError(f"'{chr(text[place])}' is no run length")
            value |= (bits & 31) << shift
            more, shift, place = bool(bits & 32), shift + 5, place + 1
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs
