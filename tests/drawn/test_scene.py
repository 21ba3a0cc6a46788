"""The drawn world: exact ground truth, the same on every machine, and everything in it occurs."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from zeroseg.drawn.captions import PLURALS, WORDS, counted, listed
from zeroseg.drawn.cast import MIN_AREA, MIN_VISIBLE
from zeroseg.drawn.dice import Dice
from zeroseg.drawn.objects import DRAWINGS, draw_object
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.drawn.world import (
    CATEGORIES,
    CATEGORY_OF,
    FINE_NAMES,
    HYPERNYMS,
    NEVER_DRAWN,
    STUFF,
    STYLES,
    SYNONYMS,
    THINGS,
)

# Made with Pillow 13 and NumPy 2.4; Pillow before 11 rasterises a few polygon corners differently.
GOLDEN = {
    (7, 3, 64, 64): "42e7ac8a20e56584bb9a7b86e1979f742c2f4f5ba3234e0e8d897e66d3ee2b11",
    (7, 12, 48, 80): "e03724c92cef8f7df5b98e269985841b2af93027e429fbef2fe85deb5a29f415",
    (7, 30, 40, 40): "ce0318cc11f6f2510a5b199331866fee59d4b402283b91da43e9f5def7ed33fc",
    (7, 20, 40, 40): "d65bbc3db995825934e78611b7f23e3f05133d1152d88fa912b2f22fc30a69c3",
}


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Return small scenes of one seed."""
    return [draw_scene(11, index, (64, 64)) for index in range(200)]


def check_regions(scene: Scene) -> None:
    """Assert that the regions of a scene say exactly what its segments show."""
    total = 0
    for number, region in enumerate(scene.regions):
        mask = scene.segments == number
        rows, columns = np.nonzero(mask)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert region.area == mask.sum() > 0
        assert region.box == box
        assert MIN_VISIBLE <= region.visible <= 1
        if region.thing:
            assert region.area >= MIN_AREA * mask.size
            assert region.category == CATEGORY_OF[region.name]
        else:
            assert region.name == region.category and region.name in STUFF
            assert region.visible == 1
        total += region.area
    assert total == scene.segments.size
    stuff = [region.name for region in scene.regions if not region.thing]
    assert len(stuff) == len(set(stuff)) > 0


def test_regions_match_segments(scenes: list[Scene]) -> None:
    for scene in scenes:
        check_regions(scene)


@pytest.mark.parametrize("size", [(100, 37), (37, 100), (32, 32), (33, 47), (256, 256)])
def test_any_size(size: tuple[int, int]) -> None:
    for index in range(6):
        scene = draw_scene(5, index, size)
        assert scene.image.shape == (*size, 3) and scene.image.dtype == np.uint8
        assert scene.segments.shape == size and scene.segments.dtype == np.uint8
        check_regions(scene)


def test_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        draw_scene(0, 0, (31, 64))


def test_same_arguments_same_scene() -> None:
    one, other = draw_scene(3, 8, (64, 96)), draw_scene(3, 8, (64, 96))
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.segments, other.segments)
    assert (one.regions, one.caption, one.style) == (other.regions, other.caption, other.style)


@pytest.mark.parametrize(("key", "digest"), GOLDEN.items())
def test_golden(key: tuple[int, int, int, int], digest: str) -> None:
    seed, index, height, width = key
    scene = draw_scene(seed, index, (height, width))
    assert hashlib.sha256(scene.image.tobytes() + scene.segments.tobytes()).hexdigest() == digest


def test_indexes_and_seeds_differ(scenes: list[Scene]) -> None:
    assert len({scene.image.tobytes() for scene in scenes}) == len(scenes)
    assert not np.array_equal(scenes[0].image, draw_scene(12, 0, (64, 64)).image)


def test_size_keeps_the_cast() -> None:
    small, large = draw_scene(11, 1, (64, 64)), draw_scene(11, 1, (160, 160))
    assert [region.name for region in small.regions] == [region.name for region in large.regions]


def test_everything_occurs(scenes: list[Scene]) -> None:
    names = {region.name for scene in scenes for region in scene.regions}
    assert names == {*FINE_NAMES, *STUFF}
    assert {scene.style for scene in scenes} == set(STYLES)


def test_number_of_things(scenes: list[Scene]) -> None:
    counts = [sum(region.thing for region in scene.regions) for scene in scenes]
    assert max(counts) == 5
    assert 2.3 < sum(counts) / len(counts) < 3.2
    assert sum(count == 0 for count in counts) < 0.08 * len(counts)


def test_captions(scenes: list[Scene]) -> None:
    for scene in scenes:
        words = scene.caption.replace(",", "").split()
        assert set(words) <= WORDS and len(words) <= 22
        names = [region.name for region in scene.regions if region.thing]
        parts = [counted(name, names.count(name)) for name in FINE_NAMES if name in names]
        if parts:
            assert f" {listed(parts)} " in f" {scene.caption} "
        else:
            assert any(stuff in words for stuff in STUFF)


def test_caption_grammar() -> None:
    assert counted("armchair", 1) == "an armchair"
    assert counted("man", 3) == "three men"
    assert listed(["a girl", "two kittens", "a rowboat"]) == "a girl, two kittens and a rowboat"
    assert set(PLURALS) == set(FINE_NAMES)


def test_taxonomy() -> None:
    assert len(set(FINE_NAMES)) == len(FINE_NAMES)
    assert not set(FINE_NAMES) & set(CATEGORIES)
    assert set(SYNONYMS) == set(CATEGORIES)
    others = {word for words in SYNONYMS.values() for word in words}
    assert not others & {*FINE_NAMES, *CATEGORIES}
    assert all(kind in CATEGORIES for kinds in HYPERNYMS.values() for kind in kinds)
    assert not set(NEVER_DRAWN) & {*FINE_NAMES, *CATEGORIES, *others, *HYPERNYMS}
    assert tuple(DRAWINGS) == FINE_NAMES == tuple(n for names in THINGS.values() for n in names)


@pytest.mark.parametrize("name", FINE_NAMES)
def test_drawing_stands_on_the_ground(name: str) -> None:
    for seed in range(8):
        pen = draw_object(name, Dice(f"{name}/{seed}"), (120, 180, 90), False, False)
        left, bottom, right, top = pen.bounds()
        assert -0.1 < bottom < 0.05 and 0.85 < top < 1.25
        assert 0.2 < right - left < 3
