"""Which mask takes a pixel, of windows that lie over each other."""

from __future__ import annotations

import torch

from zeroseg.fusion import ThingsAndStuff
from zeroseg.testing import boxed
from zeroseg.tiling import TiledFusion, TiledMasks, Window
from zeroseg.values import Detections, Geometry
from zeroseg.vocabulary import Vocabulary

WORDS = Vocabulary.from_names(["background", "meadow", "dog"], stuff=["meadow"])
WHOLE, NEAR = Window(0, 0, 64, 64, 2), Window(16, 16, 16, 16)


def masks(*windows: Window, regions: tuple[tuple[int, ...], ...]) -> TiledMasks:
    """A mask that fills each of some windows."""
    maps = [(torch.full((4, 4), 5.0), own, Geometry.itself(own.size)) for own in windows]
    return TiledMasks.of(maps, regions, (64, 64))


def found(first: int, second: int) -> Detections:
    """A sure one of a class and one that is less sure."""
    both = boxed((0, 0, 64, 64), (16, 16, 32, 32)).relabel(torch.tensor([first, second]))
    both.scores.copy_(torch.tensor([0.95, 0.6]))
    return both


def test_what_is_seen_from_near_stands_on_stuff_that_is_seen_from_far() -> None:
    both = masks(WHOLE, NEAR, regions=((0,), (1,)))
    labels = TiledFusion(ThingsAndStuff())(both, found(1, 2), WORDS)
    assert bool((labels[16:32, 16:32] == 2).all())
    assert int((labels == 1).sum()) == 64 * 64 - 16 * 16


def test_a_large_thing_and_stuff_seen_from_little_further_yield_to_the_surer_one_alone() -> None:
    thing = TiledFusion(ThingsAndStuff())(
        masks(WHOLE, NEAR, regions=((0,), (1,))), found(2, 1), WORDS
    )
    assert bool((thing == 2).all())
    close = masks(Window(0, 0, 64, 64, 1), NEAR, regions=((0,), (1,)))
    assert bool((TiledFusion(ThingsAndStuff())(close, found(1, 2), WORDS) == 1).all())


def test_a_piece_does_not_go_on_to_its_border_where_the_next_window_sees_its_end() -> None:
    left, right = Window(0, 0, 64, 40), Window(0, 24, 64, 40)
    own = masks(left, right, regions=((0, 1),))
    own.logits[1] = -5
    there = own.full()[0] > 0
    assert there[:, :31].all() and not there[:, 33:].any()
