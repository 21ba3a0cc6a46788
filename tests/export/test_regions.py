"""Regions: from the masks of detections, from connected pixels, or class by class."""

from __future__ import annotations

import numpy as np
import pytest

from tests.export.labelled_scenes import CLASSES, HEIGHT, WIDTH, holes, overlapping, touching
from zeroseg import rle
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.regions import Region, check_choice, regions_of

DETECTIONS = [
    {"class": name, "score": score, "segmentation": rle.encode(mask)}
    for name, score, mask in overlapping()
]


def test_things_are_told_apart_and_stuff_is_one() -> None:
    regions, origin = regions_of(holes(), CLASSES)
    assert origin == "components"
    assert [r.label for r in regions] == [1, 2, 3]
    assert [r.area for r in regions] == [(holes() == label).sum() for label in (1, 2, 3)]
    dogs = [r for r in regions_of(touching(), CLASSES)[0] if r.label == 1]
    assert [r.box for r in dogs] == [(0, 0, 8, 8), (12, 12, 18, 18)]


def test_classes_are_whole() -> None:
    regions, origin = regions_of(touching(), CLASSES, choice="classes")
    assert (origin, [r.label for r in regions]) == ("classes", [1, 2])
    assert (regions[0].whole((HEIGHT, WIDTH)) == (touching() == 1)).all()


def test_masks_of_detections_come_first_and_the_best_is_last() -> None:
    regions, origin = regions_of(holes(), CLASSES, DETECTIONS)
    assert (origin, [r.score for r in regions]) == ("detections", [0.4, 0.9])
    assert (regions[1].whole((HEIGHT, WIDTH)) == overlapping()[0][2]).all()
    assert regions_of(holes(), CLASSES, DETECTIONS, "components")[1] == "components"


def test_detections_without_class_or_pixel_are_none() -> None:
    nothing = rle.encode(np.zeros((HEIGHT, WIDTH), bool))
    odd = [{**DETECTIONS[0], "class": None}, {**DETECTIONS[0], "segmentation": nothing}]
    assert regions_of(holes(), CLASSES, odd) == ((), "detections")


def test_masks_that_were_not_kept_or_are_damaged_are_said() -> None:
    with pytest.raises(ImageError, match="--instances components"):
        regions_of(holes(), CLASSES, [{"class": "dog", "score": 0.5}], "detections")
    short = {"class": "dog", "segmentation": {"size": [HEIGHT, WIDTH], "counts": "22"}}
    with pytest.raises(ImageError, match="a detection of dog is damaged: its run lengths"):
        regions_of(holes(), CLASSES, [short])
    with pytest.raises(ZerosegError, match="auto, detections, components, classes"):
        check_choice("all")


def test_outlines_lie_where_the_region_lies() -> None:
    region = Region(np.ones((1, 2), bool), 5, 7, 1)
    [polygon] = region.polygons()
    assert polygon.outer.min(axis=0).tolist() == [5, 7]
    assert polygon.outer.max(axis=0).tolist() == [7, 8]
