"""Drawings of people: men, women, girls and boys."""

from __future__ import annotations

from zeroseg.drawn.dice import Colour, dark, light
from zeroseg.drawn.pen import Pen, moved

SKIN = ((246, 208, 178), (234, 184, 146), (205, 150, 108), (160, 108, 74), (116, 76, 54))
HAIR = ((46, 34, 32), (96, 58, 36), (150, 92, 44), (222, 178, 84), (186, 72, 40))
CLOTHES: tuple[Colour, ...] = (
    (208, 52, 60),
    (240, 130, 40),
    (248, 198, 60),
    (70, 150, 90),
    (50, 110, 190),
    (110, 80, 170),
    (226, 110, 150),
    (40, 160, 170),
    (240, 236, 224),
)
TROUSERS = ((44, 56, 96), (70, 62, 60), (120, 92, 66), (36, 40, 52), (88, 104, 128))
SHOES: tuple[Colour, ...] = ((60, 40, 36), (36, 34, 44), (150, 60, 50), (238, 232, 224))


def _arms(
    pen: Pen, sleeve: Colour, skin: Colour, x: float, y: float, r: float, size: float
) -> None:
    for side in (-1, 1):
        pose = pen.dice.weighted({"down": 6.0, "hip": 2.0, "wave": 1.5, "out": 2.0})
        dx, dy, hx, hy = {
            "down": (0.10, -0.42, 0.14, -0.80),
            "hip": (0.34, -0.32, 0.06, -0.62),
            "wave": (0.32, 0.06, 0.44, 0.46),
            "out": (0.30, -0.26, 0.60, -0.44),
        }[pose]
        elbow = (side * (x + dx * size), y + dy * size)
        hand = (side * (x + hx * size), y + hy * size)
        pen.limb(skin, elbow, r * 0.85, hand, r * 0.75)
        pen.oval(skin, hand[0], hand[1], r * 1.1, r * 1.1)
        pen.limb(sleeve, (side * x, y), r * 1.15, elbow, r)


def _face(pen: Pen, skin: Colour, y: float, r: float) -> None:
    pen.oval(skin, 0, y, r * 0.92, r)
    for side in (-1, 1):
        pen.oval((35, 28, 32), side * r * 0.36, y + r * 0.08, r * 0.13, r * 0.16)
        pen.oval(dark(skin, 0.08), side * r * 0.9, y, r * 0.16, r * 0.2)
        pen.oval((236, 130, 120), side * r * 0.52, y - r * 0.3, r * 0.17, r * 0.11)
    pen.limb((170, 56, 60), (-r * 0.22, y - r * 0.5), r * 0.06, (r * 0.22, y - r * 0.5), r * 0.06)


def _legs(pen: Pen, colour: Colour, top: float, x: float, r: float, step: float) -> None:
    shoe = pen.dice.pick(SHOES)
    for side in (-1, 1):
        foot = side * (x + step)
        pen.limb(colour, (side * x, top), r * 1.15, (foot, 0.05), r * 0.9)
        pen.oval(shoe, foot + side * 0.02, 0.028, r * 1.5, 0.03)


def man(pen: Pen) -> None:
    """Draw a man in trousers, with a beard or a hat or both."""
    dice, skin, hair = pen.dice, pen.dice.pick(SKIN), pen.dice.pick(HAIR)
    shirt, trousers = pen.colour(CLOTHES), pen.colour(TROUSERS)
    _legs(pen, trousers, 0.46, 0.062, 0.056, dice.real(0.0, 0.07))
    pen.blob(shirt, "-.18,.84 .18,.84 .13,.58 .15,.4 -.15,.4 -.13,.58")
    pen.box(dark(trousers, 0.5), -0.115, 0.44, 0.115, 0.47)
    if dice.chance(0.5):
        pen.poly(light(shirt, 0.7), (-0.045, 0.81), (0.045, 0.81), (0.0, 0.72))
        pen.poly(dice.pick(CLOTHES), "-.014,.77 .014,.77 .024,.58 0,.54 -.024,.58")
    _arms(pen, dark(shirt, 0.12), skin, 0.14, 0.765, 0.038, 0.40)
    pen.box(dark(skin, 0.12), -0.035, 0.79, 0.035, 0.85)
    beard, hat = dice.chance(0.7), dice.chance(0.6)
    pen.oval(hair, 0, 0.915, 0.083, 0.088)
    _face(pen, skin, 0.895, 0.082)
    if beard or not hat:
        pen.blob(hair, "-.085,.9 -.05,.875 0,.885 .05,.875 .085,.9 .07,.8 0,.765 -.07,.8")
        pen.oval((170, 60, 60), 0, 0.855, 0.022, 0.009)
    if hat:
        felt = pen.colour(TROUSERS)
        pen.blob(felt, (-0.085, 0.93), (-0.08, 1.06), (0.08, 1.06), (0.085, 0.93))
        pen.box(dark(felt, 0.5), -0.078, 0.945, 0.078, 0.97)
        pen.limb(felt, (-0.12, 0.94), 0.016, (0.12, 0.94), 0.016)
    else:
        pen.blob(hair, "-.095,.9 -.09,1.01 .09,1.01 .095,.9 .04,.95 -.04,.95")


