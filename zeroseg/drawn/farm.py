"""Drawings of cows, horses and sheep."""

from __future__ import annotations

from zeroseg.drawn.dice import Colour, dark, light
from zeroseg.drawn.pen import Pen, moved

BULLS: tuple[Colour, ...] = ((62, 44, 42), (44, 42, 52), (98, 54, 38))
STALLIONS: tuple[Colour, ...] = ((142, 74, 38), (60, 44, 44), (104, 58, 38), (176, 104, 54))
PONIES: tuple[Colour, ...] = ((232, 194, 132), (216, 212, 206), (206, 150, 92))
BLANKETS: tuple[Colour, ...] = ((210, 50, 60), (50, 110, 200), (120, 70, 170), (250, 190, 50))
HOOF: Colour = (50, 42, 42)


def _leg(pen: Pen, coat: Colour, x: float, top: float, r: float, turn: float) -> None:
    knee = (x + turn * 0.6, top * 0.45)
    foot = (x + turn, 0.05)
    pen.limb(coat, (x, top), r * 1.35, knee, r * 0.85)
    pen.limb(coat, knee, r * 0.85, foot, r * 0.75)
    pen.box(HOOF, foot[0] - r * 0.95, 0.0, foot[0] + r * 0.95, 0.06)


def bull(pen: Pen) -> None:
    """Draw a massive dark bull with a hump, horns and a nose ring."""
    coat = pen.colour(BULLS)
    shade, step = dark(coat, 0.3), pen.dice.real(-0.05, 0.06)
    _leg(pen, shade, -0.44, 0.36, 0.065, step)
    _leg(pen, shade, 0.26, 0.36, 0.065, -step)
    pen.path(coat, 0.022, (-0.66, 0.76), (-0.76, 0.60), (-0.74, 0.36))
    pen.oval(shade, -0.74, 0.30, 0.045, 0.08)
    pen.blob(
        coat, "-.74,.82 -.36,.8 -.02,.82 .22,1.02 .52,.86 .56,.44 .32,.24 -.06,.34 -.46,.3 -.74,.46"
    )
    pen.blob(light(coat, 0.13), "-.5,.76 -.1,.74 .2,.9 .26,.72 -.1,.62 -.46,.66")
    _leg(pen, coat, -0.54, 0.40, 0.075, -step)
    _leg(pen, coat, 0.36, 0.38, 0.075, step)
    ivory = (244, 232, 206)
    pen.path(ivory, 0.036, (0.58, 0.84), (0.54, 0.97), (0.62, 1.08))
    pen.limb(coat, (0.44, 0.66), 0.22, (0.60, 0.68), 0.16)
    pen.limb(coat, (0.64, 0.72), 0.15, (0.78, 0.50), 0.095)
    pen.oval(light(coat, 0.45), 0.81, 0.46, 0.10, 0.085)
    pen.oval(shade, 0.85, 0.48, 0.022, 0.022)
    pen.path((246, 202, 60), 0.016, (0.84, 0.42), (0.83, 0.34), (0.90, 0.35), (0.89, 0.43))
    pen.path(ivory, 0.04, (0.68, 0.84), (0.82, 0.90), (0.88, 1.05))
    pen.oval(shade, 0.50, 0.77, 0.10, 0.05, -20)
    pen.oval((250, 240, 230), 0.72, 0.67, 0.036, 0.03)
    pen.oval((150, 20, 20), 0.73, 0.67, 0.02, 0.02)


def calf(pen: Pen) -> None:
    """Draw a small white calf with dark patches, thin legs and a pink muzzle."""
    dice, patch = pen.dice, pen.dice.pick(((50, 44, 50), (146, 80, 44), (190, 112, 60)))
    coat, step = (250, 244, 234), pen.dice.real(-0.05, 0.07)
    for x, turn in ((-0.30, step), (0.20, -step)):
        _leg(pen, dark(coat, 0.22), x, 0.44, 0.045, turn)
    pen.path(coat, 0.022, (-0.46, 0.66), (-0.58, 0.52), (-0.58, 0.36))
    pen.oval(patch, -0.58, 0.30, 0.045, 0.08)
    pen.blob(coat, "-.54,.76 -.1,.72 .36,.76 .42,.48 .2,.36 -.2,.38 -.52,.44")
    shift = dice.real(-0.05, 0.05)
    pen.blob(patch, *moved("-.34,.73 -.08,.72 -.06,.52 -.26,.48 -.4,.58", shift))
    pen.blob(patch, (0.08, 0.72), (0.26, 0.73), (0.28, 0.56), (0.14, 0.54))
    pen.oval(patch, -0.43, 0.52, 0.06, 0.07)
    pen.oval(patch, 0.05, 0.43, 0.07, 0.045)
    for x, turn in ((-0.38, -step), (0.28, step)):
        _leg(pen, coat, x, 0.44, 0.05, turn)
    pen.limb(coat, (0.30, 0.62), 0.12, (0.44, 0.80), 0.10)
    pen.oval(patch, 0.30, 0.88, 0.13, 0.055, 14)
    pen.oval(coat, 0.48, 0.85, 0.16, 0.145)
    pen.blob(patch, (0.34, 0.94), (0.44, 1.01), (0.52, 0.96), (0.50, 0.80), (0.38, 0.78))
    pen.oval((244, 172, 166), 0.62, 0.76, 0.12, 0.09, -15)
    pen.oval((170, 96, 100), 0.67, 0.78, 0.02, 0.02)
    pen.oval((236, 150, 150), 0.27, 0.875, 0.07, 0.028, 14)
    pen.eye(0.53, 0.89, 0.034)


