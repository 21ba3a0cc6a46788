"""Settings: the areas behind the things, and where things can stand, float or fly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from zeroseg.drawn.dice import Colour, Dice, dark, light, mix
from zeroseg.drawn.pen import Pen, Shape, moved

Band = tuple[float, float]

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((92, 164, 232), (206, 232, 248)),
    ((72, 136, 214), (248, 224, 196)),
    ((122, 178, 226), (236, 244, 248)),
    ((150, 150, 210), (252, 206, 170)),
)
GRASS: tuple[Colour, ...] = ((122, 182, 84), (146, 190, 90), (98, 164, 92), (170, 196, 104))
WATER: tuple[Colour, ...] = ((64, 140, 190), (54, 156, 176), (84, 130, 196))
ROAD: tuple[Colour, ...] = ((132, 132, 140), (116, 118, 128), (148, 142, 140))
BRICKS = ((206, 120, 92), (226, 186, 138), (192, 150, 160), (158, 172, 188), (236, 212, 168))
ROOFS: tuple[Colour, ...] = ((156, 66, 56), (96, 88, 104), (126, 84, 66))
LEAVES: tuple[Colour, ...] = ((58, 128, 66), (82, 142, 58), (44, 110, 76), (206, 132, 50))
ROCKS: tuple[Colour, ...] = ((130, 124, 156), (112, 128, 150), (150, 128, 126))
WALLS = ((242, 220, 184), (196, 214, 206), (232, 196, 186), (200, 206, 228), (236, 232, 208))
FLOORS: tuple[Colour, ...] = ((196, 148, 98), (170, 118, 76), (214, 196, 172), (150, 128, 120))


@dataclass
class Setting:
    """The stage of a scene.

    Attributes:
        kind: The name of the setting.
        layers: (stuff category, polygons in shares of the picture), back to front.
        ground: Least and greatest y (share of the height, down) where feet may stand, or None.
        water: The same for hulls, or None.
        sky: Lowest y where a bird may fly, or None.
        tones: Mean colour of each category, to draw things in other colours.
    """

    kind: str
    layers: list[tuple[str, list[Shape]]] = field(default_factory=list)
    ground: Band | None = None
    water: Band | None = None
    sky: float | None = None
    tones: dict[str, Colour] = field(default_factory=dict)

    def add(self, category: str, pen: Pen, tone: Colour) -> None:
        """Put an area on top of the earlier ones."""
        self.layers.append((category, pen.shapes))
        self.tones[category] = tone


def _bands(pen: Pen, top: Colour, bottom: Colour, y1: float, y2: float, steps: int) -> None:
    for i in range(steps):
        y = y1 + (y2 - y1) * i / steps
        pen.box(mix(top, bottom, i / max(1, steps - 1)), -0.01, y, 1.01, y2)


def _sky(stage: Setting, dice: Dice, horizon: float) -> None:
    pen, (top, bottom) = Pen(dice), dice.pick(SKIES)
    _bands(pen, top, bottom, -0.01, 1.01 if horizon > 0.9 else horizon + 0.2, 14)
    if dice.chance(0.35):
        x, y = dice.real(0.08, 0.92), dice.real(0.08, 0.2)
        pen.oval(light(bottom, 0.4), x, y, 0.085, 0.085)
        pen.oval((255, 226, 120), x, y, 0.06, 0.06)
    for _ in range(dice.whole(0, 3)):
        x, y, r = dice.real(0, 1), dice.real(0.06, horizon * 0.6), dice.real(0.03, 0.055)
        for dx, dy, size in ((-1.5, 0.2, 0.8), (0, -0.25, 1.25), (1.4, 0.1, 0.9), (0.2, 0.35, 1.5)):
            pen.oval(light(bottom, 0.72), x + dx * r, y + dy * r, r * size * 1.25, r * size * 0.72)
    stage.add("sky", pen, mix(top, bottom, 0.5))
    stage.sky = horizon


def _mountain(stage: Setting, dice: Dice, base: float, tall: float) -> None:
    pen, rock = Pen(dice), dice.pick(ROCKS)
    snow = dice.chance(0.65)
    for i in range(dice.whole(2, 3)):
        x, half, top = dice.real(-0.05, 1.05), dice.real(0.28, 0.5), base - tall * dice.real(0.6, 1)
        tone = mix(rock, (206, 214, 232), 0.28 - 0.14 * i)
        pen.poly(
            tone,
            (x - half, base + 0.03),
            (x - half * 0.45, (base + top) * 0.5 + 0.02),
            (x, top),
            (x + half * 0.5, (base + top) * 0.5),
            (x + half, base + 0.03),
        )
        pen.poly(
            dark(tone, 0.22),
            (x, top),
            (x + half * 0.5, (base + top) * 0.5),
            (x + half, base + 0.03),
            (x + half * 0.25, base + 0.03),
            (x + half * 0.06, (base + top) * 0.5),
        )
        if snow:
            drop, wide = (base - top) * 0.3, half * 0.28
            cap = "0,0 1,.95 .4,.7 0,1.15 -.4,.75 -.9,1"
            pen.poly((250, 250, 255), *moved(cap, x, top, wide, drop))
    stage.add("mountain", pen, rock)


def _grass(stage: Setting, dice: Dice, top: float, flowers: bool = True) -> None:
    pen, green = Pen(dice), dice.vary(dice.pick(GRASS), 8)
    bend = dice.real(-0.03, 0.03)
    pen.blob(
        light(green, 0.12),
        (-0.6, top),
        (0.25, top - bend),
        (0.75, top + bend),
        (1.6, top),
        (1.6, 1.4),
        (-0.6, 1.4),
    )
    for i in range(1, 5):
        y = top + (1.02 - top) * i / 5
        pen.blob(
            mix(light(green, 0.12), dark(green, 0.12), i / 5),
            (-0.6, y),
            (0.3, y + bend),
            (0.7, y - bend),
            (1.6, y),
            (1.6, 1.4),
            (-0.6, 1.4),
        )
    for _ in range(46):
        x, y = dice.real(0, 1), dice.real(top + 0.05, 1)
        size = 0.012 + 0.03 * (y - top)
        tone = dark(green, 0.3) if dice.chance(0.6) else light(green, 0.25)
        tuft = "-.8,0 -.5,-1.4 -.1,0 .1,-1.9 .35,0 .8,-1.3 .8,0"
        pen.poly(tone, *moved(tuft, x, y, size, size))
    if flowers and dice.chance(0.5):
        petal = dice.pick(((255, 250, 240), (250, 214, 80), (240, 140, 160)))
        for _ in range(22):
            pen.oval(petal, dice.real(0, 1), dice.real(top + 0.06, 1), 0.008, 0.007)
    stage.add("grass", pen, green)


def _water(stage: Setting, dice: Dice, top: float, bottom: float = 1.01) -> None:
    pen, blue = Pen(dice), dice.vary(dice.pick(WATER), 8)
    _bands(pen, light(blue, 0.35), dark(blue, 0.1), top, bottom, 8)
    for _ in range(34):
        y = dice.real(top + 0.02, bottom)
        x, size = dice.real(-0.05, 1.0), 0.03 + 0.10 * (y - top)
        thick = 0.003 + 0.008 * (y - top)
        tone = light(blue, 0.5) if dice.chance(0.6) else dark(blue, 0.22)
        middle = x + size * 0.5
        pen.poly(tone, (x, y), (middle, y - thick), (x + size, y), (middle, y + thick))
    stage.add("water", pen, blue)


def _road(stage: Setting, dice: Dice, top: float) -> None:
    pen, grey = Pen(dice), dice.vary(dice.pick(ROAD), 6)
    _bands(pen, light(grey, 0.12), dark(grey, 0.1), top, 1.02, 6)
    if dice.chance(0.7):
        kerb = light(grey, 0.5)
        pen.box(kerb, -0.01, top, 1.01, top + 0.05)
        pen.box(dark(grey, 0.3), -0.01, top + 0.05, 1.01, top + 0.062)
        for i in range(9):
            pen.box(dark(kerb, 0.2), i * 0.13, top, i * 0.13 + 0.006, top + 0.05)
    line = top + (1 - top) * dice.real(0.45, 0.6)
    paint, start = dice.pick(((250, 248, 240), (250, 210, 90))), dice.real(-0.15, 0.0)
    for i in range(6):
        x = start + i * 0.22
        end = line + 0.024
        pen.poly(paint, (x, line), (x + 0.12, line), (x + 0.112, end), (x - 0.012, end))
    stage.add("road", pen, grey)


def _path(stage: Setting, dice: Dice, top: float) -> None:
    pen, grey = Pen(dice), dice.pick(ROAD)
    x, end = dice.real(0.3, 0.7), dice.real(0.2, 0.8)
    for tone, far, near in ((light(grey, 0.35), 0.05, 0.46), (grey, 0.042, 0.42)):
        pen.poly(tone, (x - far, top), (x + far, top), (end + near, 1.03), (end - near, 1.03))
    for i in range(5):
        s, t = i * i / 25, (i + 0.5) * (i + 0.5) / 25
        x1, x2 = x + (end - x) * s, x + (end - x) * t
        y1, y2 = top + (1.03 - top) * s, top + (1.03 - top) * t
        r1, r2 = 0.004 + 0.018 * s, 0.004 + 0.018 * t
        pen.poly((250, 248, 236), (x1 - r1, y1), (x1 + r1, y1), (x2 + r2, y2), (x2 - r2, y2))
    stage.add("road", pen, grey)


def _house(pen: Pen, dice: Dice, x: float, wide: float, base: float, tall: float) -> None:
    brick, roof = dice.vary(dice.pick(BRICKS), 10), dice.pick(ROOFS)
    top = base - tall
    pen.box(brick, x, top, x + wide, base)
    pen.box(dark(brick, 0.2), x + wide * 0.94, top, x + wide, base)
    if dice.chance(0.6):
        ridge = (x + wide * 0.5, top - tall * 0.24)
        pen.poly(roof, (x - 0.015, top), ridge, (x + wide + 0.015, top))
    else:
        pen.box(roof, x - 0.01, top - 0.025, x + wide + 0.01, top + 0.012)
    columns, rows = max(2, int(wide / 0.10)), max(2, int(tall / 0.13))
    pane = dice.pick(((86, 120, 156), (250, 224, 140), (150, 190, 214)))
    frame = light(brick, 0.6)
    for i in range(columns):
        for j in range(rows):
            cx, cy = x + wide * (i + 0.5) / columns, top + tall * (j + 0.5) / rows
            w, h = wide / columns * 0.27, tall / rows * 0.3
            ow, oh = w + 0.006, h + 0.006
            pen.box(frame, cx - ow, cy - oh, cx + ow, cy + oh)
            pen.box(pane, cx - w, cy - h, cx + w, cy + h)
            pen.box(frame, cx - 0.003, cy - h, cx + 0.003, cy + h)


def _building(stage: Setting, dice: Dice, base: float, tall: float, share: float) -> None:
    pen, x = Pen(dice), dice.real(-0.12, 0.02)
    while x < 1.0:
        wide = dice.real(0.22, 0.38)
        if dice.chance(share):
            _house(pen, dice, x, wide, base, tall * dice.real(0.62, 1.0))
        x += wide + (0.0 if dice.chance(0.6) else dice.real(0.02, 0.1))
    if not pen.shapes:
        _house(pen, dice, dice.real(0.1, 0.6), 0.3, base, tall)
    stage.add("building", pen, (190, 160, 140))


def _fir(pen: Pen, x: float, top: float, tall: float, tone: Colour) -> None:
    for i in range(3):
        y, half = top + tall * (0.30 + 0.22 * i), tall * (0.18 + 0.08 * i)
        leaf = dark(tone, 0.12 + 0.05 * (2 - i))
        pen.poly(leaf, (x, y - tall * 0.32), (x + half, y + 0.03), (x - half, y + 0.03))


def _crown(pen: Pen, x: float, top: float, tall: float, tone: Colour) -> None:
    wide, dice = tall * 0.36, pen.dice
    under = (
        (-0.55, 0.42, 0.55),
        (0.55, 0.42, 0.55),
        (0.0, 0.30, 0.72),
        (-0.3, 0.14, 0.48),
        (0.34, 0.16, 0.46),
    )
    for dx, dy, r in under:
        pen.oval(dark(tone, 0.2), x + dx * wide, top + dy * tall + 0.01, wide * r, tall * r * 0.36)
    over = ((-0.5, 0.38, 0.42), (0.45, 0.38, 0.42), (-0.1, 0.24, 0.56), (0.2, 0.12, 0.36))
    for dx, dy, r in over:
        pen.oval(tone, x + dx * wide, top + dy * tall, wide * r, tall * r * 0.34)
    for _ in range(9):
        leaf_x, leaf_y = x + dice.real(-0.7, 0.5) * wide, top + dice.real(0.04, 0.45) * tall
        pen.oval(light(tone, 0.22), leaf_x, leaf_y, wide * 0.10, tall * 0.025)


def _trees(stage: Setting, dice: Dice, base: float, count: int) -> None:
    pen, leaf = Pen(dice), dice.pick(LEAVES)
    for _ in range(count):
        x, foot = dice.real(0.04, 0.96), base + dice.real(0.0, 0.06)
        tall = dice.real(0.34, 0.58)
        top, fork = foot - tall, foot - tall * 0.6
        wide, slim = tall * 0.045, tall * 0.03
        bark = dice.vary((112, 76, 52), 8)
        pen.poly(bark, (x - wide, foot), (x + wide, foot), (x + slim, fork), (x - slim, fork))
        draw = _fir if dice.chance(0.3) else _crown
        draw(pen, x, top, tall, dice.vary(leaf, 12))
    stage.add("tree", pen, leaf)


def _wall(stage: Setting, dice: Dice, base: float, indoor: bool) -> None:
    pen = Pen(dice)
    if not indoor:
        brick = dice.vary(dice.pick(BRICKS), 8)
        pen.box(brick, -0.01, -0.01, 1.01, base)
        joint = light(brick, 0.4)
        rows = 9
        for j in range(rows):
            y = base * j / rows
            pen.box(joint, -0.01, y, 1.01, y + 0.006)
            for i in range(7):
                x = (i + 0.5 * (j % 2)) / 6.5
                pen.box(joint, x, y, x + 0.006, y + base / rows)
        stage.add("wall", pen, brick)
        return
    paper = dice.vary(dice.pick(WALLS), 8)
    pen.box(paper, -0.01, -0.01, 1.01, base)
    pattern, accent = dice.pick(("stripes", "dots", "plain")), dark(paper, 0.1)
    if pattern == "stripes":
        for i in range(9):
            pen.box(accent, i * 0.12, -0.01, i * 0.12 + 0.05, base)
    elif pattern == "dots":
        for i in range(9):
            for j in range(6):
                pen.oval(accent, (i + 0.5 * (j % 2)) * 0.12, (j + 0.5) * base / 6, 0.014, 0.014)
    if dice.chance(0.55):
        x, y, w, h = dice.real(0.1, 0.65), dice.real(0.06, 0.12), dice.real(0.18, 0.28), base * 0.42
        frame = dice.pick(((150, 96, 56), (250, 248, 240)))
        pen.box(frame, x - 0.02, y - 0.02, x + w + 0.02, y + h + 0.02)
        pen.box(light(paper, 0.7), x, y, x + w, y + h)
        hue = dice.pick(ROCKS)
        pen.poly(hue, (x, y + h), (x + w * 0.35, y + h * 0.35), (x + w * 0.7, y + h))
        pen.poly(dark(hue, 0.2), (x + w * 0.4, y + h), (x + w * 0.75, y + h * 0.5), (x + w, y + h))
    pen.box(light(paper, 0.6), -0.01, base - 0.04, 1.01, base)
    stage.add("wall", pen, paper)


def _floor(stage: Setting, dice: Dice, top: float) -> None:
    pen, wood = Pen(dice), dice.vary(dice.pick(FLOORS), 8)
    _bands(pen, dark(wood, 0.12), light(wood, 0.08), top, 1.02, 4)
    seam = dark(wood, 0.3)
    for i in range(-6, 17):
        x = i / 10
        end = 0.5 + (x - 0.5) * 2.1
        pen.poly(seam, (x, top), (x + 0.004, top), (end + 0.007, 1.02), (end, 1.02))
    if dice.chance(0.5):
        for i in range(1, 5):
            y = top + (1.02 - top) * (i / 5) * (0.4 + 0.12 * i)
            pen.box(seam, -0.01, y, 1.01, y + 0.005)
    if dice.chance(0.35):
        rug, y = dice.pick(((176, 62, 66), (62, 104, 150), (92, 132, 96))), top + (1 - top) * 0.55
        x = dice.real(0.35, 0.65)
        pen.oval(light(rug, 0.5), x, y, 0.40, (1 - top) * 0.36)
        pen.oval(rug, x, y, 0.36, (1 - top) * 0.31)
        pen.oval(light(rug, 0.25), x, y, 0.22, (1 - top) * 0.18)
    stage.add("floor", pen, wood)


def _meadow(dice: Dice) -> Setting:
    stage, top = Setting("meadow"), dice.real(0.40, 0.55)
    _sky(stage, dice, top)
    if dice.chance(0.3):
        _mountain(stage, dice, top, dice.real(0.2, 0.35))
    _grass(stage, dice, top)
    if dice.chance(0.5):
        _trees(stage, dice, top + 0.06, dice.whole(1, 3))
    stage.ground = (top + 0.18, 0.97)
    return stage


def _lake(dice: Dice) -> Setting:
    stage, top = Setting("lake"), dice.real(0.36, 0.46)
    _sky(stage, dice, top)
    if dice.chance(0.55):
        _mountain(stage, dice, top, dice.real(0.2, 0.34))
    shore = dice.real(0.74, 0.82)
    _water(stage, dice, top)
    _grass(stage, dice, shore)
    stage.water, stage.ground = (top + 0.14, shore + 0.02), (shore + 0.05, 0.97)
    return stage


def _sea(dice: Dice) -> Setting:
    stage, top = Setting("sea"), dice.real(0.36, 0.50)
    _sky(stage, dice, top)
    if dice.chance(0.25):
        _mountain(stage, dice, top, dice.real(0.1, 0.22))
    _water(stage, dice, top)
    stage.water = (top + 0.2, 0.93)
    return stage


def _street(dice: Dice) -> Setting:
    stage, top = Setting("street"), dice.real(0.52, 0.62)
    _sky(stage, dice, top)
    _building(stage, dice, top + 0.01, dice.real(0.34, 0.52), 0.9)
    if dice.chance(0.3):
        _trees(stage, dice, top, dice.whole(1, 2))
    _road(stage, dice, top)
    stage.ground = (top + 0.14, 0.97)
    return stage


def _country_road(dice: Dice) -> Setting:
    stage, top = Setting("country road"), dice.real(0.42, 0.52)
    _sky(stage, dice, top)
    if dice.chance(0.4):
        _mountain(stage, dice, top, dice.real(0.2, 0.34))
    elif dice.chance(0.4):
        _building(stage, dice, top + 0.02, dice.real(0.2, 0.3), 0.45)
    _grass(stage, dice, top, flowers=False)
    if dice.chance(0.45):
        _trees(stage, dice, top + 0.04, dice.whole(1, 2))
    if dice.chance(0.5):
        _path(stage, dice, top + 0.03)
    else:
        _road(stage, dice, dice.real(0.66, 0.76))
    stage.ground = (0.76, 0.97)
    return stage


def _room(dice: Dice) -> Setting:
    stage, top = Setting("room"), dice.real(0.50, 0.64)
    _wall(stage, dice, top, indoor=True)
    _floor(stage, dice, top)
    stage.ground = (top + 0.16, 0.97)
    return stage


def _yard(dice: Dice) -> Setting:
    stage, top = Setting("yard"), dice.real(0.46, 0.58)
    if dice.chance(0.4):
        _sky(stage, dice, 0.9)
        _wall(stage, dice, top, indoor=False)
        rise = dice.real(0.16, 0.24)
        _, bricks = stage.layers.pop()
        low = [([(x, max(y, rise)) for x, y in points], tone) for points, tone in bricks]
        stage.layers.append(("wall", low))
        stage.sky = None
    else:
        _wall(stage, dice, top, indoor=False)
    if dice.chance(0.6):
        _grass(stage, dice, top)
    else:
        _road(stage, dice, top)
    if dice.chance(0.3):
        _trees(stage, dice, top + 0.06, 1)
    stage.ground = (top + 0.16, 0.97)
    return stage


def _highland(dice: Dice) -> Setting:
    stage, top = Setting("highland"), dice.real(0.5, 0.6)
    _sky(stage, dice, top)
    _mountain(stage, dice, top, dice.real(0.36, 0.48))
    if dice.chance(0.35):
        _water(stage, dice, top - 0.02, top + 0.2)
        _grass(stage, dice, top + 0.09)
    else:
        _grass(stage, dice, top)
    if dice.chance(0.35):
        _trees(stage, dice, top + 0.08, dice.whole(1, 3))
    stage.ground = (top + 0.18, 0.97)
    return stage


SETTINGS: dict[Callable[[Dice], Setting], float] = {
    _meadow: 1.5,
    _lake: 1.5,
    _sea: 0.8,
    _street: 1.7,
    _country_road: 1.2,
    _room: 2.2,
    _yard: 0.9,
    _highland: 1.0,
}
"""The settings, each with how often it is chosen."""


def draw_setting(dice: Dice) -> Setting:
    """Return a random setting."""
    return dice.weighted(SETTINGS)(dice)
