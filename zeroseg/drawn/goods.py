"""Drawings of vehicles, furniture, vessels and street objects."""

from __future__ import annotations

from zeroseg.drawn.dice import Colour, dark, light, mix
from zeroseg.drawn.pen import Pen

PAINTS: tuple[Colour, ...] = (
    (206, 48, 52),
    (44, 104, 190),
    (46, 150, 110),
    (240, 236, 226),
    (236, 126, 44),
    (122, 72, 160),
)
WOODS: tuple[Colour, ...] = ((172, 110, 62), (126, 76, 44), (214, 160, 100), (150, 70, 48))
FLOWERS = ((232, 60, 80), (250, 196, 50), (240, 130, 180), (150, 90, 210), (250, 130, 50))
GLASS: Colour = (186, 222, 240)
TYRE: Colour = (40, 40, 46)
LEAF: Colour = (54, 140, 70)


def rowboat(pen: Pen) -> None:
    """Draw a low open boat with benches and two oars."""
    paint = pen.colour((*WOODS, *PAINTS))
    inside, trim = dark(paint, 0.5), light(paint, 0.55)
    wood = (230, 184, 120)
    pen.blob(inside, (-1.25, 0.80), (-0.6, 0.90), (0.6, 0.90), (1.3, 0.84), (0.8, 0.5), (-0.9, 0.5))
    for x in (-0.5, 0.3):
        pen.box(wood, x, 0.62, x + 0.24, 0.76)
    pen.blob(paint, "-1.3,.86 -.6,.6 .6,.6 1.42,.96 1,.06 .6,-.04 -.8,-.04 -1.12,.1")
    pen.path(trim, 0.055, (-1.14, 0.74), (-0.6, 0.62), (0.5, 0.62), (1.16, 0.80))
    pen.path(dark(paint, 0.28), 0.022, (-1.04, 0.36), (-0.6, 0.30), (0.5, 0.30), (1.06, 0.42))
    for x, lean in ((-0.35, -0.5), (0.25, -0.5)):
        pen.limb(wood, (x + 0.3, 1.0), 0.04, (x + lean, 0.14), 0.04)
        pen.oval(dark(wood, 0.2), x + lean - 0.05, 0.07, 0.08, 0.17, -30)


def sailboat(pen: Pen) -> None:
    """Draw a boat with a tall mast, two triangular sails and a flag."""
    paint = pen.colour(PAINTS)
    sail = pen.dice.pick(((252, 250, 240), (250, 226, 170), (246, 150, 120), (250, 250, 250)))
    stripe = pen.dice.pick(PAINTS[:3])
    pen.limb((110, 74, 48), (0.02, 0.18), 0.022, (0.02, 1.0), 0.018)
    pen.poly(sail, (-0.02, 0.95), (-0.03, 0.25), (-0.44, 0.25))
    pen.poly(stripe, (-0.03, 0.42), (-0.03, 0.33), (-0.395, 0.33), (-0.342, 0.42))
    pen.poly(dark(sail, 0.12), (0.06, 0.86), (0.24, 0.52), (0.40, 0.25), (0.06, 0.25))
    pen.poly(stripe, (0.03, 1.03), (0.20, 0.985), (0.03, 0.94))
    pen.blob(paint, "-.58,.24 -.3,.2 .3,.2 .66,.27 .44,0 .2,-.03 -.3,-.03 -.48,.04")
    pen.path(light(paint, 0.6), 0.018, (-0.47, 0.175), (0.0, 0.165), (0.47, 0.18))
    for x in (-0.2, 0.0, 0.2):
        pen.oval(light(paint, 0.75), x, 0.10, 0.024, 0.024)


def wine_bottle(pen: Pen) -> None:
    """Draw a tall dark bottle with a neck, a foil cap and a label."""
    glass = pen.colour(((34, 92, 56), (110, 28, 48), (62, 70, 30), (36, 60, 104)))
    foil = pen.dice.pick(((200, 46, 56), (226, 178, 66), (50, 44, 60)))
    pen.blob(
        glass,
        "-.15,-.02 .15,-.02 .155,.55 .13,.66 .05,.72 .05,1 -.05,1 -.05,.72 -.13,.66 -.155,.55",
    )
    pen.box(glass, -0.14, 0.03, 0.14, 0.52)
    pen.box(foil, -0.055, 0.82, 0.055, 0.98)
    pen.box(light(foil, 0.4), -0.062, 0.95, 0.062, 0.985)
    pen.limb(light(glass, 0.45), (-0.10, 0.10), 0.014, (-0.10, 0.56), 0.014)
    paper = pen.dice.vary((250, 240, 214), 6)
    pen.box(paper, -0.14, 0.16, 0.14, 0.44)
    pen.box(foil, -0.14, 0.39, 0.14, 0.42)
    pen.oval(pen.dice.pick(((130, 40, 90), (70, 130, 70))), 0, 0.31, 0.05, 0.05)
    pen.box((150, 130, 110), -0.08, 0.205, 0.08, 0.225)


