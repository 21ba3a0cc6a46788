"""Masks whose maps lie in windows of their picture, each at the predictor's resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zeroseg.tiling.sampling import centres, sampled
from zeroseg.tiling.windows import Window
from zeroseg.values import OUTSIDE, Geometry, Masks, Points


@dataclass(frozen=True)
class Place:
    """Where a map lies.

    Attributes:
        window: The part of the picture that it was predicted in.
        geometry: How that part lies in the predictor's frame.
        shape: (height, width) of the map.
    """

    window: Window
    geometry: Geometry
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class TiledMasks(Masks):
    """Mask logits of N regions of one picture, made of M >= N maps over windows of it.

    A region that windows' borders cut has a map in each of them. Where these overlap, each counts
    less towards its border: there it does not know what is beyond.

    Attributes:
        logits: (M, h, w) float, positive inside; to the right of and below a smaller map than the
            largest one stands `OUTSIDE`.
        geometry: Of the picture: its size.
        points: The point prompts of the second pass, in pixels of the picture; only where each
            region has one map.
        places: Where each of the M maps lies.
        regions: For each of the N regions the positions of its maps.
        view: The part of the picture that `full` is asked for; None for all of it.
    """

    places: tuple[Place, ...] = ()
    regions: tuple[tuple[int, ...], ...] = ()
    view: Window | None = None

    def __len__(self) -> int:
        return len(self.regions)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture, or of the view."""
        return self.geometry.full if self.view is None else self.view.size

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """Logits at the picture's size for some of the regions; see `Masks.full`."""
        index = torch.arange(len(self))[part.cpu() if isinstance(part, Tensor) else part].tolist()
        shown = self.view or Window(0, 0, *self.geometry.size)
        canvas = self.logits.new_full((len(index), *shown.size), OUTSIDE, dtype=torch.float32)
        for row, region in enumerate(index):
            self._draw(canvas[row], self.regions[region], shown)
        return canvas if self.view is not None else self.geometry.widened(canvas, OUTSIDE)

    def _draw(self, canvas: Tensor, numbers: Sequence[int], shown: Window) -> None:
        """Put the maps of a region where they lie in what is shown (H, W)."""
        total = torch.zeros_like(canvas) if len(numbers) > 1 else None
        for number in numbers:
            common = self.places[number].window.shared(shown)
            if common is None:
                continue
            values, weights = self._read(number, common)
            under = replace(common, top=common.top - shown.top, left=common.left - shown.left)
            lying = under.cut(canvas)
            if total is None:
                lying.copy_(values)
                continue
            before = under.cut(total)
            lying.mul_(before).add_(values * weights).div_(before + weights)
            before += weights

    def _read(self, number: int, common: Window) -> tuple[Tensor, Tensor]:
        """A map in a part of its window, and how much it counts there; (h, w) both."""
        place = self.places[number]
        window, (height, width) = place.window, place.shape
        y = centres(common.top - window.top, common.height)
        x = centres(common.left - window.left, common.width)
        own = self.logits[number : number + 1, :height, :width]
        weights = torch.outer(
            torch.minimum(y, window.height - y), torch.minimum(x, window.width - x)
        )
        return sampled(own, place.geometry, y, x)[0], weights.to(own.device, torch.float32)

    @classmethod
    def of(
        cls,
        maps: Sequence[tuple[Tensor, Window, Geometry]],
        regions: Sequence[tuple[int, ...]],
        size: tuple[int, int],
        points: Points | None = None,
    ) -> TiledMasks:
        """Masks of a picture out of maps in its windows.

        Args:
            maps: Logits (h, w) each, the window, and how that lies in the predictor's frame.
            regions: For each region the positions of its maps.
            size: (height, width) of the picture.
            points: Point prompts, in pixels of the picture.
        """
        shapes = [(own.shape[0], own.shape[1]) for own, _, _ in maps]
        largest = [max(sides) for sides in zip(*shapes, strict=True)]
        logits = maps[0][0].new_full((len(maps), *largest), OUTSIDE)
        for row, (own, _, _), (height, width) in zip(logits, maps, shapes, strict=True):
            row[:height, :width] = own
        places = (Place(w, g, shape) for (_, w, g), shape in zip(maps, shapes, strict=True))
        return cls(logits, Geometry.itself(size), points, tuple(places), tuple(regions))

    def select(self, index: Tensor) -> TiledMasks:
        """The regions at `index`, (M,) int64, or (N,) bool."""
        kept = [self.regions[i] for i in torch.arange(len(self))[index.cpu()].tolist()]
        points = self.points
        if points is not None:
            points = Points(points.xy[index], points.labels[index])
        return self._of(kept, points)

    def _of(self, regions: Sequence[tuple[int, ...]], points: Points | None) -> TiledMasks:
        """Some regions, and their maps alone."""
        used = list(dict.fromkeys(number for own in regions for number in own))
        position = {number: i for i, number in enumerate(used)}
        there = torch.tensor(used, dtype=torch.int64, device=self.logits.device)
        return replace(
            self,
            logits=self.logits[there],
            points=points,
            places=tuple(self.places[number] for number in used),
            regions=tuple(tuple(position[number] for number in own) for own in regions),
        )

    def within(self, view: Window) -> tuple[Tensor, TiledMasks]:
        """The regions that may be in a part of the picture: positions (n,) int64, and their masks.

        Their maps are shared, not copied.
        """
        there = [place.window.shared(view) is not None for place in self.places]
        found = [i for i, own in enumerate(self.regions) if any(there[n] for n in own)]
        regions = tuple(self.regions[i] for i in found)
        seen = replace(self, points=None, regions=regions, view=view)
        return torch.tensor(found, dtype=torch.int64), seen
