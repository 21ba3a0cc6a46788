"""The cast of a scene: which things are in it, where they stand, and which of them can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zeroseg.drawn.backgrounds import Setting
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.objects import DRAWINGS, draw_object
from zeroseg.drawn.pen import Affine, Pen, placed
from zeroseg.drawn.world import CATEGORY_OF, FITS, OFTEN, THINGS, WIDE

MIN_VISIBLE = 0.3
MIN_AREA = 0.0015

Masks = list[NDArray[np.bool_]]
"""For each thing the pixels that are its own, (H, W)."""


@dataclass(frozen=True)
class Actor:
    """A thing on its place: where its feet are and how large it is, in shares of the picture."""

    name: str
    pen: Pen
    x: float
    y: float
    height: float
    mirror: bool
    tilt: float
    surface: str

    def affine(self, width: int, height: int) -> Affine:
        """Return the map from the units of the drawing to pixels of a canvas."""
        size = self.height * min(width, height)
        side = -size if self.mirror else size
        c, s = 1 - self.tilt * self.tilt / 2, self.tilt
        return (side * c, -side * s, self.x * width, -size * s, -size * c, self.y * height)


def _name(dice: Dice, stage: Setting, cast: list[Actor]) -> str:
    if cast and dice.chance(0.18):
        return dice.pick(cast).name
    if cast and dice.chance(0.12):
        return dice.pick(THINGS[CATEGORY_OF[dice.pick(cast).name]])
    fits = FITS[stage.kind]
    default = 0.0 if stage.ground is None else 1.0
    kind = dice.weighted({kind: OFTEN[kind] * fits.get(kind, default) for kind in THINGS})
    weights = {name: WIDE.get(name, 1.0) for name in THINGS[kind]}
    if stage.ground is None and kind == "bird":
        weights["parrot"] = 0.0
    return dice.weighted(weights)


def _surface(dice: Dice, stage: Setting, name: str) -> str:
    if name == "seagull" and stage.sky is not None and (dice.chance(0.6) or stage.ground is None):
        return "sky"
    floats = CATEGORY_OF[name] == "boat" or (name == "duck" and dice.chance(0.8))
    if stage.water is not None and (floats or stage.ground is None):
        return "water"
    return [category for category, _ in stage.layers if category in ("grass", "road", "floor")][-1]


def _actor(dice: Dice, stage: Setting, name: str, crowd: int) -> Actor:
    surface = _surface(dice, stage, name)
    low, high = DRAWINGS[name][1:]
    height = low + (high - low) * dice.real(0, 1) * (1.0, 1.0, 1.0, 0.9, 0.65, 0.5)[crowd]
    if surface == "sky":
        y = dice.real(height + 0.02, max(height + 0.05, (stage.sky or 0.5) + 0.08))
    else:
        band = stage.water if surface == "water" else stage.ground
        assert band is not None
        y = dice.real(*band)
        height *= 0.86 + 0.22 * (y - band[0]) / max(0.01, band[1] - band[0])
        y = max(y, min(0.97, height * 1.08 + 0.02))
    own = Dice(f"{dice.real(0, 1):.12f}")
    pen = draw_object(name, own, stage.tones[surface], surface == "water", surface == "sky")
    return Actor(name, pen, 0.5, y, height, dice.chance(0.5), dice.real(-0.06, 0.06), surface)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / min(one[1] - one[0], other[1] - other[0])


def _spread(dice: Dice, actor: Actor, taken: list[tuple[float, float]]) -> tuple[float, float]:
    left, _, right, _ = actor.pen.bounds()
    if actor.mirror:
        left, right = -right, -left
    left, right = left * actor.height, right * actor.height
    slack = 0.06 * (right - left)
    low, high = -left - slack, 1 - right + slack
    if high < low:
        low = high = (low + high) / 2
    wanted, best, least = (0.4 if dice.chance(0.3) else 0.12), 0.5, 9.0
    for _ in range(9):
        x = dice.real(low, high)
        worst = max((_overlap((x + left, x + right), span) for span in taken), default=0.0)
        if worst < least:
            best, least = x, worst
        if least <= wanted:
            break
    taken.append((best + left, best + right))
    return best, least


def choose_cast(dice: Dice, stage: Setting) -> list[Actor]:
    """Up to five things that suit a setting, back to front."""
    count = dice.weighted({0: 0.03, 1: 0.1, 2: 0.18, 3: 0.25, 4: 0.24, 5: 0.22})
    cast: list[Actor] = []
    taken: list[tuple[float, float]] = []
    for _ in range(4 * count):
        if len(cast) == count:
            break
        actor = _actor(dice, stage, _name(dice, stage, cast), count)
        x, clash = _spread(dice, actor, taken)
        if clash > 0.72:
            taken.pop()
            continue
        cast.append(replace(actor, x=x))
    return sorted(cast, key=lambda actor: (actor.surface != "sky", actor.y))


def masks_of(cast: Sequence[Actor], width: int, height: int) -> Masks:
    """Where each thing would be seen if it were alone, (H, W) each."""
    masks = []
    for actor in cast:
        canvas = Image.new("L", (2 * width, 2 * height))
        draw = ImageDraw.Draw(canvas)
        for points, _ in placed(actor.pen.shapes, actor.affine(2 * width, 2 * height)):
            draw.polygon(points, fill=255)
        masks.append(np.asarray(canvas)[::2, ::2] > 0)
    return masks


def visible(masks: Masks) -> list[int]:
    """Pixels of each mask that no later one covers."""
    covered = np.zeros(masks[0].shape, bool)
    counts = []
    for mask in reversed(masks):
        counts.append(int(np.count_nonzero(mask & ~covered)))
        covered |= mask
    return counts[::-1]


def settled(cast: list[Actor], width: int, height: int) -> tuple[list[Actor], Masks, list[float]]:
    """Drop things that can hardly be seen, the worst first, until every one can be seen."""
    masks = masks_of(cast, width, height)
    while masks:
        seen = visible(masks)
        own = [int(np.count_nonzero(mask)) for mask in masks]
        shares = [
            s / max(1, o) if s >= MIN_AREA * width * height and s > 0 else 0.0
            for s, o in zip(seen, own, strict=True)
        ]
        worst = min(range(len(shares)), key=lambda i: shares[i])
        if shares[worst] >= MIN_VISIBLE:
            return cast, masks, shares
        cast = cast[:worst] + cast[worst + 1 :]
        masks = masks[:worst] + masks[worst + 1 :]
    return [], [], []
