"""Scenes: a picture, its exact regions and a caption, as a function of a seed and an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zeroseg.drawn.backgrounds import Setting, draw_setting
from zeroseg.drawn.captions import caption
from zeroseg.drawn.cast import Actor, Masks, choose_cast, settled
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.pen import placed
from zeroseg.drawn.styles import noise, paint
from zeroseg.drawn.world import CATEGORY_OF, STUFF, STYLES


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
class Staged:
    """A scene that is not painted yet.

    Attributes:
        seed: The seed of the world.
        index: The number of the scene.
        size: (height, width) in pixels.
        style: How it will be painted.
        stage: The setting.
        cast: The things in it, back to front.
        masks: Where each would be seen if it were alone, (H, W) each.
        shares: How much of each nothing covers, in [0, 1].
    """

    seed: int
    index: int
    size: tuple[int, int]
    style: str
    stage: Setting
    cast: Sequence[Actor]
    masks: Masks
    shares: Sequence[float]

    def texture(self, frame: int = 0) -> int:
        """A seed for the brush of a picture of it, or the grain of a frame of many."""
        of_frame = f"/{frame}" if frame else ""
        return Dice(f"{self.seed}/{self.index}/texture{of_frame}").whole(0, 2**31 - 1)


def _paint_actor(picture: Image.Image, actor: Actor) -> None:
    """Paint a thing and its shadow on a canvas of any size."""
    if actor.surface != "sky":
        _paint_shadow(picture, actor)
    draw = ImageDraw.Draw(picture)
    for points, colour in placed(actor.pen.shapes, actor.affine(*picture.size)):
        draw.polygon(points, fill=colour)


def _paint_shadow(picture: Image.Image, actor: Actor) -> None:
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
    image: NDArray[np.uint8], codes: NDArray[np.uint8], style: str, seed: int, frame: int
) -> NDArray[np.uint8]:
    height, width = codes.shape
    grain = noise(frame + 7, height, width, 3) + noise(seed + 8, height, width, 24)
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
    codes: NDArray[np.uint8], cast: Sequence[Actor], shares: Sequence[float]
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
    return painted(staged(seed, index, size))


def staged(seed: int, index: int, size: tuple[int, int]) -> Staged:
    """Put a scene together without painting it; see `draw_scene`."""
    height, width = size
    if min(size) < 32:
        raise ValueError(f"a scene is at least 32 x 32 pixels, not {height} x {width}")
    dice = Dice(f"{seed}/{index}")
    style = dice.pick(STYLES)
    stage = draw_setting(dice)
    cast, masks, shares = settled(choose_cast(dice, stage), width, height)
    return Staged(seed, index, size, style, stage, cast, masks, shares)


def painted(own: Staged, frame: int = 0) -> Scene:
    """Paint a scene.

    Args:
        own: What is in it.
        frame: Of a scene that moves, the number of the frame, whose grain is its own.
    """
    height, width = own.size
    picture, codes = _paint_stage(own.stage, width, height)
    for actor in own.cast:
        _paint_actor(picture, actor)
    for i, mask in enumerate(own.masks):
        codes[mask] = len(STUFF) + i
    bare, grain = np.asarray(picture.reduce(2)), own.texture(frame)
    image = _finish(bare, codes, own.style, own.texture(), grain)
    segments, regions = _regions(codes, own.cast, own.shares)
    surfaces = [actor.surface for actor in own.cast if actor.surface != "sky"]
    ground = max(surfaces, key=surfaces.count) if surfaces else ""
    text = caption(regions, ground, own.style, Dice(f"{own.seed}/{own.index}/caption"))
    return Scene(own.seed, own.index, own.style, image, segments, regions, text)
