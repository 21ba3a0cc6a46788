"""Drawings of dogs, cats and birds."""

from __future__ import annotations

from itertools import pairwise

from zeroseg.drawn.dice import Colour, dark, distance, light
from zeroseg.drawn.pen import Pen, moved

DOGS: tuple[Colour, ...] = ((178, 112, 58), (206, 152, 92), (126, 78, 48), (226, 186, 132))
TABBIES: tuple[Colour, ...] = ((226, 142, 62), (150, 146, 142), (178, 140, 100))
KITTENS: tuple[Colour, ...] = ((240, 160, 84), (116, 120, 136), (48, 46, 56), (246, 232, 212))
COLLARS: tuple[Colour, ...] = ((210, 40, 50), (40, 110, 200), (250, 200, 50), (40, 160, 110))
PLUMAGE: tuple[Colour, ...] = ((218, 44, 44), (40, 160, 72), (36, 110, 214), (250, 190, 40))
BLACK: Colour = (34, 28, 32)
PINK: Colour = (240, 136, 146)


def hound(pen: Pen) -> None:
    """Draw a standing hound with a long snout, floppy ears and a collar."""
    dice, coat = pen.dice, pen.colour(DOGS)
    shade, pale, step = dark(coat, 0.22), light(coat, 0.55), pen.dice.real(-0.06, 0.08)
    for x, turn in ((-0.40, step), (0.30, -step)):
        pen.limb(shade, (x, 0.45), 0.085, (x + turn, 0.05), 0.045)
    tail = dice.real(0.0, 0.2)
    pen.path(coat, 0.035, (-0.48, 0.58), (-0.66, 0.66 + tail * 0.5), (-0.74, 0.80 + tail))
    pen.blob(coat, "-.6,.68 -.2,.7 .2,.7 .52,.76 .52,.4 .3,.28 -.1,.4 -.36,.36 -.6,.42")
    pen.blob(pale, (0.20, 0.38), (0.50, 0.55), (0.50, 0.38), (0.32, 0.29), (0.0, 0.39))
    pen.oval(shade, -0.12, 0.62, 0.18, 0.06)
    for x, turn in ((-0.46, -step), (0.36, step)):
        pen.limb(coat, (x, 0.46), 0.10, (x + turn, 0.07), 0.05)
        pen.oval(pale, x + turn + 0.03, 0.04, 0.075, 0.042)
    pen.limb(coat, (0.36, 0.58), 0.16, (0.54, 0.84), 0.11)
    pen.limb(dice.pick(COLLARS), (0.36, 0.73), 0.035, (0.58, 0.64), 0.035)
    pen.oval(coat, 0.58, 0.88, 0.15, 0.125)
    if dice.chance(0.5):
        pen.oval((226, 84, 100), 0.80, 0.69, 0.035, 0.075)
    pen.limb(coat, (0.64, 0.86), 0.09, (0.86, 0.80), 0.06)
    pen.limb(pale, (0.70, 0.79), 0.04, (0.86, 0.765), 0.03)
    pen.oval(BLACK, 0.915, 0.83, 0.042, 0.036)
    pen.eye(0.65, 0.91, 0.028)
    pen.oval(dark(coat, 0.45), 0.49, 0.79, 0.075, 0.17, -12)


