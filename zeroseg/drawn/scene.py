"""Scenes: a picture, its exact regions and a caption, as a function of a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zeroseg.drawn.backgrounds import Setting, draw_setting
from zeroseg.drawn.captions import caption
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.objects import DRAWINGS, draw_object
from zeroseg.drawn.pen import Affine, Pen, placed
from zeroseg.drawn.styles import noise, paint
from zeroseg.drawn.world import CATEGORY_OF, FITS, OFTEN, STUFF, STYLES, THINGS, WIDE

MIN_VISIBLE = 0.3
MIN_AREA = 0.0015


@dataclass(frozen=True)
class Region:
    """One thing, or all the pixels of one stuff.

    Attributes:
        category: The class.
        name: The fine name of a thing; the class of a stuff.
        thing: Whether it is a thing.
        box: (x1, y1, x2, y2) around its visible pixels; x2 and y2 lie just outside.
        area: Number of its visible pixels.
        visible: Share of its own pixels in the picture that nothing covers; 1 for stuff.
    """

    category: str
    name: str
    thing: bool
    box: tuple[int, int, int, int]
    area: int
    visible: float


@dataclass(frozen=True)
class Scene:
    """A picture with its ground truth.

    Attributes:
        seed: The seed of the world.
        index: The number of the scene.
        style: How it is painted, one of `zeroseg.drawn.world.STYLES`.
        image: (H, W, 3) uint8 RGB.
        segments: (H, W) uint8, for each pixel the position of its region in `regions`.
        regions: All regions with at least one visible pixel: stuff, then things back to front.
        caption: A short description.
    """

    seed: int
    index: int
    style: str
    image: NDArray[np.uint8]
    segments: NDArray[np.uint8]
    regions: tuple[Region, ...]
    caption: str


@dataclass(frozen=True)
class _Actor:
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


def _name(dice: Dice, stage: Setting, cast: list[_Actor]) -> str:
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


def _actor(dice: Dice, stage: Setting, name: str, crowd: int) -> _Actor:
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
    return _Actor(name, pen, 0.5, y, height, dice.chance(0.5), dice.real(-0.06, 0.06), surface)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / min(one[1] - one[0], other[1] - other[0])


def _spread(dice: Dice, actor: _Actor, taken: list[tuple[float, float]]) -> tuple[float, float]:
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


def _cast(dice: Dice, stage: Setting) -> list[_Actor]:
    count = dice.weighted({0: 0.03, 1: 0.1, 2: 0.18, 3: 0.25, 4: 0.24, 5: 0.22})
    cast: list[_Actor] = []
    taken: list[tuple[float, float]] = []
    for _ in range(4 * count):
        if len(cast) == count:
            break
        actor = _actor(dice, stage, _name(dice, stage, cast), count)
        x, clash = _spread(dice, actor, taken)
        if clash > 0.72:
            taken.pop()
            continue
        cast.append(_Actor(**{**actor.__dict__, "x": x}))
    return sorted(cast, key=lambda actor: (actor.surface != "sky", actor.y))


def _paint_actor(picture: Image.Image, actor: _Actor) -> None:
    """Paint a thing and its shadow on a canvas of any size."""
    if actor.surface != "sky":
        _paint_shadow(picture, actor)
    draw = ImageDraw.Draw(picture)
    for points, colour in placed(actor.pen.shapes, actor.affine(*picture.size)):
        draw.polygon(points, fill=colour)


def _paint_shadow(picture: Image.Image, actor: _Actor) -> None:
    width, height = picture.size
    size = actor.height * min(width, height)
    left, _, right, _ = actor.pen.bounds()
    if actor.mirror:
        left, right = -right, -left
    x, y = actor.x * width, actor.y * height
    thick = max(1.0, 0.045 * size + 0.03 * size * (right - left))
    draw = ImageDraw.Draw(picture, "RGBA")
    for grow, alpha in ((1.06, 38), (0.88, 52)):
        middle, half = x + size * (left + right) / 2, size * (right - left) / 2 * grow
        draw.ellipse(
            (
                round(middle - half),
                round(y - thick * grow),
                round(middle + half),
                round(y + thick * grow * 0.8),
            ),
            fill=(24, 26, 60, alpha),
        )


def _masks(cast: list[_Actor], width: int, height: int) -> list[NDArray[np.bool_]]:
    masks = []
    for actor in cast:
        canvas = Image.new("L", (2 * width, 2 * height))
        draw = ImageDraw.Draw(canvas)
        for points, _ in placed(actor.pen.shapes, actor.affine(2 * width, 2 * height)):
            draw.polygon(points, fill=255)
        masks.append(np.asarray(canvas)[::2, ::2] > 0)
    return masks


def _visible(masks: list[NDArray[np.bool_]]) -> list[int]:
    covered = np.zeros(masks[0].shape, bool)
    counts = []
    for mask in reversed(masks):
        counts.append(int(np.count_nonzero(mask & ~covered)))
        covered |= mask
    return counts[::-1]


def _settled(
    cast: list[_Actor], width: int, height: int
) -> tuple[list[_Actor], list[NDArray[np.bool_]], list[float]]:
    """Drop things that can hardly be seen, the worst first, until every one can be seen."""
    masks = _masks(cast, width, height)
    while masks:
        seen = _visible(masks)
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


def _paint_stage(stage: Setting, width: int, height: int) -> tuple[Image.Image, NDArray[np.uint8]]:
    picture = Image.new("RGB", (2 * width, 2 * height), (200, 200, 200))
    areas = Image.new("L", (2 * width, 2 * height), STUFF.index(stage.layers[0][0]))
    on_picture, on_areas = ImageDraw.Draw(picture), ImageDraw.Draw(areas)
    affine = (2.0 * width, 0.0, 0.0, 0.0, 2.0 * height, 0.0)
    for category, shapes in stage.layers:
        number = STUFF.index(category)
        for points, colour in placed(shapes, affine):
            on_picture.polygon(points, fill=colour)
            on_areas.polygon(points, fill=number)
    return picture, np.asarray(areas)[::2, ::2].copy()


def _finish(
    image: NDArray[np.uint8], codes: NDArray[np.uint8], style: str, seed: int
) -> NDArray[np.uint8]:
    height, width = codes.shape
    grain = noise(seed + 7, height, width, 3) + noise(seed + 8, height, width, 24)
    strength = np.full(256, 5, np.int32)
    strength[: len(STUFF)] = [3, 9, 16, 11, 9, 16, 6, 9, 14]
    if style == "poster":
        strength //= 4
    tone = image.astype(np.int32) + (grain * strength[codes] // 128)[..., None]
    edge = np.zeros(codes.shape, bool)
    edge[:, 1:] |= codes[:, 1:] != codes[:, :-1]
    edge[:, :-1] |= codes[:, 1:] != codes[:, :-1]
    edge[1:] |= codes[1:] != codes[:-1]
    edge[:-1] |= codes[1:] != codes[:-1]
    edge &= codes >= len(STUFF)
    tone[edge] = tone[edge] * 9 // 16
    return paint(np.clip(tone, 0, 255).astype(np.uint8), style, seed)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _regions(
    codes: NDArray[np.uint8], cast: list[_Actor], shares: list[float]
) -> tuple[NDArray[np.uint8], tuple[Region, ...]]:
    """Number the codes that occur from 0 on and describe each of them."""
    areas = np.bincount(codes.ravel(), minlength=len(STUFF) + len(cast))
    table = np.zeros(256, np.uint8)
    regions: list[Region] = []
    for code, area in enumerate(areas.tolist()):
        if not area:
            continue
        table[code] = len(regions)
        thing = code >= len(STUFF)
        name = cast[code - len(STUFF)].name if thing else STUFF[code]
        category = CATEGORY_OF[name] if thing else name
        share = shares[code - len(STUFF)] if thing else 1.0
        regions.append(Region(category, name, thing, _box(codes == code), area, share))
    return table[codes], tuple(regions)


def draw_scene(seed: int, index: int, size: tuple[int, int] = (256, 256)) -> Scene:
    """Draw one scene; the same arguments give the same scene on every machine.

    Pillow 11.3 to 13 give the same bytes; Pillow 10 differs in a few pixels of some pictures.

    Args:
        seed: The seed of the world.
        index: The number of the scene.
        size: (height, width) in pixels, each at least 32.

    Raises:
        ValueError: If a side is shorter than 32 pixels.
    """
    height, width = size
    if min(size) < 32:
        raise ValueError(f"a scene is at least 32 x 32 pixels, not {height} x {width}")
    dice = Dice(f"{seed}/{index}")
    style = dice.pick(STYLES)
    stage = draw_setting(dice)
    cast, masks, shares = _settled(_cast(dice, stage), width, height)
    picture, codes = _paint_stage(stage, width, height)
    for actor in cast:
        _paint_actor(picture, actor)
    for i, mask in enumerate(masks):
        codes[mask] = len(STUFF) + i
    texture = Dice(f"{seed}/{index}/texture").whole(0, 2**31 - 1)
    image = _finish(np.asarray(picture.reduce(2)), codes, style, texture)
    segments, regions = _regions(codes, cast, shares)
    surfaces = [actor.surface for actor in cast if actor.surface != "sky"]
    ground = max(surfaces, key=surfaces.count) if surfaces else ""
    text = caption(regions, ground, style, Dice(f"{seed}/{index}/caption"))
    return Scene(seed, index, style, image, segments, regions, text)
