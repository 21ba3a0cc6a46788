"""Where on the earth a picture lies, as rasterio reads it."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeroseg.errors import ImageError, PackageNotFound
from zeroseg.export.originals import original
from zeroseg.export.picture import LabelledPicture

_RASTERS = (".tif", ".tiff", ".gtiff", ".jp2", ".j2k", ".vrt")
"""Files that may know where they lie."""


@dataclass(frozen=True)
class Georeference:
    """The coordinates of a picture.

    Attributes:
        crs: The coordinate reference system, rasterio's.
        transform: From pixels, column and row, to coordinates, an affine transform.
    """

    crs: Any
    transform: Any

    def coordinates(self, corners: ArrayLike) -> NDArray[np.float64]:
        """Corners (N, 2) in pixels, as coordinates."""
        return _mapped(self.transform, corners)

    def pixels(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """Coordinates (N, 2) as pixels."""
        return _mapped(~self.transform, coordinates)


def _mapped(transform: Any, points: ArrayLike) -> NDArray[np.float64]:
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    a, b, c, d, e, f = transform[:6]
    return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)


def require_rasterio(who: str) -> Any:
    """The package rasterio.

    Args:
        who: What needs it, for the message.

    Raises:
        PackageNotFound: It is not installed.
    """
    try:
        importlib.import_module("rasterio.io")
        return importlib.import_module("rasterio")
    except ImportError as error:
        raise PackageNotFound("rasterio", who, str(error), "geo") from error


@contextmanager
def opened(rasterio: Any, content: bytes) -> Iterator[Any]:
    """A raster file to read."""
    with _quiet(rasterio), rasterio.io.MemoryFile(content) as file, file.open() as raster:
        yield raster


def write_raster(
    rasterio: Any,
    values: NDArray[np.integer],
    colors: dict[int, tuple[int, ...]] | None,
    **profile: Any,
) -> bytes:
    """A raster file of one band.

    Args:
        rasterio: The package.
        values: (H, W).
        colors: Red, green, blue and opacity by value; None for grey.
        profile: See `rasterio.io.MemoryFile.open`.
    """
    with _quiet(rasterio), rasterio.io.MemoryFile() as file:
        with file.open(**profile) as raster:
            raster.write(values, 1)
            if colors is not None:
                raster.write_colormap(1, colors)
        return bytes(file.read())


@contextmanager
def _quiet(rasterio: Any) -> Iterator[None]:
    """Without the warning that a raster lies nowhere, which is a note of the export."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


def georeference(picture: LabelledPicture, who: str) -> Georeference | None:
    """The coordinates that a picture's file knows; None where it knows none.

    Args:
        picture: The picture, whose file is read again.
        who: What needs it, for messages.

    Raises:
        ImageError: The file cannot be read, or is of another size than its result.
        PackageNotFound: It may know some, and rasterio is not installed.
    """
    if picture.suffix.lower() not in _RASTERS or not picture.source:
        return None
    rasterio = require_rasterio(who)
    content = original(picture.source)
    try:
        with opened(rasterio, content) as read:
            size, crs, transform = (read.height, read.width), read.crs, read.transform
    except rasterio.errors.RasterioError as error:
        raise ImageError(f"the picture '{picture.source}' cannot be read: {error}") from error
    if size != picture.size:
        raise ImageError(f"its picture is {size} pixels now, its label map {picture.size}")
    known = crs is not None or not transform.is_identity
    return Georeference(crs, transform) if known else None
