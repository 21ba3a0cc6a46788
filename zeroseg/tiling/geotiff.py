"""GeoTIFFs of any size: read, segmented and written block by block, in constant memory."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zeroseg.errors import BlockError, ImageError, OutputError, PackageNotFound
from zeroseg.pixels import from_array, white_of
from zeroseg.tiling.windows import Window
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary
from zeroseg.writing import alone_in, check_same_run, read_run, write_whole

TILE = 256
"""Side of the tiles of what is written."""
OVERVIEW = 2048
"""The longer side of an overview, at most."""
CACHE = 64
"""MiB of a file's content that GDAL keeps, in place of a twentieth of all memory."""


class Segments(Protocol):
    """What segments a block: any `BaseSegmenter`."""

    vocabulary: Vocabulary
    config: Any

    def stream(self, sources: Iterable[Any]) -> Iterator[Any]:
        """See `BaseSegmenter.stream`."""


def is_too_large(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a TIFF of more pixels than are read at once (Pillow's limit)."""
    if Path(path).suffix.lower() not in (".tif", ".tiff"):
        return False
    try:
        with Image.open(path):
            return False
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError):  # whoever reads it says what is wrong
        return False


def segment_geotiff(
    segmenter: Segments,
    source: str | Path,
    target: str | Path,
    *,
    block: int = 2048,
    margin: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Segment a GeoTIFF and write its mask as one.

    Blocks are read with a margin of what is around them and segmented one by one, through windows
    if the segmenter's `tiling` says so; of each, what lies within the margin is kept. The mask has
    the source's size, coordinates and transform, the vocabulary's ids and colours, and the ignore
    index where the source has no data. Blocks are kept in the folder `TARGET.blocks` until all are
    done: a run that was interrupted goes on from there.

    Args:
        segmenter: What segments the blocks; give it a `tiling` if things are small in them.
        source: The file: one band (grey), or three or more of which the first are red, green and
            blue. Of more than 8 bits, the brightest value tells what white is, see `from_array`.
        target: The file to write.
        block: Side of a block in pixels, a multiple of 256.
        margin: What a block is read with on each side, in pixels.
        progress: Called with the number of blocks done, and of all.

    Returns:
        Share of each class among the pixels with data, largest first, the background left out.

    Raises:
        PackageNotFound: rasterio is not installed.
        ImageError: The source cannot be read.
        OutputError: The target cannot be written.
        BlockError: A block could not be segmented.
        ZerosegError: Blocks of another run are in the way.
    """
    if block < TILE or block % TILE or margin < 0:
        raise ValueError(f"block is {block}, not a multiple of {TILE}, or margin {margin} below 0")
    rasterio, target = _rasterio(), Path(target)
    blocks = _blocks(target)
    told = {"block": block, "margin": margin, **_run_of(segmenter, Path(source))}
    with rasterio.Env(GDAL_CACHEMAX=CACHE), alone_in(blocks):
        picture = _Source(rasterio, source)
        _begin(blocks, json.loads(json.dumps(told)))
        windows = list(_grid(picture.file.shape, block))
        for done, window in enumerate(windows):
            file = _file(blocks, window)
            if not file.exists():
                ids = _segmented(segmenter, picture, window, margin)
                write_whole(file, zlib.compress(ids.tobytes()))
            if progress is not None:
                progress(done + 1, len(windows))
        areas = _assembled(rasterio, picture, target, windows, segmenter.vocabulary)
    shutil.rmtree(blocks)
    return areas


def overview(
    source: str | Path, mask: str | Path, vocabulary: Vocabulary, side: int = OVERVIEW
) -> tuple[Tensor, Tensor]:
    """A file and its mask made small, to be looked at; neither is ever held as a whole.

    Args:
        source: What was segmented.
        mask: What `segment_geotiff` wrote of it.
        vocabulary: The classes of the mask.
        side: What the longer side is made, if it is longer.

    Returns:
        The picture, (3, h, w) uint8, and the class index of each pixel, (h, w) int64; of several
        pixels of the mask one stands for the others.

    Raises:
        PackageNotFound: rasterio is not installed.
        ImageError: A file cannot be read.
    """
    rasterio = _rasterio()
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        picture, labels = _Source(rasterio, source), _Source(rasterio, mask)
        factor = max(1.0, max(picture.file.shape) / side)
        height, width = (max(1, round(length / factor)) for length in picture.file.shape)
        [ids] = labels.small((height, width), "nearest")
        numbers = torch.from_numpy(ids.astype(np.int64))
        return picture.pixels(picture.small((height, width), "average")), vocabulary.from_ids(
            numbers
        )


class _Source:
    """A file that is read part by part.

    Args:
        rasterio: The package.
        path: The file.

    Raises:
        ImageError: It cannot be read.
    """

    def __init__(self, rasterio: Any, path: str | Path) -> None:
        try:
            self.file = rasterio.open(path)
        except rasterio.errors.RasterioIOError as error:
            raise ImageError(f"the file '{path}' cannot be read: {error}") from error
        self._rasterio, self.path = rasterio, path
        self.bands = [1, 2, 3] if self.file.count >= 3 else [1]

    def area(self, window: Window) -> Any:
        """A window as rasterio takes it."""
        corner = window.left, window.top
        return self._rasterio.windows.Window(*corner, window.width, window.height)

    def read(self, window: Window) -> Tensor:
        """The pixels of a part, (3, h, w) uint8."""
        return self.pixels(self._values(window))

    def small(self, size: tuple[int, int], way: str) -> Any:
        """The values of the whole file, (bands, h, w), made small by rasterio's `Resampling`."""
        shape, way = (len(self.bands), *size), self._rasterio.enums.Resampling[way]
        try:
            return self.file.read(self.bands, out_shape=shape, resampling=way)
        except self._rasterio.errors.RasterioIOError as error:
            raise ImageError(f"the file '{self.path}' cannot be read: {error}") from error

    def pixels(self, values: Any) -> Tensor:
        """Values as they are read, as (3, h, w) uint8."""
        if values.dtype != np.uint8:
            values = np.nan_to_num(values.astype(np.float32)) * (255 / self._white)
            values = np.rint(values.clip(0, 255)).astype(np.uint8)
        return from_array(np.ascontiguousarray(values.transpose(1, 2, 0)))

    def blank(self, window: Window) -> NDArray[np.bool_]:
        """Which pixels of a part have no data, (h, w)."""
        mask: NDArray[np.bool_] = self.file.dataset_mask(window=self.area(window)) == 0
        return mask

    def _values(self, window: Window, masked: bool = False) -> Any:
        try:
            return self.file.read(self.bands, window=self.area(window), masked=masked)
        except self._rasterio.errors.RasterioIOError as error:
            raise ImageError(f"the file '{self.path}' cannot be read: {error}") from error

    @cached_property
    def _white(self) -> int:
        """What white is, by the brightest value of the file, which is read for it."""
        least, most = float("inf"), float("-inf")
        for part in _grid(self.file.shape, 4 * TILE):
            values = self._values(part, masked=True).compressed()
            if values.size:
                least, most = min(least, float(values.min())), max(most, float(values.max()))
        try:
            some = least <= most
            floating = np.dtype(self.file.dtypes[0]).kind == "f"
            return white_of(least if some else 0, most if some else 0, floating)
        except ImageError as error:
            raise ImageError(f"the file '{self.path}' {error}") from error


def _rasterio() -> Any:
    try:
        import rasterio
        import rasterio.enums
        import rasterio.errors
        import rasterio.windows
    except ImportError as error:
        raise PackageNotFound("rasterio", "segment_geotiff", str(error), "geo") from error
    return rasterio


def _run_of(segmenter: Segments, source: Path) -> dict[str, Any]:
    """What the blocks of a run follow from."""
    try:
        status = source.stat()
    except OSError as error:
        raise ImageError(f"the file '{source}' cannot be read: {error.strerror}") from error
    system = segmenter.config or type(segmenter).__name__
    classes = segmenter.vocabulary.to_dict()
    return {"source": [status.st_size, status.st_mtime], "system": system, "classes": classes}


def _begin(blocks: Path, told: dict[str, Any]) -> None:
    """Say which run the blocks are of, or make sure that they are of this one."""
    file = blocks / "run.json"
    if file.exists():
        check_same_run(blocks, read_run(blocks, file.read_bytes()), told)
    else:
        write_whole(file, json.dumps(told))


def _grid(size: tuple[int, int], block: int) -> Iterator[Window]:
    height, width = size
    for top in range(0, height, block):
        for left in range(0, width, block):
            yield Window(top, left, min(block, height - top), min(block, width - left))


def _blocks(target: Path) -> Path:
    """The folder where blocks are kept until all are done."""
    return target.with_name(target.name + ".blocks")


def _file(blocks: Path, window: Window) -> Path:
    return blocks / f"{window.top}_{window.left}.zlib"


def _segmented(segmenter: Segments, picture: _Source, window: Window, margin: int) -> NDArray[Any]:
    """The ids of a block, (h, w) uint8 or uint16."""
    corner = window.top - margin, window.left - margin
    wide = Window(*corner, window.height + 2 * margin, window.width + 2 * margin)
    around = wide.shared(Window(0, 0, *picture.file.shape)) or window
    [result] = segmenter.stream([picture.read(around)])
    if isinstance(result, Failure):
        place = f"the block at row {window.top}, column {window.left}"
        raise BlockError(f"{place} failed at {result.stage}: {result.message}")
    inner = Window(window.top - around.top, window.left - around.left, *window.size)
    classes = segmenter.vocabulary
    ids = classes.to_ids(inner.cut(result.label_map)).numpy().astype(_type(classes))
    ids[picture.blank(window)] = classes.ignore_index
    return ids


def _type(vocabulary: Vocabulary) -> str:
    return "uint8" if vocabulary.bits == 8 else "uint16"


def _assembled(
    rasterio: Any, picture: _Source, target: Path, windows: list[Window], vocabulary: Vocabulary
) -> dict[str, float]:
    """Write the mask out of its blocks, and tell the shares of the classes."""
    blocks = _blocks(target)
    counts: Counter[int] = Counter()
    named = zip(vocabulary.ids, vocabulary.names, strict=True)
    try:
        with rasterio.open(blocks / "mask.tif", "w", **_profile(picture.file, vocabulary)) as mask:
            mask.update_tags(**{f"class_{number}": name for number, name in named})
            if vocabulary.bits == 8:
                mask.write_colormap(1, dict(zip(vocabulary.ids, vocabulary.colors, strict=True)))
            for window in windows:
                content = zlib.decompress(_file(blocks, window).read_bytes())
                ids = np.frombuffer(content, _type(vocabulary)).reshape(window.size)
                mask.write(ids, 1, window=picture.area(window))
                for number, count in zip(*np.unique(ids, return_counts=True), strict=True):
                    counts[int(number)] += int(count)
        os.replace(blocks / "mask.tif", target)
    except (OSError, rasterio.errors.RasterioError) as error:
        raise OutputError(f"cannot write '{target}': {error}") from error
    return _shares(counts, vocabulary)


def _profile(picture: Any, vocabulary: Vocabulary) -> dict[str, Any]:
    height, width = picture.shape
    return {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": _type(vocabulary),
        "crs": picture.crs,
        "transform": picture.transform,
        "nodata": vocabulary.ignore_index,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "deflate",
        "bigtiff": "if_safer",
    }


def _shares(counts: Counter[int], vocabulary: Vocabulary) -> dict[str, float]:
    known = {i: counts[number] for i, number in enumerate(vocabulary.ids)}
    total = max(sum(known.values()), 1)
    found = [(vocabulary.names[i], known[i] / total) for i in vocabulary.classes if known[i]]
    return dict(sorted(found, key=lambda own: -own[1]))
