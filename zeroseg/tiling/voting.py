"""Whether as many windows show a thing as would have to and do not."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.tiling.joining import SAME, joined
from zeroseg.tiling.sighting import Sighting, area, inside, overlap
from zeroseg.tiling.windows import Box, Window

FITS = 0.3, 0.8
"""Least and most of a window's side that a thing takes up where the window should show it."""


def believed(
    found: Sequence[Sighting], windows: Sequence[Window], seen: Sequence[Sighting]
) -> list[Sighting]:
    """Sightings without those of upper levels that more windows speak against than for.

    A window speaks for a thing if it shows one of that class there, and against it if the thing
    lies in it and fits it well, and it shows none. The sun in the clouds is a bird to one window.

    Args:
        found: Sightings.
        windows: All that were looked at.
        seen: All that these show.
    """
    kept = list(found)
    while True:
        best = [region[0] for region in joined(kept).regions if len(region) == 1]
        doubted = [own for own in best if own.window.level > 0 and _outvoted(own, windows, seen)]
        if not doubted:
            return kept
        kept = [own for own in kept if not any(_alike(own, other) for other in doubted)]


def _outvoted(own: Sighting, windows: Sequence[Window], seen: Sequence[Sighting]) -> bool:
    """Whether more windows speak against a sighting than for it, its own with these."""
    asked = {window for window in windows if _fits(own.box, window)} | {own.window}
    against = asked - {other.window for other in seen if _alike(own, other)}
    return 2 * len(against) > len(asked)


def _alike(one: Sighting, other: Sighting) -> bool:
    return one.key == other.key and overlap(one.box, other.box) > SAME


def _fits(box: Box, window: Window) -> bool:
    """Whether a window shows a box whole, and neither too small nor too large."""
    least, most = (share * max(window.size) for share in FITS)
    side = max(box[2] - box[0], box[3] - box[1])
    return least <= side <= most and area(inside(box, window.box)) > 0.98 * area(box)
