"""What windows found, joined into the regions of their picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torchvision.ops import box_iou

from zeroseg.tiling.sampling import sampled
from zeroseg.tiling.tiled_masks import TiledMasks
from zeroseg.tiling.windows import Window
from zeroseg.values import Detections, Geometry, Masks

NEAR = 1 / 64
"""A box that ends nearer to its window's border than this share of its side is cut by it."""
SAME = 0.5
"""Two boxes of a class whose IoU is above this are of one thing."""
COVERED = 0.6
"""A piece of which more than this lies in a whole region is part of that."""

Box = tuple[float, float, float, float]
"""x1 y1 x2 y2."""

Key = tuple[int, str]
"""A class; of what has none, its phrase."""


@dataclass
class Sighting:
    """One region, or a piece of one, as it was seen in one window.

    Attributes:
        window: The window.
        box: In pixels of the picture.
        score: Its score.
        key: What it is one of.
        source: The detections of the window, and its position among them.
        cut: Whether the window's border cuts it.
    """

    window: Window
    box: Box
    score: float
    key: Key
    source: tuple[Detections, int]
    cut: bool


def sightings(window: Window, found: Detections, size: tuple[int, int]) -> Iterator[Sighting]:
    """What was found in a window of a picture of a size (height, width)."""
    corner = torch.tensor([window.left, window.top] * 2)
    left, top, right, bottom = window.box
    near = NEAR * max(window.size)
    boxes = found.boxes.cpu() + corner
    scores, labels = found.scores.tolist(), found.labels.tolist()
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        cut = (left > 0 and x1 < left + near) or (top > 0 and y1 < top + near)
        cut |= (right < size[1] and x2 > right - near) or (bottom < size[0] and y2 > bottom - near)
        key = (labels[i], "" if labels[i] >= 0 else found.phrases[i])
        yield Sighting(window, (x1, y1, x2, y2), scores[i], key, (found, i), cut)


def joined(seen: Sequence[Sighting]) -> list[list[Sighting]]:
    """The sightings of each region, the best regions first, and of a region the best sighting.

    Of two sightings of a class that nothing cuts and that are of one thing, the better one stays.
    A piece that lies within something that another window shows whole, of whatever class, is left
    out: who saw all of it knows better, and where a piece ends, its window's border would be seen.
    So are pieces of upper levels: of the first level they may be of something too thin to be seen
    from further away. Those in neighbouring windows that agree where these overlap are one region.
    """
    by_class: dict[Key, list[Sighting]] = defaultdict(list)
    for own in sorted(seen, key=lambda own: -own.score):
        if not own.cut or own.window.level == 0:
            by_class[own.key].append(own)
    classes = list(by_class.values())
    whole = [own for ranked in classes for own in _thinned([o for o in ranked if not o.cut])]
    groups = [own for ranked in classes for own in _grouped([o for o in ranked if o.cut])]
    left = [own for own in groups if not any(_covers(region, own) for region in whole)]
    return sorted([*([own] for own in whole), *left], key=lambda region: -region[0].score)


def _thinned(ranked: Sequence[Sighting]) -> list[Sighting]:
    """Without those that a better one is of the same thing as."""
    if not ranked:
        return []
    boxes = torch.tensor([own.box for own in ranked])
    same = box_iou(boxes, boxes) > SAME
    kept: list[int] = []
    for i in range(len(ranked)):
        if not bool(same[i, kept].any()):
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
    if common is None or one.window.level != other.window.level:
        return False
    first, second = _inside(one.box, common.box), _inside(other.box, common.box)
    both = _area(_inside(first, second))
    return both > SAME * (_area(first) + _area(second) - both)


def _covers(region: Sighting, pieces: Sequence[Sighting]) -> bool:
    """Whether most of some pieces lies within a region: by their masks, or else their boxes."""
    shares = [(_area(own.box), _share(region, own)) for own in pieces]
    total = sum(area for area, _ in shares)
    return sum(area * share for area, share in shares) > COVERED * total


def _inside(one: Box, other: Box) -> Box:
    """What two boxes have in common."""
    (x1, y1, x2, y2), (left, top, right, bottom) = one, other
    return max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _share(region: Sighting, piece: Sighting) -> float:
    """How much of a piece lies within a region."""
    by_box = _area(_inside(region.box, piece.box)) / max(_area(piece.box), 1e-6)
    if by_box <= COVERED or piece.source[0].masks is None:
        return by_box
    y, x = (_places(piece, axis) for axis in (0, 1))
    inside, under = _at(piece, y, x), _at(region, y, x)
    return float((inside & under).sum()) / max(int(inside.sum()), 1)


def _places(piece: Sighting, axis: int, count: int = 32) -> Tensor:
    """Places along a piece's box, in pixels of the picture."""
    low, high = piece.box[1 - axis], piece.box[3 - axis]
    return low + (torch.arange(count, dtype=torch.float64) + 0.5) * (high - low) / count


def _at(own: Sighting, y: Tensor, x: Tensor) -> Tensor:
    """Whether a sighting's mask is at places of the picture, (R, C) bool."""
    found, i = own.source
    assert found.masks is not None
    masks, window = found.masks, own.window
    values = sampled(masks.logits[i : i + 1], masks.geometry, y - window.top, x - window.left)[0]
    return values.cpu() > 0


def region_masks(regions: Sequence[Sequence[Sighting]], size: tuple[int, int]) -> TiledMasks:
    """The masks of regions, made of those of their sightings."""
    maps: list[tuple[Tensor, Window, Geometry]] = []
    of_region: list[tuple[int, ...]] = []
    for region in regions:
        of_region.append(tuple(range(len(maps), len(maps) + len(region))))
        for own in region:
            found, i = own.source
            assert found.masks is not None
            maps.append((found.masks.logits[i], own.window, found.masks.geometry))
    return TiledMasks.of(maps, of_region, size)


def detections_of(
    regions: Sequence[Sequence[Sighting]], size: tuple[int, int], none: Detections
) -> Detections:
    """Regions as detections of their picture.

    Args:
        regions: Best first.
        size: (height, width) of the picture.
        none: What the detector finds where there is nothing.
    """
    if not regions:
        return replace(none, masks=none.masks and no_masks(none.masks))
    best = [region[0].source for region in regions]
    boxes = torch.tensor(list(map(_hull, regions)))
    masks = None if best[0][0].masks is None else region_masks(regions, size)
    return Detections(
        boxes=boxes,
        scores=torch.tensor([region[0].score for region in regions]),
        labels=torch.stack([found.labels[i] for found, i in best]).cpu(),
        phrases=tuple(found.phrases[i] for found, i in best),
        prompt_index=torch.stack([found.prompt_index[i] for found, i in best]).cpu(),
        masks=masks,
    )


def no_masks(none: Masks) -> TiledMasks:
    """The masks of no region of a picture."""
    return TiledMasks(none.logits, Geometry.itself(none.size))


def _hull(region: Sequence[Sighting]) -> list[float]:
    """The box around all sightings of a region."""
    x1, y1, x2, y2 = zip(*(own.box for own in region), strict=True)
    return [min(x1), min(y1), max(x2), max(y2)]
