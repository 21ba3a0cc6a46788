"""Sizes that pictures are brought to, windows over them, and what windows tell, averaged."""

from __future__ import annotations

import pytest
import torch

from zeroseg.dense.windows import Framing, Mosaic

FRAMING = Framing(patch=8, window=32, stride=16, short_side=48)


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((48, 48), (6, 6)),
        ((480, 640), (6, 8)),
        ((640, 480), (8, 6)),
        ((3000, 4000), (6, 8)),
        ((1, 1), (6, 6)),
        ((2, 4000), (1, 48)),  # eight times the short side, whatever the aspect
        ((4000, 2), (48, 1)),
    ],
)
def test_grids_keep_the_aspect_as_far_as_it_goes(
    size: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert FRAMING.grid(size) == grid


@pytest.mark.parametrize("grid", [(6, 8), (4, 4), (1, 48), (3, 5), (7, 9)])
def test_windows_cover_every_patch_and_overlap_evenly(grid: tuple[int, int]) -> None:
    counts = torch.zeros(grid, dtype=torch.int64)
    for rows, columns in FRAMING.windows(grid):
        assert counts[rows, columns].shape == (min(4, grid[0]), min(4, grid[1]))
        counts[rows, columns] += 1
    assert int(counts.min()) >= 1
    starts = [(rows.start, columns.start) for rows, columns in FRAMING.windows(grid)]
    assert len(set(starts)) == len(starts)


def test_a_grid_of_one_window_has_one() -> None:
    assert list(FRAMING.windows((4, 4))) == [(slice(0, 4), slice(0, 4))]
    assert [columns.start for _, columns in FRAMING.windows((4, 9))] == [0, 2, 4, 5]


def test_what_a_window_shows_is_its_patches() -> None:
    pixels = torch.arange(48 * 64).view(1, 48, 64)
    shown = FRAMING.cut(pixels, (slice(1, 5), slice(4, 8)))
    assert torch.equal(shown, pixels[:, 8:40, 32:64])


def test_overlaps_are_averaged() -> None:
    mosaic = Mosaic((1, 3))
    mosaic.add((slice(0, 1), slice(0, 2)), torch.tensor([[[1.0, 2.0]]]))
    mosaic.add((slice(0, 1), slice(1, 3)), torch.tensor([[[4.0, 5.0]]]))
    assert mosaic.mean().tolist() == [[[1.0, 3.0, 5.0]]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 30}, "window is 30, expected a multiple of 8"),
        ({"stride": 0}, "stride is 0, expected a multiple of 8"),
        ({"short_side": 0}, "short_side is 0, expected at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, int], message: str) -> None:
    sizes = {"patch": 8, "window": 32, "stride": 16, "short_side": 48}
    with pytest.raises(ValueError, match=message):
        Framing(**{**sizes, **wrong})
