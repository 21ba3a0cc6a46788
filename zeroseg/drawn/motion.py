"""Scenes that move: things shift, turn and hide each other, and where each pixel was is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zeroseg.drawn.cast import Actor, masks_of, visible
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.scene import Scene, Staged, painted, staged
from zeroseg.drawn.world import STUFF

MARGIN = 0.08
"""Share of the width at either side where things turn round."""


@dataclass(frozen=True)
class Motion:
    """How one thing moves.

    Attributes:
        speed: Widths of the picture a frame, to the right; it turns round near the sides.
        swing: By how much it leans to either side, in radians.
        period: Frames of a swing to and fro.
        phase: Where in a swing it begins, in [0, 1]; a swing of 0 begins and stays upright.
    """

    speed: float
    swing: float
    period: float
    phase: float

    def at(self, actor: Actor, frame: int) -> Actor:
        """The thing in a frame; in frame 0 as it was put into the scene."""
        swung = self._lean(frame) - self._lean(0)
        x = _between(actor.x, self.speed * frame)
        return replace(actor, x=round(x, 6), tilt=round(actor.tilt + swung, 6))

    def _lean(self, frame: int) -> float:
        return self.swing * math.sin(2 * math.pi * (frame / self.period + self.phase))


def _between(start: float, way: float) -> float:
    """A place after a way, on which it turns round near the sides of the picture."""
    low, high = min(MARGIN, start), max(1 - MARGIN, start)
    span = high - low
    gone = (start - low + way) % (2 * span)
    return low + (gone if gone <= span else 2 * span - gone)


@dataclass(frozen=True)
class MovingFrame:
    """One frame of a scene that moves, with its ground truth.

    Attributes:
        index: The number of the frame, from 0.
        scene: The picture, its regions and its caption.
        identity: (H, W) int64, what each pixel shows: a stuff by its place in `STUFF`, a thing by
            `len(STUFF)` and its place in the cast, which stays the same in all frames.
        source: (H, W, 2) int64, the row and column in the frame before at which stood what a
            pixel shows now; to the nearest pixel. In frame 0 its own.
        seen: (H, W) bool, whether it was to be seen there. False throughout frame 0.
    """

    index: int
    scene: Scene
    identity: NDArray[np.int64]
    source: NDArray[np.int64]
    seen: NDArray[np.bool_]


def draw_clip(
    seed: int, index: int, count: int, size: tuple[int, int] = (256, 256)
) -> Iterator[MovingFrame]:
    """Draw the frames of a scene that moves; the same arguments give the same on every machine.

    Frame 0 is the picture that `draw_scene` draws. The setting stands still and has the grain of
    a film, new in every frame.

    Args:
        seed: The seed of the world.
        index: The number of the scene.
        count: Number of frames.
        size: (height, width) in pixels, each at least 32.

    Raises:
        ValueError: If a side is shorter than 32 pixels.

    Example:
        >>> from zeroseg.drawn.motion import draw_clip
        >>> frames = list(draw_clip(0, 3, count=4, size=(64, 64)))
        >>> frames[3].scene.image.shape, bool(frames[3].seen.mean() > 0.9)
        ((64, 64, 3), True)
    """
    own = staged(seed, index, size)
    motions = _motions(own)
    before: tuple[Sequence[Actor], NDArray[np.int64]] | None = None
    for number in range(count):
        cast = [motion.at(actor, number) for motion, actor in zip(motions, own.cast, strict=True)]
        frame = _frame(_moved(own, cast), number, before)
        before = cast, frame.identity
        yield frame


def _motions(own: Staged) -> list[Motion]:
    dice = Dice(f"{own.seed}/{own.index}/motion")
    return [
        Motion(
            speed=dice.real(0.004, 0.016) * (1 if dice.chance(0.5) else -1),
            swing=dice.real(0.0, 0.16),
            period=dice.real(14, 30),
            phase=dice.real(0, 1),
        )
        for _ in own.cast
    ]


def _moved(own: Staged, cast: Sequence[Actor]) -> Staged:
    height, width = own.size
    masks = masks_of(cast, width, height)
    whole = [int(np.count_nonzero(mask)) for mask in masks]
    seen = visible(masks) if masks else []
    shares = [part / max(1, all_of) for part, all_of in zip(seen, whole, strict=True)]
    return replace(own, cast=cast, masks=masks, shares=shares)


def _frame(
    own: Staged, number: int, before: tuple[Sequence[Actor], NDArray[np.int64]] | None
) -> MovingFrame:
    scene = painted(own, number)
    identity = _identity(own, scene)
    rows, columns = np.indices(own.size)
    source = np.stack([rows, columns], -1)
    if before is None:
        return MovingFrame(number, scene, identity, source, np.zeros(own.size, bool))
    cast, earlier = before
    for place, (then, now) in enumerate(zip(cast, own.cast, strict=True)):
        own_pixels = identity == len(STUFF) + place
        source[own_pixels] = _earlier(then, now, source[own_pixels], own.size)
    inside = ((source >= 0) & (source < own.size)).all(-1)
    y, x = np.moveaxis(source.clip(0, np.array(own.size) - 1), -1, 0)
    return MovingFrame(number, scene, identity, source, inside & (earlier[y, x] == identity))


def _identity(own: Staged, scene: Scene) -> NDArray[np.int64]:
    """What each pixel shows: stuff by the picture's regions, things by their own masks."""
    identity = np.array([0 if r.thing else STUFF.index(r.name) for r in scene.regions])
    identity = identity[scene.segments]
    for place, mask in enumerate(own.masks):
        identity[mask] = len(STUFF) + place
    return identity


def _earlier(
    then: Actor, now: Actor, places: NDArray[np.int64], size: tuple[int, int]
) -> NDArray[np.int64]:
    """Rows and columns (n, 2) in the frame before of what a thing shows at others now."""
    height, width = size
    a, b, c, d, e, f = now.affine(width, height)
    drawn = np.linalg.inv([[a, b], [d, e]]) @ (places[:, ::-1] - np.array([c, f])).T
    a, b, c, d, e, f = then.affine(width, height)
    xy = (np.array([[a, b], [d, e]]) @ drawn).T + np.array([c, f])
    return np.rint(xy[:, ::-1].round(6)).astype(np.int64)
