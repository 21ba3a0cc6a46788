"""Outlines of COCO annotations, pixel for pixel as pycocotools draws them, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.data.miniatures import run_lengths
from zeroseg.data.coco_outlines import describes, draw
from zeroseg.errors import ImageError

SIZE = (40, 60)
SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]


def truth(segmentation: Any) -> np.ndarray:
    """What pycocotools draws for its own forms."""
    if isinstance(segmentation, list):
        code = coco_mask.merge(coco_mask.frPyObjects(segmentation, *SIZE))
    elif isinstance(segmentation["counts"], list):
        code = coco_mask.frPyObjects(segmentation, *SIZE)
    else:
        code = segmentation
    return np.asarray(coco_mask.decode(code), bool)


@pytest.mark.parametrize("seed", range(40))
def test_random_polygons_are_drawn_as_by_pycocotools(seed: int) -> None:
    random = np.random.default_rng(seed)
    polygons = [
        (random.normal(25, 30, 2 * random.integers(3, 12))).round(2).tolist()
        for _ in range(random.integers(1, 4))
    ]
    assert np.array_equal(draw(polygons, SIZE), truth(polygons))


@pytest.mark.parametrize("seed", range(40))
def test_random_run_lengths_are_read_as_by_pycocotools(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(SIZE) < (0.02, 0.5, 0.98)[seed % 3]
    mask[: seed % 7] = seed % 2
    plain = run_lengths(mask)
    packed = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    text = {"size": list(SIZE), "counts": packed["counts"].decode()}
    for form in (plain, packed, text):
        assert np.array_equal(draw(form, SIZE), mask)
        assert np.array_equal(truth(form), mask)


def test_full_and_empty_masks() -> None:
    for value in (0, 1):
        code = coco_mask.encode(np.asfortranarray(np.full(SIZE, value, np.uint8)))
        assert draw(code, SIZE).mean() == value


@pytest.mark.parametrize(
    "form",
    [
        [SQUARE],
        SQUARE,
        [str(value) for value in SQUARE],
        [[10, 10], [30, 10], [30, 30], [10, 30]],
        [[[10, 10], [30, 10], [30, 30], [10, 30]]],
        [SQUARE, [1, 2, 3, 4], []],
        [SQUARE, SQUARE],
        {"counts": truth, "size": [40, 60]},
        {"counts": truth, "size": ["40", 60.0]},
        {"counts": truth},
        [{"counts": truth, "size": [40, 60]}],
    ],
)
def test_one_square_in_every_form(form: Any) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return value | {"counts": run_lengths(truth([SQUARE]))["counts"]}
        return [filled(part) for part in value] if isinstance(value, list) else value

    form = filled(form)
    assert describes(form)
    drawn = draw(form, SIZE)
    assert drawn.sum() == 400 and drawn[10:30, 10:30].all()


@pytest.mark.parametrize(
    "form", [None, [], [[]], [[], []], {}, "", [[40, 5, 50, 8]], [40, 5, 50, 8], [[1, 2]], [None]]
)
def test_what_describes_nothing(form: Any) -> None:
    assert not describes(form)
    assert not draw(form, SIZE).any()


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("a polygon", "is a str, neither"),
        (7, "is a int, neither"),
        ([[*SQUARE[:-1], float("nan")]], "not finite"),
        ([[*SQUARE[:-1], float("inf")]], "not finite"),
        ([[*SQUARE[:-1], 1e12]], "far out"),
        ([[*SQUARE, 1]], "9 coordinates, an odd number"),
        ([[*SQUARE, "x", 1]], "no number"),
        ([[[[10, 10], [30, 10], [30, 30]]]], "no number"),
        ([[*SQUARE, None, 1]], "no number"),
        ({"size": [60, 40], "counts": [0, 2400]}, r"of \(60, 40\), its picture is \(40, 60\)"),
        ({"size": [40, 60], "counts": [0, 2399]}, "of 2399 pixels, its picture has 2400"),
        ({"size": [40, 60], "counts": [0, 2401]}, "of 2401 pixels"),
        ({"size": [40, 60], "counts": [0, 2401, -1]}, "of 2400 pixels"),
        ({"size": [40, 60], "counts": []}, "of 0 pixels"),
        ({"size": [40, 60], "counts": ""}, "of 0 pixels"),
        ({"size": [40, 60], "counts": ["x"]}, "damaged"),
        ({"size": [40, 60], "counts": None}, "damaged"),
        ({"size": [40, 60], "counts": 5}, "damaged"),
        ({"size": [40, 60], "counts": [float("inf")]}, "damaged"),
        ({"size": None, "counts": [0, 2400]}, "damaged"),
        ({"size": 40, "counts": [0, 2400]}, "damaged"),
        ({"size": [40, 60]}, "damaged"),
        ({"size": [40, 60], "counts": "a9?]1000"}, "pixels, its picture has 2400"),
        ({"size": [40, 60], "counts": "a9?]"}, "damaged"),
        ({"size": [40, 60], "counts": " "}, "damaged.*no run length"),
        ({"size": [40, 60], "counts": "ü"}, "damaged"),
    ],
)
def test_what_is_broken_says_what(form: Any, says: str) -> None:
    with pytest.raises(ImageError, match=f"^its .*{says}"):
        draw(form, SIZE)