def puppy(pen: Pen) -> None:
    """Draw a sitting puppy with a big head, drooping ears and a tongue."""
    dice, coat = pen.dice, pen.colour(((214, 160, 98), (244, 226, 196), (150, 98, 62)))
    shade, pale = dark(coat, 0.2), light(coat, 0.6)
    pen.path(shade, 0.045, (-0.22, 0.10), (-0.38, 0.20), (-0.42, 0.34))
    pen.blob(coat, "-.18,.55 .18,.55 .32,.1 .26,-.02 -.26,-.02 -.32,.1")
    pen.oval(pale, 0, 0.28, 0.12, 0.17)
    for side in (-1, 1):
        pen.oval(shade, side * 0.24, 0.07, 0.11, 0.07)
        pen.limb(coat, (side * 0.09, 0.32), 0.07, (side * 0.10, 0.06), 0.06)
        pen.oval(pale, side * 0.11, 0.04, 0.075, 0.045)
    pen.limb(dice.pick(COLLARS), (-0.15, 0.425), 0.035, (0.15, 0.425), 0.035)
    pen.oval(coat, 0, 0.70, 0.29, 0.27)
    if dice.chance(0.6):
        pen.oval(dark(coat, 0.4), 0.13, 0.76, 0.10, 0.12)
    pen.oval((228, 84, 104), 0.02, 0.46, 0.05, 0.075)
    pen.oval(pale, 0, 0.59, 0.15, 0.115)
    pen.oval(BLACK, 0, 0.65, 0.065, 0.048)
    pen.limb(BLACK, (0, 0.62), 0.009, (0, 0.545), 0.009)
    for side in (-1, 1):
        pen.eye(side * 0.13, 0.76, 0.042)
        pen.oval(dark(coat, 0.45), side * 0.29, 0.68, 0.09, 0.21, side * 14)


def _cat_face(pen: Pen, coat: Colour, x: float, y: float, r: float, iris: Colour) -> None:
    for side in (-1, 1):
        pen.poly(coat, *moved(".95,.25 .95,1.5 .1,.85", x, y, side * r, r))
        pen.poly(PINK, *moved(".82,.6 .82,1.22 .38,.88", x, y, side * r, r))
    pen.oval(coat, x, y, r * 1.08, r * 0.95)
    for side in (-1, 1):
        pen.oval(iris, x + side * r * 0.44, y + r * 0.15, r * 0.22, r * 0.23)
        pen.oval(BLACK, x + side * r * 0.44, y + r * 0.15, r * 0.09, r * 0.2)
        pen.oval((255, 250, 244), x + side * r * 0.2, y - r * 0.42, r * 0.28, r * 0.22)
    pen.poly((226, 96, 110), *moved("-.14,-.16 .14,-.16 0,-.34", x, y, r, r))
    whisker = (250, 248, 244) if sum(coat) < 420 else (70, 58, 56)
    for side in (-1, 1):
        for drop in (-0.12, 0.14):
            pen.limb(
                whisker,
                (x + side * r * 0.5, y - r * 0.38),
                r * 0.035,
                (x + side * r * 1.4, y - r * (0.38 + drop)),
                r * 0.03,
            )


def tabby(pen: Pen) -> None:
    """Draw a striped cat that walks with its tail up."""
    dice, coat = pen.dice, pen.colour(TABBIES)
    stripe, shade, step = dark(coat, 0.5), dark(coat, 0.22), pen.dice.real(-0.05, 0.06)
    lean = dice.real(-0.06, 0.06)
    tail = ((-0.46, 0.50), (-0.60, 0.66), (-0.60 + lean, 0.84), (-0.52 + lean, 0.97))
    pen.path(coat, 0.05, *tail)
    for (ax, ay), (bx, by) in pairwise(tail):
        pen.oval(stripe, (ax + bx) / 2, (ay + by) / 2, 0.052, 0.03)
    for x, turn in ((-0.34, step), (0.20, -step)):
        pen.limb(shade, (x, 0.36), 0.075, (x + turn, 0.04), 0.045)
    pen.blob(coat, "-.58,.58 -.2,.64 .2,.6 .42,.58 .4,.28 0,.24 -.3,.26 -.56,.34")
    for x, turn in ((-0.42, -step), (0.28, step)):
        pen.limb(coat, (x, 0.38), 0.09, (x + turn, 0.06), 0.05)
        pen.oval((255, 246, 236), x + turn + 0.02, 0.035, 0.065, 0.037)
        pen.limb(stripe, (x - 0.06, 0.24), 0.016, (x + 0.05, 0.24), 0.016)
    for x in (-0.40, -0.27, -0.14, -0.01, 0.12):
        pen.limb(stripe, (x, 0.59), 0.028, (x + 0.03, 0.38), 0.008)
    _cat_face(pen, coat, 0.40, 0.66, 0.20, (150, 200, 70))
    for x in (-0.07, 0.0, 0.07):
        pen.limb(stripe, (0.40 + x, 0.84), 0.014, (0.40 + x * 0.8, 0.755), 0.008)


