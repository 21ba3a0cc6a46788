"""A second look: windows around what the first ones cut, or what one of them alone has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zeroseg.tiling.joining import hull, joined
from zeroseg.tiling.sighting import Sighting, overlap
from zeroseg.tiling.windows import Box, Tiling, Window

ROOM = 1.5
"""Side of a window around a box, in sides of the box."""
ROUNDS = 2
"""What a second look shows that the first ones did not, is looked at again, so often."""
AGREES = 0.6
"""A sighting confirms another one from this IoU of their boxes on."""
ABOUT = 0.3
"""What a second look shows is about a box from this IoU on; it is not asked about the rest."""

Look = Callable[[Sequence[Window]], list[Sighting]]
"""What is seen in some windows."""


def looked_again(
    seen: Sequence[Sighting], look: Look, tiling: Tiling, size: tuple[int, int]
) -> list[Sighting]:
    """Sightings without those of large things that only one window shows, and with second looks.

    A thing that borders cut in all windows is looked at in one whose middle it is; where that
    shows more of it, but not all, in another one. So is one that was found at an upper level and in
    one window alone: there a slope may look like an animal, and does not from another place,
    whereas what is there is found again.

    Args:
        seen: What the first windows show.
        look: Looks at others.
        tiling: How the picture is cut.
        size: (height, width) of the picture.
    """
    found, asked = list(seen), set[Window]()
    for _ in range(ROUNDS):
        cut = [hull(group) for group in joined(found).pieces]
        cut = [box for box in cut if _window(box, tiling, size) not in asked]
        found += _about(cut, look, tiling, size)
        asked |= {_window(box, tiling, size) for box in cut}
    for _ in range(ROUNDS):
        alone = [own for own in _doubtful(found) if _window(own.box, tiling, size) != own.window]
        found += _about([own.box for own in alone], look, tiling, size)
        gone = {id(own) for own in alone if not _confirmed(own, found)}
        found = [own for own in found if id(own) not in gone]
    return found


def _about(
    boxes: Sequence[Box], look: Look, tiling: Tiling, size: tuple[int, int]
) -> list[Sighting]:
    """What windows around boxes show of what is in these."""
    windows = dict.fromkeys(_window(box, tiling, size) for box in boxes)
    found = look(sorted(windows, key=lambda window: window.size)) if windows else []
    return [own for own in found if any(overlap(own.box, box) > ABOUT for box in boxes)]


def _window(box: Box, tiling: Tiling, size: tuple[int, int]) -> Window:
    return tiling.around(box, ROOM, size)


def _doubtful(seen: Sequence[Sighting]) -> list[Sighting]:
    """Regions of upper levels that one window alone shows."""
    regions = joined(seen).regions
    best = [region[0] for region in regions if len(region) == 1 and region[0].window.level > 0]
    return [own for own in best if not _confirmed(own, seen)]


def _confirmed(own: Sighting, seen: Sequence[Sighting]) -> bool:
    """Whether another window shows the same thing whole."""
    others = (other for other in seen if other.key == own.key and not other.cut)
    return any(o.window != own.window and overlap(o.box, own.box) > AGREES for o in others)
