"""A drawn scene of 4096 pixels against its truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou

from zeroseg import ZeroShotSegmenter
from zeroseg.drawn.collage import draw_collage
from zeroseg.drawn.world import CATEGORIES
from zeroseg.refinement import AllClasses
from zeroseg.vocabularies import DRAWN

SIDE, WINDOW = 4096, 1024
ACROSS = ((300, 400), (600, 900))
"""Where things lie across borders of first windows, (row, column) at half the side."""


def enlarged(drawn: NDArray[Any]) -> NDArray[Any]:
    """Twice as large, with the nearest pixels: drawing is slow."""
    return drawn.repeat(2, 0).repeat(2, 1)


def test_things_that_borders_cut_are_one_each() -> None:
    collage = draw_collage(15, (SIDE // 2, SIDE // 2), len(ACROSS), ACROSS, scales=(2, 2))
    image, things = enlarged(collage.image), enlarged(collage.things)
    parts = ZeroShotSegmenter.from_preset(
        "tiny", captioner=None, tagger=None, pre_refiner=AllClasses()
    ).components()
    segmenter = ZeroShotSegmenter(DRAWN, **parts, tiling=WINDOW)
    result = segmenter.segment(torch.from_numpy(image).permute(2, 0, 1).contiguous())
    known = np.array([DRAWN.find(name) or DRAWN.background for name in CATEGORIES])
    truth = torch.from_numpy(enlarged(known[collage.categories]))
    assert segmenter.windows((SIDE, SIDE)) == 35
    assert float((result.label_map == truth).float().mean()) > 0.95
    found, sides = result.detections, []
    for number, name in enumerate(collage.classes, start=1):
        mask = things == number
        (y1, y2), (x1, x2) = (np.flatnonzero(mask.any(axis))[[0, -1]] for axis in (1, 0))
        own = found.boxes[found.labels == DRAWN.find(name)]
        assert float(box_iou(own.new_tensor([[x1, y1, x2 + 1, y2 + 1]]), own).max()) > 0.6
        assert float((result.label_map.numpy()[mask] == DRAWN.find(name)).mean()) > 0.5
        sides.append(max(x2 - x1, y2 - y1))
    assert max(sides) > 2 * WINDOW > min(sides)