def flask(pen: Pen) -> None:
    """Draw a conical glass flask, half full of a bright liquid, with a cork."""
    liquid = pen.colour(
        ((250, 90, 80), (250, 180, 40), (60, 180, 110), (70, 120, 230), (190, 80, 200))
    )
    glass = (222, 238, 244)
    level = pen.dice.real(0.36, 0.5)
    pen.blob(glass, "-.44,-.02 .44,-.02 .42,.12 .11,.66 .11,.92 -.11,.92 -.11,.66 -.42,.12")
    half = 0.40 - (level - 0.1) * 0.56
    pen.poly(
        liquid,
        "-.36,.03 .36,.03 .385,.1",
        (half - 0.03, level),
        (-half + 0.03, level),
        (-0.385, 0.10),
    )
    pen.oval(light(liquid, 0.4), 0, level, half - 0.03, 0.03)
    for x, y, r in ((-0.12, 0.16, 0.03), (0.08, 0.22, 0.022), (0.18, 0.11, 0.026)):
        pen.oval(light(liquid, 0.5), x, y, r, r)
    pen.limb((255, 255, 255), (-0.27, 0.17), 0.02, (-0.11, 0.50), 0.014)
    pen.limb(mix(glass, (120, 150, 170), 0.5), (-0.13, 0.88), 0.025, (0.13, 0.88), 0.025)
    pen.box((190, 138, 88), -0.085, 0.89, 0.085, 1.0)


def stool(pen: Pen) -> None:
    """Draw a stool: a round seat without a back on splayed legs."""
    wood = pen.colour((*WOODS, (206, 60, 60), (60, 120, 180)))
    seat, spread = light(wood, 0.25), pen.dice.real(0.30, 0.40)
    for x in (-spread * 0.55, spread * 0.55):
        pen.limb(dark(wood, 0.4), (x * 0.8, 0.85), 0.045, (x, 0.08), 0.035)
    pen.limb(dark(wood, 0.25), (-spread * 0.9, 0.34), 0.03, (spread * 0.9, 0.34), 0.03)
    for side in (-1, 1):
        pen.limb(wood, (side * spread * 0.72, 0.85), 0.055, (side * spread, 0.03), 0.042)
    pen.blob(dark(wood, 0.15), (-0.46, 0.94), (0.46, 0.94), (0.46, 0.77), (-0.46, 0.77))
    pen.oval(seat, 0, 0.92, 0.42, 0.095)
    pen.oval(light(seat, 0.25), -0.03, 0.93, 0.30, 0.055)


def armchair(pen: Pen) -> None:
    """Draw a plush armchair with a high back, two arms and a seat cushion."""
    cloth = pen.colour(
        (
            (196, 54, 64),
            (40, 120, 130),
            (232, 170, 60),
            (84, 120, 72),
            (110, 80, 150),
            (226, 128, 130),
        )
    )
    shade, pale = dark(cloth, 0.25), light(cloth, 0.22)
    for x in (-0.40, 0.32):
        pen.box((80, 52, 38), x, 0.0, x + 0.08, 0.12)
    pen.blob(cloth, "-.4,.15 -.44,.98 -.2,1.03 .2,1.03 .44,.98 .4,.15")
    pen.blob(shade, (-0.30, 0.30), (-0.32, 0.90), (0.32, 0.90), (0.30, 0.30))
    for x in (-0.14, 0.0, 0.14):
        for y in (0.62, 0.76):
            pen.oval(pale, x, y, 0.022, 0.022)
    pen.box(shade, -0.42, 0.08, 0.42, 0.34)
    pen.blob(pale, (-0.36, 0.32), (-0.36, 0.48), (0.36, 0.48), (0.36, 0.32))
    for side in (-1, 1):
        pen.box(cloth, side * 0.34, 0.08, side * 0.54, 0.54)
        pen.oval(cloth, side * 0.44, 0.54, 0.12, 0.10)
        pen.oval(shade, side * 0.44, 0.54, 0.065, 0.055)


