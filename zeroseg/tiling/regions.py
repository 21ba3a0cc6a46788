"""Regions of a large picture as its detections, and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zeroseg.tiling.joining import hull
from zeroseg.tiling.sighting import Sighting
from zeroseg.tiling.tiled_masks import TiledMasks
from zeroseg.tiling.windows import Window
from zeroseg.values import Detections, Geometry, Masks


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
    masks = None if best[0][0].masks is None else region_masks(regions, size)
    return Detections(
        boxes=torch.tensor(list(map(hull, regions))),
        scores=torch.tensor([region[0].score for region in regions]),
        labels=torch.stack([found.labels[i] for found, i in best]).cpu(),
        phrases=tuple(found.phrases[i] for found, i in best),
        prompt_index=torch.stack([found.prompt_index[i] for found, i in best]).cpu(),
        masks=masks,
    )


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


def no_masks(none: Masks) -> TiledMasks:
    """The masks of no region of a picture."""
    return TiledMasks(none.logits, Geometry.itself(none.size))
