"""Pictures of any size with exact truth: many things at their usual size on one ground."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeroseg.drawn.dice import Dice
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.drawn.world import CATEGORIES

USUAL = 256
"""Side in pixels of the scenes that things are cut out of."""

Mask = NDArray[np.bool_]
Cutting = tuple[str, NDArray[np.uint8], Mask]
"""A thing's class, its pixels (h, w, 3) and which of them are its own (h, w)."""


@dataclass(frozen=True)
class Collage:
    """A picture with its ground truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        categories: (H, W) uint8, for each pixel the position of its class in
            `zeroseg.drawn.world.CATEGORIES`.
        things: (H, W) uint16, for each pixel the number of its thing, from 1 on; 0 for stuff.
        classes: The class of each thing, by its number less one.
    """

    image: NDArray[np.uint8]
    categories: NDArray[np.uint8]
    things: NDArray[np.uint16]
    classes: tuple[str, ...]


def draw_collage(
    seed: int,
    size: tuple[int, int],
    count: int,
    at: tuple[tuple[int, int], ...] = (),
    scales: Sequence[int] = (),
) -> Collage:
    """Draw a scene of a size, and lay things of ordinary scenes on it.

    The ground is one scene drawn at that size, whose own things are as many times larger than
    usual; the others are 256-pixel scenes' things, of which nothing was hidden, and hide neither
    those nor each other.

    Args:
        seed: The seed of the world.
        size: (height, width) in pixels.
        count: Things that are laid on it; fewer where no room is found for them.
        at: Where the centres of the first ones are, (row, column); the rest are anywhere.
        scales: How many times as large as usual the first ones are; the rest are of usual size.
    """
    ground = draw_scene(seed, 0, size)
    image, taken = ground.image.copy(), np.zeros(size, np.uint16)
    categories = np.array([CATEGORIES.index(r.category) for r in ground.regions], np.uint8)
    codes = categories[ground.segments]
    classes: list[str] = []
    free = np.ones(size, bool)
    for number, region in enumerate(ground.regions):
        if region.thing:
            classes.append(region.category)
            taken[ground.segments == number] = len(classes)
            free[ground.segments == number] = False
    dice, cuttings = Dice(f"{seed}/collage"), _cuttings(seed, scales)
    for number in range(count):
        category, pixels, mask = next(cuttings)
        place = _room(dice, free, mask, at[number] if number < len(at) else None)
        if place is None:
            continue
        classes.append(category)
        image[place][mask], free[place] = pixels[mask], False
        codes[place][mask], taken[place][mask] = CATEGORIES.index(category), len(classes)
    return Collage(image, codes, taken, tuple(classes))


def _cuttings(seed: int, scales: Sequence[int]) -> Iterator[Cutting]:
    """Things of one scene after another, without end; the first ones of large scenes, one each."""
    index = 0
    for scale in scales:
        found = None
        while found is None:
            index += 1
            found = next(_things(draw_scene(seed, index, (scale * USUAL, scale * USUAL))), None)
        yield found
    while True:
        index += 1
        yield from _things(draw_scene(seed, index, (USUAL, USUAL)))


def _things(scene: Scene) -> Iterator[Cutting]:
    height, width = scene.segments.shape
    for number, region in enumerate(scene.regions):
        x1, y1, x2, y2 = region.box
        inside = x1 > 0 and y1 > 0 and x2 < width and y2 < height
        if region.thing and region.visible == 1 and inside:
            part = (slice(y1, y2), slice(x1, x2))
            yield region.category, scene.image[part], scene.segments[part] == number


def _room(
    dice: Dice, free: Mask, mask: Mask, at: tuple[int, int] | None
) -> tuple[slice, slice] | None:
    """Where a thing is laid; None where several tries find no room."""
    limits = [length - own for length, own in zip(free.shape, mask.shape, strict=True)]
    if min(limits) < 0:
        return None
    for _ in range(20):
        corner = [dice.whole(0, limit) for limit in limits]
        if at is not None:
            centred = (c - own // 2 for c, own in zip(at, mask.shape, strict=True))
            corner = [min(max(0, c), limit) for c, limit in zip(centred, limits, strict=True)]
        place = (
            slice(corner[0], corner[0] + mask.shape[0]),
            slice(corner[1], corner[1] + mask.shape[1]),
        )
        if free[place].all():
            return place
    return None
