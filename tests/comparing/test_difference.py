"""Pixels of two label maps by their classes in both."""

from __future__ import annotations

import numpy as np
import pytest

from zeroseg import Vocabulary
from zeroseg.comparing import compare_label_maps
from zeroseg.comparing.difference import together
from zeroseg.comparing.joint_classes import NOTHING, JointClasses
from zeroseg.errors import ImageError

PETS = Vocabulary.from_names(["background", "dog", "cat"], ids=[0, 5, 7])
OTHERS = Vocabulary.from_names(["boat", "void", "dog"], background="void")


def test_classes_of_one_name_are_one_and_so_are_the_backgrounds() -> None:
    joint = JointClasses.of(PETS, OTHERS)
    assert joint.names == ("background", "dog", "cat", "boat", NOTHING)
    assert joint.of_b[[0, 1, 2, 255]].tolist() == [3, 0, 1, 4]
    assert joint.colors[:3] == PETS.colors and len(set(joint.colors[:4])) == 4


def test_each_pixel_is_counted_once_by_its_two_classes() -> None:
    a = np.array([[0, 1, 2, 255], [1, 1, 2, 0]])
    b = np.array([[1, 2, 0, 1], [0, 2, 2, 1]])
    found = compare_label_maps(a, b, PETS, OTHERS, "x")
    assert dict(found.pixels) == {
        ("background", "background"): 2,
        ("dog", "dog"): 2,
        ("dog", "boat"): 1,
        ("cat", "boat"): 1,
        ("cat", "dog"): 1,
        (NOTHING, "background"): 1,
    }
    assert found.total == 8 and found.share == 0.5
    assert found.ious == {
        "background": 2 / 3,
        "boat": 0,
        "cat": 0,
        "dog": 0.5,
        NOTHING: 0,
    }
    assert [change.pixels for change in found.changes] == [1] * 4


def test_counts_are_those_of_a_loop_over_pixels() -> None:
    numbers = np.random.default_rng(0)
    a, b = numbers.integers(0, 3, (2, 17, 11))
    found = compare_label_maps(a, b, PETS, PETS)
    for i, first in enumerate(PETS.names):
        same = ((a == i) & (b == i)).sum() / ((a == i) | (b == i)).sum()
        assert found.ious[first] == pytest.approx(same)
        for j, second in enumerate(PETS.names):
            assert found.pixels[first, second] == ((a == i) & (b == j)).sum()
    assert found.share == pytest.approx((a != b).mean())
    assert found.changes == sorted(found.changes, key=lambda change: -change.pixels)
    both = together([found, compare_label_maps(a, a, PETS, PETS)])
    assert both.share == pytest.approx(found.share / 2) and both.total == 2 * a.size


def test_equal_maps_do_not_differ_and_sizes_have_to_fit() -> None:
    one = np.ones((4, 3), np.int64)
    found = compare_label_maps(one, one, PETS, PETS)
    assert found.share == 0 and found.changes == [] and found.ious == {"dog": 1}
    with pytest.raises(ImageError, match=r"A is \(4, 3\), B is \(3, 4\)"):
        compare_label_maps(one, one.T, PETS, PETS)
