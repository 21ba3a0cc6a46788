"""The door for pictures: whatever a user brings becomes a uint8 tensor (3, H, W), once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from torch import Tensor

from zeroseg.errors import ImageError

ImageLike: TypeAlias = "str | Path | Image.Image | np.ndarray | Tensor"
"""A file, a PIL image, a numpy array (H, W, 3) or (H, W), or a uint8 tensor (3, H, W)."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Files that a folder is searched for, in lower or upper case."""

MINIMUM_SIDE = 8
"""Pictures with a side shorter than this many pixels hold nothing to segment."""


def read_image(source: ImageLike, turn: bool = True) -> Tensor:
    """Convert a picture to a uint8 tensor (3, H, W), RGB.

    EXIF orientation is applied unless `turn` is False (published annotations are in the order of
    the pixels in the file), palettes, CMYK and grey are converted, transparent pixels are
    laid on white, 16-bit values are scaled to 8 bits, and the first frame of an animation is
    taken. Floating point arrays must lie in [0, 1].

    Raises:
        ImageError: The source is no picture, cannot be read, or is smaller than 8 x 8 pixels.
    """
    if isinstance(source, Tensor):
        image = _from_tensor(source)
    elif isinstance(source, np.ndarray):
        image = _from_array(source)
    elif isinstance(source, Image.Image):
        image = _from_pil(source, turn)
    else:
        image = _from_file(Path(source), turn)
    height, width = image.shape[1:]
    if min(height, width) < MINIMUM_SIDE:
        raise ImageError(
            f"the picture is {width} x {height} pixels; at least {MINIMUM_SIDE} x {MINIMUM_SIDE} "
            f"are needed"
        )
    return image


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """All picture files that paths, folders (searched recursively) and globs mean, each once.

    Raises:
        ImageError: A path or glob matches nothing, or a folder holds no pictures.
    """
    found: dict[str, Path] = {}
    for path in paths:
        matches = list(_expand(path))
        if not matches and not _is_glob(path) and not Path(path).exists():
            raise ImageError(f"there is no file or folder '{path}'")
        if not matches:
            raise ImageError(f"no pictures found at '{path}' (looked for {', '.join(SUFFIXES)})")
        for match in matches:
            found.setdefault(os.path.abspath(match), match)
    return list(found.values())


def _expand(path: str | Path) -> Iterator[Path]:
    candidate = Path(path)
    if candidate.is_dir():
        yield from sorted(
            p for p in candidate.rglob("*") if p.suffix.lower() in SUFFIXES and not p.is_dir()
        )
    elif candidate.exists():
        yield candidate
    elif _is_glob(path):
        anchor = Path(candidate.anchor)
        pattern = str(candidate.relative_to(anchor))
        try:
            yield from sorted(p for p in anchor.glob(pattern) if p.is_file())
        except ValueError as error:
            raise ImageError(f"'{path}' is not a glob: {error}") from error


def _is_glob(path: str | Path) -> bool:
    return any(sign in str(path) for sign in "*?[")


def _from_file(path: Path, turn: bool) -> Tensor:
    if not path.exists():
        raise ImageError(f"there is no file '{path}'")
    if path.stat().st_size == 0:
        raise ImageError(f"the file '{path}' is empty")
    try:
        with Image.open(path) as image:
            return _from_pil(image, turn)
    except UnidentifiedImageError as error:
        raise ImageError(f"the file '{path}' is not a picture that can be read") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"the picture '{path}' cannot be read: {error}") from error


def _from_pil(image: Image.Image, turn: bool = True) -> Tensor:
    frame: Image.Image = next(iter(ImageSequence.Iterator(image)))
    frame.load()
    if turn:
        frame = ImageOps.exif_transpose(frame)
    if frame.mode.startswith("I") or frame.mode == "F":
        return _from_array(_deep(frame))
    if frame.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in frame.info:
        overlay = frame.convert("RGBA")
        frame = Image.new("RGBA", overlay.size, "white")
        frame.alpha_composite(overlay)
    pixels = np.asarray(frame.convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def _deep(image: Image.Image) -> np.ndarray:
    """Grey values deeper than 8 bits as uint16, shares of white as they are."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F" and values.size and values.min() >= 0 and values.max() <= 1:
        return values
    if values.max(initial=0) <= 255 and image.mode not in ("I;16", "I;16B", "I;16L"):
        return values.clip(0, 255).astype(np.uint8)
    return values.clip(0, 65535).astype(np.uint16)


def _from_array(array: np.ndarray) -> Tensor:
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ImageError(f"an array {array.shape} is no picture; expected (H, W, 3)")
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    if array.dtype == np.uint16:
        array = (array.astype(np.uint32) * 255 + 32767) // 65535
    elif np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ImageError("an array of floating point numbers must lie in [0, 1]")
        array = np.rint(array * 255)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        raise ImageError(f"an array of {array.dtype} is no picture; expected uint8")
    pixels = array.astype(np.uint8)
    if pixels.shape[2] == 4:
        return _from_pil(Image.fromarray(pixels))
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).contiguous()


def _from_tensor(tensor: Tensor) -> Tensor:
    if tensor.ndim == 3 and tensor.shape[0] == 3 and tensor.dtype == torch.uint8:
        return tensor
    raise ImageError(
        f"a tensor {tuple(tensor.shape)} {tensor.dtype} is no picture; expected (3, H, W) uint8"
    )