def kitten(pen: Pen) -> None:
    """Draw a sitting kitten with a big head, big pointed ears and whiskers."""
    dice, coat = pen.dice, pen.colour(KITTENS)
    shade, pale = dark(coat, 0.2), light(coat, 0.6)
    pen.path(shade, 0.05, (0.16, 0.05), (0.34, 0.07), (0.42, 0.18), (0.40, 0.30))
    pen.blob(coat, "-.15,.5 .15,.5 .28,.1 .22,-.02 -.22,-.02 -.28,.1")
    pen.oval(pale, 0, 0.30, 0.09, 0.15)
    for side in (-1, 1):
        pen.limb(coat, (side * 0.07, 0.26), 0.055, (side * 0.08, 0.05), 0.05)
        pen.oval(pale, side * 0.085, 0.035, 0.06, 0.04)
    if dice.chance(0.4):
        pen.limb(dice.pick(COLLARS), (-0.13, 0.41), 0.03, (0.13, 0.41), 0.03)
    _cat_face(pen, coat, 0.0, 0.63, 0.26, dice.pick(((90, 180, 220), (120, 200, 110))))


def seagull(pen: Pen) -> None:
    """Draw a white gull with grey wings, in flight or on two orange legs."""
    white, grey, orange = (250, 250, 248), pen.dice.vary((140, 152, 172), 10), (246, 166, 40)
    if pen.airborne:
        lift = pen.dice.real(-0.1, 0.1)
        pen.blob(
            dark(grey, 0.15),
            (-0.05, 0.45),
            (0.14, 0.45),
            (-0.30, 0.92 + lift),
            (-0.66, 1.0 + lift),
            (-0.40, 0.72),
        )
        pen.poly(white, (-0.34, 0.36), (-0.70, 0.42), (-0.66, 0.28), (-0.34, 0.26))
        pen.blob(white, "-.5,.36 0,.5 .4,.5 .44,.3 0,.16 -.4,.24")
        pen.blob(
            grey, "-.16,.4 .22,.44 .34,.8", (0.66, 1.0 - lift), (0.22, 1.0 - lift), (0.0, 0.74)
        )
        pen.poly(BLACK, (0.40, 0.95 - lift), (0.72, 1.02 - lift), (0.48, 0.84 - lift))
        pen.poly(BLACK, (-0.40, 0.93 + lift), (-0.70, 1.02 + lift), (-0.50, 0.84 + lift))
        pen.oval(white, 0.42, 0.46, 0.13, 0.12)
        pen.poly(orange, (0.50, 0.50), (0.72, 0.42), (0.50, 0.39))
        pen.eye(0.46, 0.50, 0.026)
        return
    for x in (-0.06, 0.08):
        pen.limb(orange, (x, 0.30), 0.022, (x, 0.03), 0.02)
        pen.poly(orange, (x - 0.05, 0), (x + 0.13, 0), (x, 0.06))
    pen.poly(white, (-0.34, 0.46), (-0.68, 0.34), (-0.60, 0.26), (-0.26, 0.30))
    pen.blob(white, "-.52,.4 -.1,.66 .2,.96 .42,.72 .36,.36 0,.18 -.3,.24")
    pen.blob(grey, (-0.74, 0.30), (-0.16, 0.64), (0.16, 0.62), (0.14, 0.36), (-0.20, 0.30))
    pen.poly(BLACK, (-0.36, 0.36), (-0.76, 0.27), (-0.40, 0.45))
    pen.oval(white, 0.28, 0.84, 0.16, 0.155)
    pen.poly(orange, (0.40, 0.89), (0.66, 0.80), (0.62, 0.74), (0.40, 0.77))
    pen.oval((214, 40, 40), 0.57, 0.78, 0.025, 0.022)
    pen.eye(0.33, 0.88, 0.03)