def stallion(pen: Pen) -> None:
    """Draw a tall horse with long legs, a long neck and a flowing mane and tail."""
    coat = pen.colour(STALLIONS)
    hair, shade = dark(coat, 0.62), dark(coat, 0.25)
    step = pen.dice.real(-0.05, 0.09)
    _leg(pen, shade, -0.27, 0.50, 0.04, step)
    _leg(pen, shade, 0.19, 0.48, 0.04, -step)
    pen.blob(hair, (-0.38, 0.70), (-0.54, 0.66), (-0.62, 0.30), (-0.54, 0.12), (-0.48, 0.36))
    pen.blob(coat, "-.46,.72 -.26,.75 0,.67 .26,.75 .4,.62 .32,.42 0,.42 -.28,.44 -.46,.52")
    pen.oval(light(coat, 0.2), -0.28, 0.64, 0.11, 0.06)
    _leg(pen, coat, -0.34, 0.52, 0.045, -step)
    _leg(pen, coat, 0.25, 0.50, 0.045, step)
    pen.blob(hair, ".06,.68 .12,.88 .3,1.05 .46,1.02 .4,.8 .22,.62")
    pen.blob(coat, ".1,.66 .22,.82 .34,1.02 .54,.96 .44,.74 .4,.54 .22,.5")
    for x, y in ((0.16, 0.72), (0.21, 0.82), (0.27, 0.91)):
        pen.blob(hair, *moved("-.05,.1 .07,.07 .05,-.08 -.06,-.04", x, y))
    for x in (0.36, 0.43):
        pen.poly(coat, (x - 0.035, 0.97), (x, 1.10), (x + 0.045, 0.97))
    pen.limb(coat, (0.45, 0.94), 0.085, (0.64, 0.77), 0.052)
    pen.oval(shade, 0.665, 0.75, 0.045, 0.05, 40)
    if pen.dice.chance(0.5):
        pen.limb((250, 244, 234), (0.53, 0.95), 0.016, (0.64, 0.84), 0.014)
    pen.blob(hair, (0.36, 1.05), (0.48, 1.05), (0.54, 0.94), (0.44, 0.97))
    pen.eye(0.50, 0.925, 0.022)
    pen.oval((30, 24, 28), 0.675, 0.765, 0.012, 0.012)


def pony(pen: Pen) -> None:
    """Draw a stout pale pony with short legs, a big shaggy mane and a blanket."""
    coat = pen.colour(PONIES)
    shade, hair = dark(coat, 0.2), pen.dice.pick(((250, 240, 214), (112, 74, 50), (86, 70, 70)))
    step = pen.dice.real(-0.03, 0.05)
    _leg(pen, shade, -0.30, 0.32, 0.06, step)
    _leg(pen, shade, 0.22, 0.32, 0.06, -step)
    pen.blob(hair, "-.44,.7 -.64,.7 -.78,.3 -.7,.02 -.5,.04 -.52,.4")
    pen.blob(coat, "-.6,.72 -.1,.68 .4,.74 .48,.4 .24,.22 -.24,.2 -.6,.36")
    _leg(pen, coat, -0.40, 0.34, 0.07, -step)
    _leg(pen, coat, 0.30, 0.34, 0.07, step)
    pen.blob(coat, (0.08, 0.62), (0.34, 0.94), (0.58, 0.90), (0.50, 0.52), (0.30, 0.40))
    cloth = pen.colour(BLANKETS)
    pen.poly(cloth, (-0.26, 0.705), (0.02, 0.695), (0.04, 0.42), (-0.28, 0.42))
    pen.poly(light(cloth, 0.6), (-0.277, 0.47), (0.037, 0.47), (0.04, 0.42), (-0.28, 0.42))
    for x in (0.36, 0.46):
        pen.poly(coat, (x - 0.045, 0.90), (x + 0.01, 1.05), (x + 0.06, 0.90))
    pen.limb(coat, (0.48, 0.82), 0.135, (0.66, 0.62), 0.085)
    pen.oval(light(coat, 0.45), 0.69, 0.58, 0.085, 0.075)
    pen.oval(dark(coat, 0.55), 0.725, 0.60, 0.016, 0.016)
    pen.blob(hair, ".4,.98 .16,.88 .06,.6 .14,.4 .3,.5 .36,.74")
    pen.blob(hair, (0.36, 1.0), (0.54, 0.99), (0.64, 0.80), (0.50, 0.84))
    pen.eye(0.545, 0.77, 0.034)


