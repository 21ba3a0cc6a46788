"""How each fine name is drawn, how large it is, and where it belongs."""

from __future__ import annotations

from collections.abc import Callable

from zeroseg.drawn import farm, goods, people, pets
from zeroseg.drawn.dice import Colour, Dice
from zeroseg.drawn.pen import Pen

DRAWINGS: dict[str, tuple[Callable[[Pen], None], float, float]] = {
    "man": (people.man, 0.46, 0.75),
    "woman": (people.woman, 0.45, 0.73),
    "girl": (people.girl, 0.36, 0.58),
    "boy": (people.boy, 0.36, 0.58),
    "hound": (pets.hound, 0.28, 0.46),
    "puppy": (pets.puppy, 0.25, 0.42),
    "tabby": (pets.tabby, 0.28, 0.44),
    "kitten": (pets.kitten, 0.25, 0.42),
    "seagull": (pets.seagull, 0.24, 0.40),
    "parrot": (pets.parrot, 0.28, 0.46),
    "duck": (pets.duck, 0.24, 0.38),
    "rowboat": (goods.rowboat, 0.16, 0.26),
    "sailboat": (goods.sailboat, 0.40, 0.72),
    "wine bottle": (goods.wine_bottle, 0.34, 0.56),
    "flask": (goods.flask, 0.28, 0.48),
    "stool": (goods.stool, 0.27, 0.46),
    "armchair": (goods.armchair, 0.34, 0.56),
    "bull": (farm.bull, 0.36, 0.54),
    "calf": (farm.calf, 0.33, 0.52),
    "stallion": (farm.stallion, 0.48, 0.74),
    "pony": (farm.pony, 0.35, 0.52),
    "ram": (farm.ram, 0.34, 0.52),
    "lamb": (farm.lamb, 0.28, 0.46),
    "vase": (goods.vase, 0.32, 0.54),
    "cactus": (goods.cactus, 0.32, 0.56),
    "taxi": (goods.taxi, 0.26, 0.40),
    "van": (goods.van, 0.32, 0.50),
    "bike": (goods.bike, 0.32, 0.50),
    "stoplight": (goods.stoplight, 0.44, 0.74),
    "desk": (goods.desk, 0.30, 0.48),
    "parasol": (goods.parasol, 0.46, 0.74),
}
"""Fine name -> (drawing, least height, greatest height), heights as shares of the shorter side."""


def draw_object(name: str, dice: Dice, avoid: Colour, afloat: bool, airborne: bool) -> Pen:
    """Return the drawing of one thing in its own units.

    Args:
        name: A fine name.
        dice: Where pose, proportions and colours come from.
        avoid: Colour of the surroundings.
        afloat: Whether it lies on water.
        airborne: Whether it flies.
    """
    pen = Pen(dice, avoid, afloat, airborne)
    DRAWINGS[name][0](pen)
    return pen