def vase(pen: Pen) -> None:
    """Draw a painted vase full of flowers."""
    dice = pen.dice
    clay = pen.colour(((60, 120, 190), (208, 90, 60), (240, 234, 220), (110, 70, 150)))
    for x, y in ((-0.26, 0.78), (-0.14, 0.90), (0.0, 0.95), (0.15, 0.88), (0.27, 0.76)):
        pen.limb(LEAF, (0, 0.42), 0.018, (x, y), 0.014)
        pen.oval(light(LEAF, 0.15), x * 0.7, y - 0.2, 0.085, 0.035, 40 if x < 0 else -40)
    petals = dice.pick(FLOWERS)
    for x, y in ((-0.27, 0.78), (0.28, 0.76), (-0.14, 0.91), (0.16, 0.89), (0.0, 0.79)):
        bloom = petals if dice.chance(0.6) else dice.pick(FLOWERS)
        for u, v in ((7, 0), (2.2, 6.7), (-5.7, 4.1), (-5.7, -4.1), (2.2, -6.7)):
            pen.oval(bloom, x + u / 100, y + v / 100, 0.056, 0.056)
        pen.oval((252, 226, 110) if sum(bloom) < 480 else (150, 80, 40), x, y, 0.036, 0.036)
    pen.blob(clay, "-.16,.56 .16,.56 .1,.44 .28,.26 .16,-.02 -.16,-.02 -.28,.26 -.1,.44")
    pen.limb(light(clay, 0.4), (-0.125, 0.51), 0.024, (0.125, 0.51), 0.024)
    pen.box(light(clay, 0.6), -0.205, 0.22, 0.205, 0.27)
    pen.limb(light(clay, 0.45), (-0.12, 0.08), 0.014, (-0.155, 0.19), 0.014)


def cactus(pen: Pen) -> None:
    """Draw a ribbed cactus with two arms and a flower, in a clay pot."""
    green = pen.colour(((70, 150, 80), (44, 120, 92), (124, 168, 70)))
    shade, left, right = dark(green, 0.3), pen.dice.real(0.60, 0.72), pen.dice.real(0.48, 0.62)
    pen.path(green, 0.062, (-0.06, left - 0.12), (-0.26, left - 0.12), (-0.26, left + 0.12))
    pen.path(green, 0.058, (0.06, right - 0.06), (0.25, right - 0.06), (0.25, right + 0.16))
    pen.limb(green, (0, 0.30), 0.125, (0, 0.85), 0.11)
    for x in (-0.055, 0.0, 0.055):
        pen.limb(shade, (x, 0.34), 0.010, (x * 0.8, 0.88), 0.008)
    for y in (0.44, 0.56, 0.68, 0.80):
        for x in (-0.085, -0.028, 0.028, 0.085):
            pen.oval((250, 246, 210), x, y, 0.011, 0.014)
    flower = pen.dice.pick(FLOWERS)
    for x, y in ((-0.05, 0.96), (0.05, 0.96), (0.0, 0.985)):
        pen.oval(flower, x, y, 0.042, 0.042)
    pot = pen.dice.pick(((204, 104, 62), (226, 142, 84), (90, 110, 160)))
    pen.poly(pot, (-0.22, 0.34), (0.22, 0.34), (0.16, 0.0), (-0.16, 0.0))
    pen.poly(dark(pot, 0.2), (0.06, 0.34), (0.22, 0.34), (0.16, 0.0), (0.06, 0.0))
    pen.box(light(pot, 0.25), -0.25, 0.29, 0.25, 0.39)


def _wheel(pen: Pen, x: float, r: float) -> None:
    pen.oval(TYRE, x, r, r, r)
    pen.oval((206, 208, 214), x, r, r * 0.56, r * 0.56)
    pen.oval((110, 112, 122), x, r, r * 0.2, r * 0.2)


