"""Numbers become a uint8 tensor (3, H, W): arrays and tensors of any depth.

Errors are worded to go on from the name of what could not be read.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroseg.errors import ImageError

CHANNELS = (1, 3, 4)
"""Grey, RGB, RGBA."""

_WHITES = (255, 4095, 65535)
"""White in pictures of 8, 12 and 16 bits."""

_DARKEST = 16
"""Whole numbers that are all below are of no evident range."""


def from_tensor(tensor: Tensor) -> Tensor:
    """A copy of a tensor (C, H, W) or (H, W), on the CPU, as (3, H, W); see `from_array`.

    Raises:
        ImageError: It has another shape, or numbers that are no pixels.
    """
    if tensor.ndim == 2:
        tensor = tensor[None]
    if tensor.ndim != 3 or tensor.shape[0] not in CHANNELS:
        raise ImageError(
            f"has the shape {tuple(tensor.shape)}; expected (3, H, W){_advice(tensor.shape, False)}"
        )
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.uint8 and tensor.shape[0] == 3:
        return tensor.clone(memory_format=torch.contiguous_format)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return from_array(tensor.permute(1, 2, 0).numpy())


def from_array(array: np.ndarray) -> Tensor:
    """An array (H, W, C) or (H, W) as (3, H, W), transparent pixels on white.

    Bytes are pixels, and truth values black and white. Of numbers of any other type, the brightest
    tells what white is: 1 for floating point numbers up to 1, else the smallest of 255, 4095 and
    65535 (8, 12 and 16 bits) that is not below it, if it is evident: whole numbers have to reach
    16, floating point numbers, which may be of any range, a quarter of white.

    Raises:
        ImageError: It has another shape, or its numbers are negative, not finite, or of no evident
            range.
    """
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in CHANNELS:
        advice = _advice(array.shape, True)
        raise ImageError(f"has the shape {array.shape}; expected (H, W, 3){advice}")
    colors = _bytes(array[:, :, :3])
    if array.shape[2] == 4:
        alpha = _bytes(array)[:, :, 3:]
        return from_colors(on_white(Image.fromarray(np.concatenate([colors, alpha], axis=2))))
    pixels = torch.from_numpy(np.array(colors))
    return pixels.permute(2, 0, 1).expand(3, -1, -1).contiguous()


def from_colors(image: Image.Image) -> Tensor:
    """A PIL image without transparency as (3, H, W)."""
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return pixels.permute(2, 0, 1).contiguous()


def on_white(image: Image.Image) -> Image.Image:
    """A PIL image with transparency, laid on white."""
    if image.mode == "La":
        image = image.convert("LA")
    overlay = image.convert("RGBA")
    ground = Image.new("RGBA", overlay.size, "white")
    ground.alpha_composite(overlay)
    return ground


def _bytes(values: np.ndarray) -> np.ndarray:
    """Numbers of any type as uint8."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * 255
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iuf":
        raise ImageError(f"holds values of the type {values.dtype}; expected uint8")
    return np.rint(values.astype(np.float32) * 255 / _white(values)).astype(np.uint8)


def _white(values: np.ndarray) -> int:
    """What white is, by the brightest value.

    Raises:
        ImageError: The range of the values is not evident.
    """
    least, most = (values.min(), values.max()) if values.size else (0, 0)
    return white_of(least, most, values.dtype.kind == "f")


def white_of(least: float, most: float, floating: bool) -> int:
    """What white is in numbers from `least` to `most`; see `from_array`.

    Args:
        least: The darkest.
        most: The brightest.
        floating: Whether they are floating point numbers.

    Raises:
        ImageError: The range of the values is not evident.
    """
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ImageError("holds values that are no finite numbers (NaN or infinity)")
    if floating and least >= 0 and most <= 1:
        return 1
    white = next((white for white in _WHITES if most <= white), None)
    if least < 0 or white is None or 0 < most < (white / 4 if floating else _DARKEST):
        raise ImageError(
            f"holds values from {least:g} to {most:g}, so that it is not evident what white is; "
            f"bring them to uint8 from 0 to 255, or to floating point numbers in [0, 1]"
        )
    return white


def _advice(shape: tuple[int, ...], array: bool) -> str:
    """What to do with pixels in another order, or several pictures."""
    if len(shape) == 4:
        return "; give several pictures as a list"
    if len(shape) != 3 or shape[0 if array else 2] not in CHANNELS:
        return ""
    return "; .transpose(1, 2, 0) brings them there" if array else "; use .permute(2, 0, 1)"
