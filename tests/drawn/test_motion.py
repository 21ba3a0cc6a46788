"""Scenes that move: exact truth for every frame, and where everything was before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zeroseg.drawn.motion import MARGIN, Motion, MovingFrame, draw_clip
from zeroseg.drawn.scene import draw_scene, staged
from zeroseg.drawn.world import CATEGORY_OF, STUFF

SIZE = (64, 96)


@pytest.fixture(scope="module")
def clip() -> list[MovingFrame]:
    """A man, a kitten and a bottle before a rowboat."""
    return list(draw_clip(7, 1, 16, SIZE))


def test_it_begins_with_the_scene_that_stands_still(clip: list[MovingFrame]) -> None:
    still = draw_scene(7, 1, SIZE)
    assert np.array_equal(clip[0].scene.image, still.image)
    assert np.array_equal(clip[0].scene.segments, still.segments)
    assert clip[0].scene.regions == still.regions
    assert not clip[0].seen.any()


def test_the_same_arguments_draw_the_same_frames(clip: list[MovingFrame]) -> None:
    for own, again in zip(clip[:3], draw_clip(7, 1, 3, SIZE), strict=True):
        assert np.array_equal(own.scene.image, again.scene.image)
        assert np.array_equal(own.source, again.source)


def test_identity_agrees_with_the_regions(clip: list[MovingFrame]) -> None:
    kinds: dict[int, set[str]] = {}
    for own in clip:
        for number, region in enumerate(own.scene.regions):
            [identity] = np.unique(own.identity[own.scene.segments == number])
            assert region.thing == (identity >= len(STUFF))
            kinds.setdefault(int(identity), set()).add(region.name)
    assert all(len(names) == 1 for names in kinds.values())
    things = [kind for kind in kinds if kind >= len(STUFF)]
    assert len(things) == sum(region.thing for region in clip[0].scene.regions) > 2


def test_things_shift_turn_and_hide_each_other(clip: list[MovingFrame]) -> None:
    visible = [[r.visible for r in own.scene.regions if r.name == "kitten"] for own in clip]
    shares = [share for frame in visible for share in frame]
    assert min(shares) < 0.6 and max(shares) > 0.9
    boxes = [next(r.box for r in own.scene.regions if r.name == "man") for own in clip]
    assert boxes[0] != boxes[-1]
    shapes = {(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes}
    assert len(shapes) > 2  # leaning makes it wider and lower
    assert all(CATEGORY_OF[r.name] for own in clip for r in own.scene.regions if r.thing)


def test_the_source_shows_the_same_thing_and_what_stands_stays(clip: list[MovingFrame]) -> None:
    for before, own in itertools.pairwise(clip):
        y, x = own.source[own.seen].T
        assert np.array_equal(before.identity[y, x], own.identity[own.seen])
        assert own.seen.mean() > 0.9
        stuff = own.identity < len(STUFF)
        assert np.array_equal(own.source[stuff], np.argwhere(stuff))


def test_colours_travel_with_their_things() -> None:
    frames = list(draw_clip(7, 1, 6, (128, 128)))
    assert frames[0].scene.style == "flat"
    moved, stayed = [], []
    for before, own in itertools.pairwise(frames):
        things = own.seen & (own.identity >= len(STUFF))
        y, x = own.source[things].T
        now = own.scene.image[things].astype(int)
        moved.append(np.abs(before.scene.image[y, x] - now).mean())
        stayed.append(np.abs(before.scene.image[things] - now).mean())
    assert np.mean(moved) < 0.7 * np.mean(stayed)


def test_things_turn_round_at_the_sides() -> None:
    actor = staged(7, 1, SIZE).cast[0]
    places = [Motion(0.04, 0.0, 20, 0.0).at(actor, frame).x for frame in range(100)]
    steps = np.diff(places)
    assert places[0] == pytest.approx(actor.x, abs=1e-6)
    assert {-1.0, 1.0} == set(np.sign(steps).tolist())
    assert np.abs(steps).max() == pytest.approx(0.04, abs=1e-5)
    assert min(places) >= MARGIN and max(places) <= 1 - MARGIN


def test_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        next(draw_clip(0, 0, 1, (31, 64)))
