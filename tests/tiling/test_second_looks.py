"""What several windows show, joined; and what is looked at again."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zeroseg.testing import boxed
from zeroseg.tiling import Tiling, Window
from zeroseg.tiling.joining import joined
from zeroseg.tiling.looking_again import looked_again
from zeroseg.tiling.sighting import Sighting, sightings

SIZE = (256, 256)
TILING = Tiling(64)
Seen = tuple[Window, tuple[int, int, int, int], float, int]
"""A window, x1 y1 x2 y2 in pixels of the picture, a score, and a class."""


def seen(*several: Seen) -> list[Sighting]:
    found: list[Sighting] = []
    for window, (x1, y1, x2, y2), score, label in several:
        x, y = window.left, window.top
        own = boxed((x1 - x, y1 - y, x2 - x, y2 - y)).relabel(torch.tensor([label]))
        [one] = sightings(window, own, SIZE)
        found.append(Sighting(window, one.box, score, one.key, one.source, one.ends))
    return found


def nothing(_: Sequence[Window]) -> list[Sighting]:
    return []


LEFT, RIGHT, ABOVE = Window(0, 0, 64, 64), Window(0, 48, 64, 64), Window(0, 0, 128, 128, 1)


def test_a_chain_of_pieces_is_one_and_an_open_end_is_none() -> None:
    chain = seen((LEFT, (10, 20, 64, 30), 0.9, 1), (RIGHT, (48, 20, 90, 30), 0.8, 1))
    [region] = joined(chain).regions
    assert [own.score for own in region] == [0.9, 0.8]
    for piece in chain:
        assert not joined([piece]).regions
        assert len(joined([piece]).pieces) == 1


def test_a_piece_is_part_of_what_another_window_shows_whole() -> None:
    both = seen((LEFT, (20, 20, 64, 50), 0.9, 1), (ABOVE, (20, 20, 90, 50), 0.6, 1))
    assert [own[0].score for own in joined(both).regions] == [0.6]
    assert not joined(both).pieces


def test_what_is_less_sure_or_is_the_ground_explains_no_piece_of_another_class() -> None:
    piece = (LEFT, (20, 20, 64, 50), 0.7, 1)
    for box, score, pieces in (
        ((15, 15, 80, 55), 0.6, 1),
        ((15, 15, 80, 55), 0.8, 0),
        ((0, 0, 120, 120), 0.8, 1),
    ):
        found = joined(seen(piece, (ABOVE, box, score, 2)))
        assert len(found.pieces) == pieces


def test_of_two_names_the_best_window_s_stays_and_one_window_may_give_two() -> None:
    box = (10, 10, 40, 40)
    two = joined(seen((LEFT, box, 0.9, 1), (ABOVE, box, 0.5, 2)))
    assert [own[0].key[0] for own in two.regions] == [1]
    both = joined(seen((LEFT, box, 0.9, 1), (LEFT, box, 0.5, 2)))
    assert [own[0].key[0] for own in both.regions] == [1, 2]


def test_what_borders_cut_is_looked_at_in_windows_around_what_is_known_of_it() -> None:
    thing, asked = (30, 20, 84, 50), []

    def look(windows: Sequence[Window]) -> list[Sighting]:
        asked.extend(windows)
        shown = [(own, (30, 20, min(84, own.box[2]), 50), 0.8, 1) for own in windows]
        others = [(own, (own.left, own.top, own.left + 9, own.top + 9), 0.9, 2) for own in windows]
        return seen(*shown, *others)

    found = joined(looked_again(seen((LEFT, (30, 20, 64, 50), 0.9, 1)), look, TILING, SIZE))
    around = [Window(3, 15, 64, 64), Window(0, 18, 74, 74, 1)]
    assert asked == [*around, Window(0, 16, 81, 81, 1)]  # the last one, to confirm it
    [region] = found.regions  # of the second thing it was not asked
    assert region[0].box == thing
    assert not found.pieces
    lost = looked_again(seen((LEFT, (30, 20, 64, 50), 0.9, 1)), nothing, TILING, SIZE)
    assert not joined(lost).regions


def test_what_one_window_alone_shows_large_has_to_be_seen_from_elsewhere() -> None:
    large = (ABOVE, (20, 20, 100, 100), 0.5, 1)

    def again(windows: Sequence[Window]) -> list[Sighting]:
        return seen(*((own, (22, 20, 98, 102), 0.4, 1) for own in windows))

    assert not looked_again(seen(large), nothing, TILING, SIZE)
    kept = joined(looked_again(seen(large), again, TILING, SIZE)).regions
    assert [own[0].score for own in kept] == [0.5]
    small = looked_again(seen((LEFT, (20, 20, 40, 40), 0.5, 1)), nothing, TILING, SIZE)
    assert len(small) == 1


def test_what_fills_the_picture_is_seen_in_no_other_window() -> None:
    whole = Window(0, 0, *SIZE, level=2)
    found = seen((whole, (0, 0, 256, 200), 0.5, 1))
    assert len(looked_again(found, nothing, TILING, SIZE)) == 1


def test_a_window_around_a_box_stays_within_the_picture() -> None:
    assert TILING.around((0, 0, 10, 10), 1.5, SIZE) == Window(0, 0, 64, 64)
    assert TILING.around((200, 100, 256, 140), 1.5, SIZE) == Window(78, 172, 84, 84, 1)
    assert TILING.around((0, 0, 250, 20), 1.5, (100, 256)) == Window(0, 0, 100, 256, 2)
