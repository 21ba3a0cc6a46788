"""Run lengths: the text that pycocotools writes, and the same pixels back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pycocotools import mask as codec

from zeroseg import rle
from zeroseg.errors import ImageError

RING = np.zeros((9, 7), bool)
RING[1:8, 1:6] = True
RING[3:5, 2:4] = False


def masks() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    large = np.zeros((700, 900), bool)
    large[100:650, 30:880] = True
    return {
        "ring": RING,
        "empty": np.zeros((5, 3), bool),
        "full": np.ones((5, 3), bool),
        "first pixel": np.arange(12).reshape(3, 4) == 0,
        "last pixel": np.arange(12).reshape(3, 4) == 11,
        "one pixel": np.ones((1, 1), bool),
        "noise": random.random((61, 47)) < 0.5,
        "large": large,
        "long runs": np.arange(3_000_000).reshape(3000, 1000) > 2_000_000,
    }


@pytest.mark.parametrize("name", masks())
def test_the_text_is_that_of_pycocotools_and_comes_back(name: str) -> None:
    mask = masks()[name]
    code = rle.encode(mask)
    theirs = codec.encode(np.asfortranarray(mask, np.uint8))
    assert code == {"size": list(mask.shape), "counts": theirs["counts"].decode()}
    assert (rle.decode(code) == mask).all()
    assert (codec.decode(code).astype(bool) == mask).all()
    assert rle.area(code) == mask.sum() == codec.area(code)


def test_a_tensor_is_a_mask_too() -> None:
    assert rle.encode(torch.from_numpy(RING)) == rle.encode(RING)


def test_lists_and_bytes_are_read_too() -> None:
    counts = [1, 2, 1]
    expected = np.array([[False, True], [True, False]])
    assert (rle.decode({"size": [2, 2], "counts": counts}) == expected).all()
    text = rle.encode(RING)["counts"]
    assert (rle.decode({"counts": text.encode()}, RING.shape) == RING).all()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ({"size": [9, 7]}, "damaged"),
        ({"size": [9, 7], "counts": "~~"}, "is no run length"),
        ({"size": [9, 7], "counts": "\N{SNOWMAN}"}, "damaged"),
        ({"size": [9, 7], "counts": ""}, "of 0 pixels"),
        ({"size": [9, 7], "counts": "o"}, "ends within"),
        ({"size": [9, 7], "counts": "o" * 20 + "0"}, "too long"),
        ({"size": [9, 7], "counts": [1, 2]}, "of 3 pixels, its picture has 63"),
        ({"size": [9, 7], "counts": [64, -1]}, "of 63 pixels"),
        ({"size": [9, 7, 1], "counts": [63]}, "damaged"),
        ({"size": [7, 9], "counts": [63]}, "of (7, 9), its picture is (9, 7)"),
        ({"counts": 3}, "damaged"),
        ([1, 2], "damaged"),
    ],
)
def test_damage_is_said(code: dict[str, object], said: str) -> None:
    with pytest.raises(ImageError, match=r"^its run lengths") as caught:
        rle.decode(code, None if said == "damaged" else (9, 7))
    assert said in str(caught.value)


def test_a_part_is_written_as_the_whole_is() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        height, width = random.integers(1, 9, 2)
        top, left = random.integers(0, height), random.integers(0, width)
        shape = random.integers(1, height - top + 1), random.integers(1, width - left + 1)
        part = random.random(shape) < random.choice([0.2, 0.5, 0.9, 1.1])
        whole = np.zeros((height, width), bool)
        whole[top : top + shape[0], left : left + shape[1]] = part
        assert rle.encode_part(part, int(left), int(top), whole.shape) == rle.encode(whole)
