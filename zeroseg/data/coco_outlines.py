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
from zeroseg.rle import decode

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
            inside |= decode(part, size)
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
