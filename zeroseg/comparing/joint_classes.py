"""The classes of two vocabularies, those of one name once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zeroseg.vocabulary import Color, Vocabulary, distinct_colors

NOTHING = "(no class)"
"""What pixels without a label are called."""


@dataclass(frozen=True)
class JointClasses:
    """A's classes, then those that B alone has, then that of pixels without a label.

    A class of B is A's where it has the name of one, or a word that means it; whatever they are
    called, one background is the other.

    Attributes:
        names: One each; the last is `NOTHING`.
        colors: Of A where it has the class, else of B, or another one where A has that, too.
        background: Indices of A's and B's, which are one.
        of_a: A's label map in indices of these, by A's own index.
        of_b: The same for B.
    """

    names: tuple[str, ...]
    colors: tuple[Color, ...]
    background: int
    of_a: NDArray[np.int64]
    of_b: NDArray[np.int64]

    @classmethod
    def of(cls, a: Vocabulary, b: Vocabulary) -> JointClasses:
        """Those of two vocabularies."""
        return _joint(a, b)


@lru_cache(maxsize=16)
def _joint(a: Vocabulary, b: Vocabulary) -> JointClasses:
    names, colors = list(a.names), list(a.colors)
    places = []
    for index, found in enumerate(a.by_name(b)):
        if found is None:
            found = len(names)
            names.append(b.names[index])
            colors.append(_free(b.colors[index], colors))
        places.append(found)
    nothing = len(names)
    return JointClasses(
        names=(*names, NOTHING),
        colors=(*colors, (0, 0, 0)),
        background=a.background,
        of_a=_table(range(len(a)), a.ignore_index, nothing),
        of_b=_table(places, b.ignore_index, nothing),
    )


def _free(wanted: Color, taken: list[Color]) -> Color:
    """The colour that is wanted, or the first of the usual ones that nothing has."""
    usual = distinct_colors(len(taken) + 2, 0)[1:]
    return next(color for color in (wanted, *usual) if color not in taken)


def _table(places: range | list[int], ignored: int, nothing: int) -> NDArray[np.int64]:
    table = np.full(ignored + 1, nothing, np.int64)
    table[: len(places)] = places
    return table
