"""Outlines: simple rings along the borders of pixels, from which the very pixels come back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tests.export.labelled_scenes import SCENES
from zeroseg.export.outlines import Ring, fill, joined, trace

RANDOM = np.random.default_rng(0)

MASKS = {
    **{f"noise {n}": RANDOM.random((n, 9)) < n / 16 for n in range(1, 15)},
    **{name: labels == 1 for name, labels in SCENES.items()},
    "full": np.ones((3, 4), bool),
    "rings": np.indices((15, 15)).max(axis=0) % 2 == 0,
    "chessboard": np.indices((6, 7)).sum(axis=0) % 2 == 0,
}


def area(ring: Ring) -> float:
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@pytest.mark.parametrize("name", MASKS)
def test_polygons_are_simple_and_give_the_pixels_back(name: str) -> None:
    mask = MASKS[name]
    polygons = trace(mask)
    rings = [ring for polygon in polygons for ring in polygon.rings]
    assert len(polygons) == ndimage.label(mask)[1]
    assert sum(map(area, rings)) == mask.sum()
    assert all(area(p.outer) > 0 and all(area(hole) < 0 for hole in p.holes) for p in polygons)
    for ring in rings:
        assert len(np.unique(ring, axis=0)) == len(ring)
        steps = np.roll(ring, -1, axis=0) - ring
        assert ((steps != 0).sum(axis=1) == 1).all()
        assert ((steps[:, 0] != 0) != np.roll(steps[:, 0] != 0, 1)).all()
    assert (fill(rings, mask.shape) == mask).all()
    parts = [fill(polygon.rings, mask.shape) for polygon in polygons]
    assert sum((part.astype(int) for part in parts), np.zeros(mask.shape, int)).max() <= 1


@pytest.mark.parametrize("name", [name for name, mask in MASKS.items() if mask.any()])
def test_one_ring_by_double_lines_is_the_same(name: str) -> None:
    mask = MASKS[name]
    ring = joined([ring for polygon in trace(mask) for ring in polygon.rings])
    assert (fill([ring], mask.shape) == mask).all()
    assert (fill([np.round(ring / 7, 6) * 7], mask.shape) == mask).all()


def test_slanted_lines_take_the_pixels_whose_centre_is_inside() -> None:
    triangle = [(0, 0), (6, 0), (0, 6)]
    rows, columns = np.indices((6, 8))
    assert (fill([triangle], (6, 8)) == (rows + columns + 1 < 6)).all()


def test_what_lies_outside_is_cut_off() -> None:
    square = [(-5, -5), (3, -5), (3, 2), (-5, 2)]
    expected: NDArray[np.bool_] = np.zeros((4, 6), bool)
    expected[:2, :3] = True
    assert (fill([square], (4, 6)) == expected).all()
    assert not fill([], (4, 6)).any() and not fill([[(1, 1), (1, 1)]], (4, 6)).any()