def woman(pen: Pen) -> None:
    """Draw a woman in a long dress, with long hair."""
    dice, skin, hair = pen.dice, pen.dice.pick(SKIN), pen.dice.pick(HAIR)
    dress = pen.colour(CLOTHES)
    flow = dice.real(0.56, 0.64)
    pen.blob(
        hair,
        "-.12,.95 -.07,1.02 .07,1.02 .12,.95",
        (0.15, flow),
        (0.06, flow - 0.03),
        (-0.06, flow - 0.03),
        (-0.15, flow),
    )
    for x in (-0.05, 0.05):
        pen.oval(dice.pick(SHOES), x, 0.025, 0.05, 0.028)
    hem = dice.real(0.18, 0.25)
    pen.poly(
        dress,
        (-0.065, 0.60),
        (0.065, 0.60),
        (hem * 0.8, 0.25),
        (hem, 0.05),
        (0, 0.03),
        (-hem, 0.05),
        (-hem * 0.8, 0.25),
    )
    for share in (-0.6, -0.15, 0.35):
        pen.limb(dark(dress, 0.16), (share * 0.08, 0.52), 0.006, (share * hem, 0.07), 0.014)
    pen.poly(
        light(dress, 0.5),
        (-hem * 0.97, 0.09),
        (hem * 0.97, 0.09),
        (hem, 0.05),
        (0, 0.03),
        (-hem, 0.05),
    )
    pen.blob(dress, "-.15,.84 .15,.84 .075,.62 .09,.52 -.09,.52 -.075,.62")
    pen.box(dark(dress, 0.5), -0.072, 0.575, 0.072, 0.60)
    _arms(pen, light(dress, 0.15), skin, 0.105, 0.765, 0.028, 0.38)
    pen.box(dark(skin, 0.1), -0.028, 0.78, 0.028, 0.85)
    _face(pen, skin, 0.895, 0.078)
    pen.blob(hair, "-.105,.84 -.11,1.02 .11,1.02 .105,.84 .07,.95 0,.965 -.07,.95")
    for side in (-1, 1):
        pen.limb(hair, (side * 0.082, 0.93), 0.026, (side * 0.105, 0.70), 0.03)


def girl(pen: Pen) -> None:
    """Draw a girl in a short flared dress, with two pigtails."""
    dice, skin, hair = pen.dice, pen.dice.pick(SKIN), pen.dice.pick(HAIR)
    dress = pen.colour(CLOTHES)
    bow = pen.colour(CLOTHES)
    _legs(pen, skin, 0.30, 0.07, 0.034, dice.real(0.0, 0.03))
    for side in (-1, 1):
        pen.blob(hair, *moved(".14,.92 .3,.93 .34,.7 .25,.58 .2,.76", width=side))
    hem = dice.real(0.24, 0.30)
    pen.poly(
        dress,
        (-0.10, 0.64),
        (0.10, 0.64),
        (hem, 0.26),
        (hem * 0.5, 0.235),
        (0, 0.26),
        (-hem * 0.5, 0.235),
        (-hem, 0.26),
    )
    for x, y in ((-0.12, 0.35), (0.0, 0.42), (0.12, 0.34), (-0.06, 0.5), (0.06, 0.53), (0.0, 0.31)):
        pen.oval(light(dress, 0.65), x, y, 0.02, 0.02)
    _arms(pen, dark(dress, 0.12), skin, 0.11, 0.605, 0.034, 0.36)
    pen.oval(hair, 0, 0.83, 0.172, 0.168)
    _face(pen, skin, 0.80, 0.155)
    pen.blob(hair, "-.175,.8 -.18,1.03 .18,1.03 .175,.8 .09,.9 0,.93 -.09,.9")
    for side in (-1, 1):
        pen.oval(bow, side * 0.185, 0.90, 0.045, 0.05)


def boy(pen: Pen) -> None:
    """Draw a boy in a striped shirt, shorts and a cap."""
    dice, skin, hair = pen.dice, pen.dice.pick(SKIN), pen.dice.pick(HAIR)
    shirt, shorts, cap = pen.colour(CLOTHES), pen.colour(TROUSERS), pen.colour(CLOTHES[:6])
    step = dice.real(0.0, 0.05)
    _legs(pen, skin, 0.28, 0.08, 0.038, step)
    for side in (-1, 1):
        pen.limb(shorts, (side * 0.07, 0.36), 0.075, (side * (0.085 + step * 0.4), 0.24), 0.068)
    pen.blob(shirt, "-.19,.69 .19,.69 .15,.5 .17,.31 -.17,.31 -.15,.5")
    for y in (0.42, 0.52):
        pen.box(light(shirt, 0.6), -0.128, y, 0.128, y + 0.045)
    _arms(pen, dark(shirt, 0.12), skin, 0.145, 0.61, 0.04, 0.36)
    pen.oval(hair, 0, 0.82, 0.16, 0.155)
    _face(pen, skin, 0.80, 0.15)
    pen.blob(cap, (-0.18, 0.83), (-0.18, 1.04), (0.18, 1.04), (0.18, 0.83), (0, 0.86))
    pen.limb(dark(cap, 0.3), (0.02, 0.875), 0.026, (0.25, 0.855), 0.018)
    pen.oval(light(cap, 0.5), 0, 0.985, 0.02, 0.015)
