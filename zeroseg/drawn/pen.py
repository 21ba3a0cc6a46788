"""A pen that records shapes as coloured polygons, to be placed on a canvas later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from zeroseg.drawn.dice import Colour, Dice, distance

Point = tuple[float, float]
Shape = tuple[list[Point], Colour]
Affine = tuple[float, float, float, float, float, float]

_CIRCLE: tuple[Point, ...] = tuple(
    (round(math.cos(math.pi * i / 12), 6), round(math.sin(math.pi * i / 12), 6)) for i in range(24)
)
_COARSE = _CIRCLE[::2]


@dataclass
class Pen:
    """Records one drawing.

    A thing is drawn in its own units: 1 high, feet at y = 0, y up, looking to the right. An area
    of the setting is drawn in shares of the picture: x from 0 to 1, y from 0 down to 1.

    Attributes:
        dice: Where the choices of the drawing come from.
        avoid: Colour of the surroundings, from which the drawing should stand out.
        afloat: Whether the thing lies on water.
        airborne: Whether the thing is in the air.
        shapes: The recorded polygons, back to front.
    """

    dice: Dice
    avoid: Colour = (128, 128, 128)
    afloat: bool = False
    airborne: bool = False
    shapes: list[Shape] = field(default_factory=list)

    def colour(self, options: Sequence[Colour]) -> Colour:
        """Return one of the options, slightly varied, that stands out from the surroundings."""
        clear = [option for option in options if distance(option, self.avoid) > 130]
        if not clear:
            clear = [max(options, key=lambda option: distance(option, self.avoid))]
        return self.dice.vary(self.dice.pick(clear), 10)

    def poly(self, colour: Colour, *points: Point | str) -> None:
        """Draw a polygon with sharp corners; a text has several points, see `outline`."""
        self.shapes.append((_all(points), colour))

    def box(self, colour: Colour, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw an upright rectangle between two corners."""
        self.poly(colour, (x1, y1), (x2, y1), (x2, y2), (x1, y2))

    def blob(self, colour: Colour, *points: Point | str) -> None:
        """Draw a polygon whose corners are rounded off twice; points as in `poly`."""
        corners = _all(points)
        for _ in range(2):
            rounded: list[Point] = []
            for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
                rounded.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
                rounded.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
            corners = rounded
        self.shapes.append((corners, colour))

    def oval(
        self, colour: Colour, x: float, y: float, rx: float, ry: float, tilt: float = 0.0
    ) -> None:
        """Draw an ellipse with centre, radii and a `tilt` in degrees."""
        circle = _CIRCLE if rx + ry > 0.1 else _COARSE
        if not tilt:
            self.shapes.append(([(x + rx * u, y + ry * v) for u, v in circle], colour))
            return
        c, s = round(math.cos(math.radians(tilt)), 6), round(math.sin(math.radians(tilt)), 6)
        outline = [(x + c * rx * u - s * ry * v, y + s * rx * u + c * ry * v) for u, v in circle]
        self.shapes.append((outline, colour))

    def limb(self, colour: Colour, start: Point, r1: float, end: Point, r2: float) -> None:
        """Draw a tapered bar with round ends, of radius `r1` at `start` and `r2` at `end`."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = math.sqrt(dx * dx + dy * dy) or 1.0
        nx, ny = -dy / length, dx / length
        self.poly(
            colour,
            (start[0] + nx * r1, start[1] + ny * r1),
            (end[0] + nx * r2, end[1] + ny * r2),
            (end[0] - nx * r2, end[1] - ny * r2),
            (start[0] - nx * r1, start[1] - ny * r1),
        )
        for (x, y), r in ((start, r1), (end, r2)):
            if r > 0.012:
                self.shapes.append(([(x + r * u, y + r * v) for u, v in _COARSE], colour))

    def path(self, colour: Colour, radius: float, *points: Point) -> None:
        """Draw a line of even width (twice `radius`) through the points."""
        for start, end in pairwise(points):
            self.limb(colour, start, radius, end, radius)

    def eye(self, x: float, y: float, r: float, colour: Colour = (30, 25, 30)) -> None:
        """Draw a dark round eye with a glint."""
        self.oval(colour, x, y, r, r)
        self.oval((250, 250, 250), x + 0.35 * r, y + 0.35 * r, 0.35 * r, 0.35 * r)

    def bounds(self) -> tuple[float, float, float, float]:
        """Return the smallest x, smallest y, largest x and largest y of all the shapes."""
        xs = [x for points, _ in self.shapes for x, _ in points]
        ys = [y for points, _ in self.shapes for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)


@cache
def outline(text: str) -> tuple[Point, ...]:
    """Points as SVG writes them: "-.5,0 .5,0 0,1" is a triangle."""
    pairs = (point.split(",") for point in text.split())
    return tuple((float(x), float(y)) for x, y in pairs)


def moved(
    text: str, x: float = 0, y: float = 0, width: float = 1, height: float = 1
) -> list[Point]:
    """The same brought to a place and a size; a negative width mirrors it."""
    return [(x + width * u, y + height * v) for u, v in outline(text)]


def _all(points: Sequence[Point | str]) -> list[Point]:
    each = (outline(point) if isinstance(point, str) else (point,) for point in points)
    return [point for some in each for point in some]


def placed(shapes: Sequence[Shape], affine: Affine) -> list[tuple[list[int], Colour]]:
    """Return the shapes as flat whole-pixel outlines.

    Args:
        shapes: Polygons in drawing units.
        affine: (a, b, c, d, e, f) of x' = a x + b y + c and y' = d x + e y + f, in canvas pixels.
    """
    a, b, c, d, e, f = affine
    result = []
    for points, colour in shapes:
        flat: list[int] = []
        for x, y in points:
            flat.append(round(a * x + b * y + c))
            flat.append(round(d * x + e * y + f))
        result.append((flat, colour))
    return result