def taxi(pen: Pen) -> None:
    """Draw a yellow taxi with a checkered stripe and a sign on the roof."""
    paint = pen.dice.vary((250, 196, 34), 8)
    pen.box((250, 246, 230), -0.16, 0.86, 0.14, 1.0)
    pen.box(TYRE, -0.11, 0.905, 0.09, 0.955)
    pen.blob(paint, "-.74,.5 -.48,.92 -.2,.9 .2,.9 .4,.9 .68,.52 .4,.44 -.4,.44")
    pen.poly(GLASS, (-0.54, 0.56), (-0.40, 0.80), (-0.05, 0.80), (-0.05, 0.56))
    pen.poly(GLASS, (0.02, 0.56), (0.02, 0.80), (0.30, 0.80), (0.50, 0.56))
    pen.poly(light(GLASS, 0.6), (-0.40, 0.60), (-0.28, 0.80), (-0.18, 0.80), (-0.30, 0.60))
    pen.blob(paint, "-1.1,.56 -.6,.58 .6,.58 1.08,.5 1.12,.12 .8,.13 -.8,.13 -1.12,.14")
    pen.box(dark(paint, 0.25), -0.94, 0.14, 0.94, 0.20)
    for i in range(14):
        x = -0.84 + i * 0.12
        pen.box(TYRE, x, 0.37 + 0.05 * (i % 2), x + 0.12, 0.42 + 0.05 * (i % 2))
    pen.oval((255, 250, 220), 0.98, 0.38, 0.06, 0.06)
    pen.box((214, 46, 46), -1.05, 0.32, -0.96, 0.44)
    for x in (-0.60, 0.60):
        _wheel(pen, x, 0.21)


def van(pen: Pen) -> None:
    """Draw a tall box-shaped van with a light stripe."""
    paint = pen.colour(PAINTS)
    pen.blob(paint, "-.86,.1 -.88,.96 -.7,1.02 .44,1.02 .62,.98 .84,.56 .9,.46 .9,.1")
    pen.box(paint, -0.83, 0.12, 0.80, 0.40)
    band = light(paint, 0.7) if sum(paint) < 600 else PAINTS[1]
    pen.poly(band, (-0.855, 0.42), (0.855, 0.42), (0.868, 0.34), (-0.855, 0.34))
    pen.poly(GLASS, (0.30, 0.56), (0.30, 0.88), (0.54, 0.88), (0.72, 0.56))
    for x in (-0.76, -0.24):
        pen.box(GLASS, x, 0.56, x + 0.42, 0.88)
        pen.poly(
            light(GLASS, 0.6), (x + 0.1, 0.56), (x + 0.22, 0.88), (x + 0.32, 0.88), (x + 0.2, 0.56)
        )
    pen.box(dark(paint, 0.35), 0.23, 0.16, 0.25, 0.92)
    pen.box(dark(paint, 0.3), -0.85, 0.10, 0.87, 0.17)
    pen.oval((255, 248, 210), 0.83, 0.30, 0.05, 0.06)
    for x in (-0.52, 0.52):
        _wheel(pen, x, 0.17)


def bike(pen: Pen) -> None:
    """Draw a bicycle with two spoked wheels, a saddle and handlebars."""
    paint = pen.colour((*PAINTS[:3], (236, 126, 44), (30, 34, 44)))
    r = 0.33
    for x in (-0.50, 0.50):
        pen.oval(TYRE, x, r, r, r)
        pen.oval((226, 230, 234), x, r, r * 0.82, r * 0.82)
        for u, v in ((1, 0), (0.5, 0.866), (-0.5, 0.866)):
            pen.limb(
                (140, 146, 156),
                (x - u * r * 0.8, r - v * r * 0.8),
                0.009,
                (x + u * r * 0.8, r + v * r * 0.8),
                0.009,
            )
        pen.oval((90, 94, 104), x, r, 0.05, 0.05)
    crank, seat, head = (-0.06, 0.30), (-0.20, 0.74), (0.36, 0.76)
    for start, end in (
        (crank, seat),
        (crank, head),
        (seat, head),
        ((-0.5, r), crank),
        ((-0.5, r), seat),
        ((0.5, r), head),
    ):
        pen.limb(paint, start, 0.034, end, 0.034)
    pen.limb(TYRE, seat, 0.025, (-0.23, 0.86), 0.025)
    pen.blob(TYRE, (-0.42, 0.92), (-0.06, 0.90), (-0.06, 0.84), (-0.40, 0.82))
    pen.path(TYRE, 0.028, head, (0.33, 0.95), (0.46, 1.0), (0.54, 0.92))
    pen.oval((90, 94, 104), crank[0], crank[1], 0.085, 0.085)
    pen.limb(TYRE, crank, 0.02, (0.04, 0.18), 0.02)
    pen.box(TYRE, -0.02, 0.14, 0.12, 0.18)