def _wool(pen: Pen, colour: Colour, x: float, y: float, rx: float, ry: float) -> None:
    pen.oval(dark(colour, 0.14), x, y - ry * 0.12, rx * 1.02, ry)
    pen.oval(colour, x, y, rx * 0.92, ry * 0.92)
    for u, v in (
        (-0.86, 0.1),
        (-0.6, 0.62),
        (-0.16, 0.84),
        (0.3, 0.8),
        (0.7, 0.5),
        (0.88, -0.02),
        (-0.72, -0.45),
        (0.66, -0.5),
    ):
        tone = colour if v > -0.3 else dark(colour, 0.12)
        pen.oval(tone, x + u * rx, y + v * ry, rx * 0.3, ry * 0.36)
    for u, v in ((-0.45, 0.2), (0.05, 0.36), (0.4, 0.0), (-0.1, -0.25)):
        pen.oval(dark(colour, 0.13), x + u * rx, y + v * ry - ry * 0.05, rx * 0.17, ry * 0.16)
        pen.oval(light(colour, 0.4), x + u * rx, y + v * ry, rx * 0.16, ry * 0.14)


def ram(pen: Pen) -> None:
    """Draw a heavy woolly ram with big curled horns and a tan face."""
    wool = pen.colour(((228, 212, 178), (206, 192, 172), (172, 146, 120)))
    face, horn, step = (172, 122, 84), (238, 198, 120), pen.dice.real(-0.04, 0.05)
    for x, turn in ((-0.36, step), (0.22, -step)):
        _leg(pen, dark(face, 0.3), x, 0.30, 0.05, turn)
    _wool(pen, wool, -0.10, 0.56, 0.52, 0.32)
    for x, turn in ((-0.42, -step), (0.26, step)):
        _leg(pen, face, x, 0.28, 0.052, turn)
    pen.oval(wool, 0.34, 0.70, 0.20, 0.20)
    pen.limb(face, (0.44, 0.78), 0.14, (0.66, 0.58), 0.085)
    pen.oval(dark(face, 0.4), 0.70, 0.55, 0.05, 0.045)
    pen.eye(0.58, 0.77, 0.028)
    pen.oval(wool, 0.46, 0.92, 0.13, 0.07)
    pen.oval(dark(horn, 0.3), 0.36, 0.73, 0.19, 0.20)
    pen.oval(horn, 0.36, 0.74, 0.175, 0.18)
    pen.oval(dark(horn, 0.4), 0.37, 0.72, 0.105, 0.11)
    pen.oval(horn, 0.38, 0.72, 0.08, 0.08)
    pen.oval(dark(horn, 0.45), 0.385, 0.715, 0.035, 0.035)
    pen.limb(horn, (0.36, 0.56), 0.04, (0.50, 0.52), 0.012)


def lamb(pen: Pen) -> None:
    """Draw a small white lamb with a big dark face and dark legs."""
    wool, face = pen.dice.vary((252, 250, 244), 4), pen.dice.pick(((58, 50, 58), (92, 70, 62)))
    step = pen.dice.real(-0.06, 0.08)
    for x, turn in ((-0.24, step), (0.12, -step)):
        pen.limb(dark(face, 0.3), (x, 0.36), 0.045, (x + turn, 0.03), 0.04)
    pen.oval(wool, -0.44, 0.56, 0.09, 0.075, -20)
    _wool(pen, wool, -0.08, 0.52, 0.37, 0.25)
    for x, turn in ((-0.30, -step), (0.18, step)):
        pen.limb(face, (x, 0.34), 0.05, (x + turn, 0.04), 0.045)
    for side in (-1, 1):
        x = 0.34 + side * 0.22
        pen.oval(face, x, 0.78, 0.12, 0.05, side * -24)
        pen.oval((236, 150, 156), x, 0.775, 0.075, 0.025, side * -24)
    pen.blob(face, ".14,.92 .54,.92 .53,.62 .42,.48 .26,.48 .15,.62")
    for x, y in ((0.22, 0.90), (0.34, 0.95), (0.46, 0.90), (0.34, 0.87)):
        pen.oval(wool, x, y, 0.09, 0.075)
    for side in (-1, 1):
        pen.oval((250, 250, 250), 0.34 + side * 0.09, 0.74, 0.042, 0.048)
        pen.oval((20, 20, 24), 0.35 + side * 0.09, 0.735, 0.024, 0.028)
    pen.oval((240, 160, 164), 0.34, 0.58, 0.045, 0.03)
