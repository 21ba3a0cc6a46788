"""Random choices and colours that come out the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Colour = tuple[int, int, int]
T = TypeVar("T")


class Dice:
    """A seeded source of choices that relies on nothing but `random.Random.random`."""

    def __init__(self, seed: str) -> None:
        """Start the sequence that belongs to the text `seed`."""
        self._random = random.Random(seed).random

    def real(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True in a `share` (0 to 1) of the calls."""
        return self._random() < share

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self._random() * len(options))]

    def weighted(self, weights: dict[T, float]) -> T:
        """Return one of the keys, each as likely as its weight."""
        rest = self._random() * sum(weights.values())
        for option, weight in weights.items():
            rest -= weight
            if rest < 0:
                return option
        return next(option for option, weight in reversed(weights.items()) if weight > 0)

    def vary(self, colour: Colour, amount: int = 14) -> Colour:
        """Return `colour` with every channel moved by up to `amount` levels."""
        return clip(*(part + self.whole(-amount, amount) for part in colour))


def clip(red: float, green: float, blue: float) -> Colour:
    """Return the nearest valid colour of whole levels from 0 to 255."""
    return (min(255, max(0, int(red))), min(255, max(0, int(green))), min(255, max(0, int(blue))))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour that lies a `share` of the way from `one` to `other`."""
    return clip(*(a + (b - a) * share for a, b in zip(one, other, strict=True)))


def dark(colour: Colour, share: float = 0.25) -> Colour:
    """Return a darker tone of `colour`."""
    return mix(colour, (25, 20, 45), share)


def light(colour: Colour, share: float = 0.3) -> Colour:
    """Return a lighter tone of `colour`."""
    return mix(colour, (255, 250, 235), share)


def distance(one: Colour, other: Colour) -> int:
    """Return how far apart two colours are, as a sum of level differences (0 to 765)."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))
