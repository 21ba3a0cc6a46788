"""What windows saw, joined into the regions of their picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torchvision.ops import box_iou

from zeroseg.tiling.sighting import Key, Sighting, area, boxes_of, inside, overlap, share_within
from zeroseg.tiling.windows import Box

SAME = 0.5
"""Two boxes whose IoU is above this are of one thing."""
COVERED = 0.6
"""A piece of which more than this lies in a whole region is part of that."""
LARGER = 4
"""A region with more times a piece's area says nothing about a piece of another class: it may be
the ground on which that stands."""


@dataclass(frozen=True)
class Joined:
    """What a picture's sightings are of.

    Attributes:
        regions: The sightings of each region, the best regions first, and of a region the best
            sighting. No border of a window cuts any of them.
        pieces: Groups of sightings that borders cut, of things that nothing shows whole; some are
            regions all the same, see `joined`.
    """

    regions: list[list[Sighting]]
    pieces: list[list[Sighting]]


def joined(seen: Sequence[Sighting]) -> Joined:
    """Put together what several windows show.

    Of sightings that nothing cuts and that are of one thing, the best one stays. A piece that lies
    within something of its class that another window shows whole is part of that; so it is if a
    better one of another class and of like size is there. Pieces of the first level in neighbouring
    windows that agree where these overlap are one, and a region if every border that cuts one is
    inside another: so are things seen that are too thin to be seen from further away. Pieces of
    upper levels are left out: whatever is large is whole at one of them.
    """
    ranked = sorted(seen, key=lambda own: -own.score)
    whole = _thinned([own for own in ranked if not own.cut])
    by_class: dict[Key, list[Sighting]] = defaultdict(list)
    for own in ranked:
        if own.cut and own.window.level == 0:
            by_class[own.key].append(own)
    groups = [group for pieces in by_class.values() for group in _grouped(pieces)]
    left = [group for group in groups if not any(_covers(o, group) for o in _around(whole, group))]
    chains = [group for group in left if _complete(group)]
    regions = sorted([*([own] for own in whole), *chains], key=lambda region: -region[0].score)
    return Joined(regions, left)


def hull(sightings: Sequence[Sighting]) -> Box:
    """The box around some sightings."""
    x1, y1, x2, y2 = zip(*(own.box for own in sightings), strict=True)
    return min(x1), min(y1), max(x2), max(y2)


def _thinned(ranked: list[Sighting]) -> list[Sighting]:
    """Without those that a better one is of the same thing as.

    A window may show a thing under two names, as detectors may; of several, the best one names it.
    """
    same = box_iou(boxes_of(ranked), boxes_of(ranked)) > SAME
    kept: list[int] = []
    for i, own in enumerate(ranked):
        rivals = (ranked[j] for j in kept if bool(same[i, j]))
        if not any(own.key == other.key or own.window != other.window for other in rivals):
            kept.append(i)
    return [ranked[i] for i in kept]


def _grouped(pieces: Sequence[Sighting]) -> list[list[Sighting]]:
    """Pieces of one region together, the best of each first."""
    groups: list[list[Sighting]] = []
    for piece in pieces:
        meeting = [own for own in groups if any(_meet(piece, other) for other in own)]
        merged = [own for group in meeting for own in group] + [piece]
        groups = [own for own in groups if all(own is not other for other in meeting)]
        groups.append(sorted(merged, key=lambda own: -own.score))
    return groups


def _meet(one: Sighting, other: Sighting) -> bool:
    """Whether two pieces are the same where their windows overlap."""
    common = one.window.shared(other.window)
    if common is None:
        return False
    return overlap(inside(one.box, common.box), inside(other.box, common.box)) > SAME


def _complete(group: Sequence[Sighting]) -> bool:
    """Whether each piece goes on in another one wherever a border cuts it."""
    return all(_goes_on(own, side, group) for own in group for side in range(4) if own.ends[side])


def _goes_on(piece: Sighting, side: int, group: Sequence[Sighting]) -> bool:
    """Whether a piece is cut at a side, left, top, right or bottom, where another one is not."""
    outwards = -1 if side < 2 else 1
    border = piece.window.box[side]
    further = (own for own in group if (own.window.box[side] - border) * outwards > 0)
    return any(_meet(piece, own) for own in further)


def _around(whole: list[Sighting], pieces: Sequence[Sighting]) -> Iterator[Sighting]:
    """Those of some regions that may cover pieces, by their boxes."""
    x1, y1, x2, y2 = boxes_of(whole).unbind(1)
    left, top, right, bottom = hull(pieces)
    near = (x1 < right) & (x2 > left) & (y1 < bottom) & (y2 > top)
    return (whole[i] for i in torch.arange(len(whole))[near].tolist())


def _covers(region: Sighting, pieces: Sequence[Sighting]) -> bool:
    """Whether most of some pieces is part of a region: by their masks, or else their boxes."""
    best, total = pieces[0], sum(area(own.box) for own in pieces)
    other = region.key != best.key
    if other and (region.score < best.score or area(region.box) > LARGER * area(hull(pieces))):
        return False
    return sum(area(own.box) * _share(region, own) for own in pieces) > COVERED * total


def _share(region: Sighting, piece: Sighting) -> float:
    """How much of a piece lies within a region."""
    by_box = area(inside(region.box, piece.box)) / max(area(piece.box), 1e-6)
    return by_box if by_box <= COVERED else min(by_box, share_within(region, piece))