def stoplight(pen: Pen) -> None:
    """Draw a traffic light on a pole, with one of its three lamps lit."""
    case = pen.colour(((38, 44, 50), (26, 70, 60), (236, 184, 40)))
    steel = (112, 118, 130)
    pen.limb(steel, (0, 0.02), 0.04, (0, 0.5), 0.035)
    pen.poly(dark(steel, 0.2), (-0.11, 0.0), (0.11, 0.0), (0.07, 0.06), (-0.07, 0.06))
    pen.box(dark(case, 0.35), -0.165, 0.405, 0.165, 1.0)
    pen.box(case, -0.145, 0.42, 0.145, 0.985)
    lit = pen.dice.whole(0, 2)
    for i, lamp in enumerate(((240, 50, 46), (252, 190, 40), (60, 200, 90))):
        y = 0.885 - i * 0.18
        pen.oval((24, 24, 28), 0, y, 0.09, 0.085)
        if i == lit:
            pen.oval(lamp, 0, y, 0.08, 0.075)
            pen.oval(light(lamp, 0.6), 0.015, y + 0.02, 0.035, 0.03)
        else:
            pen.oval(dark(lamp, 0.45), 0, y, 0.07, 0.066)


def desk(pen: Pen) -> None:
    """Draw a writing desk with drawers, a pile of books and a lamp."""
    dice, wood = pen.dice, pen.colour(WOODS)
    front, pale, shade = light(wood, 0.15), light(wood, 0.4), dark(wood, 0.35)
    pen.box(shade, -0.72, 0.02, -0.62, 0.60)
    pen.box(shade, -0.62, 0.40, 0.10, 0.60)
    pen.box(wood, -0.84, 0.0, -0.72, 0.62)
    pen.box(wood, 0.10, 0.0, 0.84, 0.62)
    for i in range(3):
        y = 0.06 + i * 0.18
        pen.box(front, 0.16, y, 0.78, y + 0.145)
        pen.limb((246, 206, 90), (0.40, y + 0.075), 0.02, (0.54, y + 0.075), 0.02)
    pen.box(pale, -0.94, 0.60, 0.94, 0.70)
    pen.box(dark(wood, 0.1), -0.94, 0.60, 0.94, 0.63)
    for i, book in enumerate(((200, 60, 60), (60, 110, 180), (70, 150, 100))):
        pen.box(book, -0.66 + 0.03 * i, 0.70 + i * 0.065, -0.22 - 0.02 * i, 0.765 + i * 0.065)
    shade_colour = dice.pick(FLOWERS)
    pen.limb(TYRE, (0.44, 0.71), 0.03, (0.60, 0.71), 0.03)
    pen.limb(TYRE, (0.52, 0.72), 0.02, (0.52, 0.90), 0.02)
    pen.poly(shade_colour, (0.34, 0.84), (0.70, 0.84), (0.60, 1.02), (0.44, 1.02))


def parasol(pen: Pen) -> None:
    """Draw an open parasol with a striped canopy on a pole."""
    main = pen.colour(
        ((226, 60, 70), (250, 180, 50), (40, 130, 190), (60, 160, 120), (230, 110, 160))
    )
    other, half = light(main, 0.8), pen.dice.real(0.48, 0.58)
    pen.limb((236, 226, 210), (0, 0.03), 0.028, (0, 0.97), 0.022)
    pen.blob((120, 112, 110), (-0.17, 0.0), (-0.12, 0.09), (0.12, 0.09), (0.17, 0.0))
    top, edge = (0.0, 0.97), 0.58
    for i in range(6):
        x1, x2 = half * (i - 3) / 3, half * (i - 2) / 3
        tone = main if i % 2 == 0 else other
        pen.poly(
            tone,
            top,
            (x1 * 0.70, 0.85),
            (x1, edge),
            ((x1 + x2) / 2, edge + 0.045),
            (x2, edge),
            (x2 * 0.70, 0.85),
        )
        pen.poly(
            dark(tone, 0.12),
            (x1, edge),
            ((x1 + x2) / 2, edge - 0.02),
            (x2, edge),
            (x2 * 0.98, edge + 0.06),
            (x1 * 0.98, edge + 0.06),
        )
    pen.oval(main, 0, 0.98, 0.032, 0.028)
