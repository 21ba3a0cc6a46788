"""Ways of painting a finished picture; all are mild, so that everything stays recognisable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int32]


def noise(seed: int, height: int, width: int, cell: int) -> Ints:
    """Return smooth noise from -128 to 127, (height, width), in which a grain is `cell` pixels."""
    rows, columns = height // cell + 3, width // cell + 3
    raw = np.frombuffer(np.random.Generator(np.random.PCG64(seed)).bytes(rows * columns), np.uint8)
    grain = Image.fromarray(raw.reshape(rows, columns).copy())
    if cell > 1:
        grain = grain.resize((columns * cell, rows * cell), Image.Resampling.BILINEAR)
    return np.asarray(grain)[:height, :width].astype(np.int32) - 128


def _bytes(values: Ints) -> Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)


def _edges(image: Pixels) -> Ints:
    grey = image.astype(np.int32).sum(axis=2)
    edge = np.zeros(grey.shape, np.int32)
    edge[:, 1:] = np.abs(grey[:, 1:] - grey[:, :-1])
    edge[1:] = np.maximum(edge[1:], np.abs(grey[1:] - grey[:-1]))
    return edge


def flat(image: Pixels, seed: int) -> Pixels:
    """Leave the picture as it was drawn."""
    return image


def ink(image: Pixels, seed: int) -> Pixels:
    """Draw dark lines along the edges and lighten the fills."""
    line = np.minimum(np.maximum(_edges(image) - 36, 0), 160)[..., None]
    wash = image.astype(np.int32) * 3 // 4 + 62
    return _bytes(wash * (256 - line) // 256 + 24 * line // 256)


def watercolour(image: Pixels, seed: int) -> Pixels:
    """Soften the picture and let pigment and paper vary."""
    soft = np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(1))).astype(np.int32)
    soft = (soft + image) // 2
    height, width = image.shape[:2]
    pool = noise(seed, height, width, 20) + noise(seed + 1, height, width, 2) // 3
    wet = soft + (245 - soft) // 8 + (pool * 22 // 128)[..., None]
    rim = np.minimum(_edges(soft.astype(np.uint8)), 150)[..., None]
    return _bytes(wet * (640 - rim) // 640)


def oil(image: Pixels, seed: int) -> Pixels:
    """Move paint along short strokes and let their ridges catch the light."""
    height, width = image.shape[:2]
    reach = 1 + (min(height, width) >= 160)
    across, down = noise(seed, height, width, 7), noise(seed + 1, height, width, 7)
    rows = np.clip(np.arange(height)[:, None] + down * reach // 128, 0, height - 1)
    columns = np.clip(np.arange(width)[None, :] + across * (reach + 1) // 128, 0, width - 1)
    ridge = noise(seed + 2, height, width // 3 + 1, 2).repeat(3, axis=1)[:, :width]
    relief = np.zeros_like(ridge)
    relief[1:] = ridge[1:] - ridge[:-1]
    return _bytes(image[rows, columns].astype(np.int32) + (relief * 24 // 128)[..., None])


def pointillist(image: Pixels, seed: int) -> Pixels:
    """Set the picture in small round dots of slightly different hues."""
    height, width = image.shape[:2]
    cell = 4
    tall, wide = -(-height // cell), -(-width // cell)
    random = np.random.Generator(np.random.PCG64(seed))
    hue = np.frombuffer(random.bytes(tall * wide * 3), np.uint8).reshape(tall, wide, 3)
    y = np.minimum(np.arange(tall) * cell + 1, height - 1)
    x = np.minimum(np.arange(wide) * cell + 1, width - 1)
    dots = image[y][:, x].astype(np.int32) + hue.astype(np.int32) * 36 // 255 - 18
    large = dots.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    disc = np.array([[0, 5, 5, 0], [5, 8, 8, 5], [5, 8, 8, 5], [0, 5, 5, 0]], np.int32)
    weight = np.tile(disc, (tall, wide))[:height, :width, None]
    ground = image.astype(np.int32) * 7 // 8 + 30
    return _bytes((ground * (11 - weight) + large * weight) // 11)


def pastel(image: Pixels, seed: int) -> Pixels:
    """Rub chalk over grained paper."""
    height, width = image.shape[:2]
    grain = noise(seed, height, width, 1) // 2 + noise(seed + 1, height, width, 2)
    chalk = image.astype(np.int32) * 15 // 16 + np.array([18, 17, 14], np.int32)
    bare = np.clip(grain - 20, 0, 96)[..., None]
    return _bytes((chalk * (400 - bare) + 244 * bare) // 400)


def poster(image: Pixels, seed: int) -> Pixels:
    """Reduce the picture to a few strong tones on cream."""
    values = image.astype(np.int32)
    grey = values.sum(axis=2, keepdims=True) // 3
    tone = grey // 32 * 34 + 14
    vivid = np.clip(tone + (values - grey) * 5 // 4, 0, 255)
    return _bytes(vivid * np.array([256, 250, 236], np.int32) // 256)


PAINTERS: dict[str, Callable[[Pixels, int], Pixels]] = {
    "flat": flat,
    "ink": ink,
    "watercolour": watercolour,
    "oil": oil,
    "pointillist": pointillist,
    "pastel": pastel,
    "poster": poster,
}
"""Style name -> function from (H, W, 3) uint8 and a seed to (H, W, 3) uint8."""


def paint(image: Pixels, style: str, seed: int) -> Pixels:
    """Return the picture painted in a style.

    Args:
        image: (H, W, 3) uint8 RGB.
        style: One of `zeroseg.drawn.world.STYLES`.
        seed: Where the texture comes from.
    """
    return np.ascontiguousarray(PAINTERS[style](image, seed))