def parrot(pen: Pen) -> None:
    """Draw an upright parrot with a hooked beak, a long tail and wings of three colours."""
    body = pen.colour(PLUMAGE)
    first, second = [tone for tone in PLUMAGE if distance(tone, body) > 120][:2]
    for x, tone in ((-0.34, first), (-0.26, body), (-0.18, second)):
        pen.limb(tone, (-0.06, 0.40), 0.06, (x, 0.03), 0.03)
    for x in (0.02, 0.12):
        pen.limb((110, 100, 100), (x, 0.22), 0.03, (x + 0.04, 0.02), 0.03)
    pen.blob(body, "-.2,.4 -.12,.78 .06,1.02 .32,.96 .32,.5 .16,.16 -.06,.16")
    pen.oval(light(body, 0.35), 0.18, 0.46, 0.08, 0.18, 8)
    pen.blob(first, (-0.14, 0.74), (0.14, 0.70), (0.10, 0.36), (-0.22, 0.10))
    pen.blob(second, (-0.13, 0.58), (0.09, 0.50), (0.02, 0.30), (-0.24, 0.08))
    pen.blob(dark(first, 0.3), (-0.14, 0.42), (0.02, 0.36), (-0.06, 0.22), (-0.26, 0.05))
    pen.oval(body, 0.14, 0.84, 0.18, 0.16)
    pen.oval((252, 246, 236), 0.22, 0.85, 0.09, 0.08)
    pen.blob((56, 50, 56), (0.26, 0.94), (0.42, 0.92), (0.44, 0.68), (0.36, 0.74), (0.26, 0.76))
    pen.eye(0.20, 0.88, 0.032)


def duck(pen: Pen) -> None:
    """Draw a duck with a flat orange bill and a curled-up tail."""
    dice, orange = pen.dice, (246, 150, 34)
    body = pen.colour(((168, 128, 92), (252, 218, 80), (246, 244, 238)))
    mallard = body[2] < 140 and body[0] < 200
    head = dice.vary((24, 122, 78), 10) if mallard else body
    wing = (206, 196, 184) if mallard else dark(body, 0.16)
    base = -0.10 if pen.afloat else 0.0
    if not pen.afloat:
        for x in (-0.08, 0.10):
            pen.limb(orange, (x, 0.22), 0.028, (x, 0.04), 0.025)
            pen.poly(orange, (x - 0.06, 0), (x + 0.15, 0), (x, 0.08))
    pen.blob(body, *moved("-.78,.66 -.44,.5 -.06,.54 .26,.6 .5,.46 .34,.14 -.3,.12 -.6,.3", y=base))
    pen.limb(head, (0.28, 0.46 + base), 0.13, (0.32, 0.78), 0.10)
    if mallard:
        pen.limb((250, 250, 246), (0.20, 0.61 + base), 0.025, (0.42, 0.58 + base), 0.025)
    pen.oval(head, 0.34, 0.83, 0.17, 0.16)
    pen.blob(orange, (0.44, 0.88), (0.56, 0.82), (0.74, 0.80), (0.72, 0.70), (0.44, 0.72))
    pen.eye(0.40, 0.89, 0.03)
    pen.blob(wing, *moved("-.56,.5 0,.52 .16,.36 -.06,.2 -.4,.28", y=base))
    patch = (60, 90, 200) if mallard else dark(wing, 0.15)
    pen.oval(patch, -0.20, 0.30 + base, 0.13, 0.035, 10)
