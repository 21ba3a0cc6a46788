"""Captions: what is in a scene, in a small closed set of words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from zeroseg.drawn.dice import Dice
from zeroseg.drawn.world import FINE_NAMES, STUFF

PLURALS: dict[str, str] = {
    **{name: f"{name}s" for name in FINE_NAMES},
    "man": "men",
    "woman": "women",
    "puppy": "puppies",
    "tabby": "tabbies",
    "calf": "calves",
    "pony": "ponies",
    "wine bottle": "wine bottles",
    "cactus": "cacti",
}
"""Fine name -> its plural."""

NUMBERS: dict[int, str] = {2: "two", 3: "three", 4: "four", 5: "five"}

GROUNDS: dict[str, str] = {
    "water": "on the water",
    "grass": "on the grass",
    "road": "on the road",
    "floor": "on the floor",
}
"""Stuff to stand or float on -> its phrase."""

BACKS: dict[str, str] = {
    "sky": "under the sky",
    "building": "in front of a building",
    "tree": "near a tree",
    "wall": "by the wall",
    "mountain": "below a mountain",
}
"""Stuff behind things -> its phrase."""

PREFIXES: dict[str, str] = {
    "flat": "a picture of",
    "ink": "an ink drawing of",
    "watercolour": "a watercolour of",
    "oil": "an oil painting of",
    "pointillist": "a painting in dots of",
    "pastel": "a pastel drawing of",
    "poster": "a poster of",
}
"""Style -> the words that may open a caption."""

WORDS: frozenset[str] = frozenset(
    " ".join(
        (
            *FINE_NAMES,
            *PLURALS.values(),
            *NUMBERS.values(),
            *GROUNDS.values(),
            *BACKS.values(),
            *PREFIXES.values(),
            *STUFF,
            "a an and",
        )
    ).split()
)
"""Every word that a caption can contain."""


class Described(Protocol):
    """What a caption needs to know of a region."""

    @property
    def name(self) -> str:
        """The fine name of a thing or the name of a stuff."""

    @property
    def thing(self) -> bool:
        """Whether the region is a thing."""

    @property
    def area(self) -> int:
        """How many pixels are visible."""


def counted(name: str, count: int) -> str:
    """Return e.g. "an armchair" or "two kittens"."""
    if count > 1:
        return f"{NUMBERS[count]} {PLURALS[name]}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def listed(parts: list[str]) -> str:
    """Return the parts joined with commas and a last "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def caption(regions: Iterable[Described], ground: str, style: str, dice: Dice) -> str:
    """Return a caption for a scene.

    Args:
        regions: The visible regions.
        ground: The stuff on which most things stand.
        style: How the picture is painted.
        dice: Where the choice of phrases comes from.
    """
    regions = list(regions)
    names = [region.name for region in regions if region.thing]
    stuff = {region.name: region.area for region in regions if not region.thing}
    backs = {name: float(area) for name, area in stuff.items() if name in BACKS}
    grounds = [name for name in stuff if name in GROUNDS]
    ground = ground if ground in grounds else max(grounds, key=lambda name: stuff[name], default="")
    back = dice.weighted(backs) if backs else ""
    if names:
        text = listed([counted(n, names.count(n)) for n in FINE_NAMES if n in names])
        use_back = not ground or (bool(back) and dice.chance(0.3))
        phrase = BACKS.get(back, "") if use_back else GROUNDS[ground]
    else:
        text = ground if ground in ("grass", "water") else counted(ground or back, 1)
        phrase = BACKS.get(back, "") if ground else ""
    opening = PREFIXES[style] if dice.chance(0.3) else ""
    return " ".join(part for part in (opening, text, phrase) if part)
