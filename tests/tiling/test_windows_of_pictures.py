"""Which windows a picture is looked at through."""

from __future__ import annotations

from itertools import pairwise

import pytest

from zeroseg.testing import noise
from zeroseg.tiling import Tiling, Window


@pytest.mark.parametrize("size", [(4096, 4096), (300, 1000), (257, 200), (513, 512), (40, 3000)])
def test_every_pixel_is_in_a_window_of_every_level_and_windows_lie_inside(
    size: tuple[int, int],
) -> None:
    windows = Tiling(256).windows(size)
    assert windows[-1].size == size
    for level in {w.level for w in windows}:
        own = [w for w in windows if w.level == level]
        for axis, length in enumerate(size):
            spans = sorted({(w.box[1 - axis], w.box[3 - axis]) for w in own})
            assert spans[0][0] == 0
            assert spans[-1][1] == length
            assert all(0 <= start < end <= length for start, end in spans)
            shared = [a[1] - b[0] for a, b in pairwise(spans)]
            side = 256 * 2**level
            assert all(common >= 0.25 * side - 1 for common in shared)


def test_whatever_fits_in_an_overlap_is_whole_in_a_window_of_that_level() -> None:
    tiling = Tiling(128)
    for level, side in ((0, 128), (1, 256)):
        thing = side // 4 - 1
        own = [w for w in tiling.windows((700, 900)) if w.level == level]
        for top in range(0, 700 - thing, 13):
            for left in range(0, 900 - thing, 13):
                box = (left, top, left + thing, top + thing)
                assert any(
                    w.box[0] <= box[0]
                    and w.box[1] <= box[1]
                    and w.box[2] >= box[2]
                    and w.box[3] >= box[3]
                    for w in own
                )


def test_small_pictures_are_not_cut() -> None:
    assert Tiling(256).windows((256, 200)) == (Window(0, 0, 256, 200),)
    assert not Tiling(256).cuts((256, 256))
    assert Tiling(256).cuts((10, 257))
    assert not Tiling(256, above=512).cuts((512, 512))
    assert Tiling(256, above=512).cuts((512, 513))


def test_a_window_shows_its_part() -> None:
    image = noise(40, 60)
    window = Window(3, 5, 20, 30)
    assert window.cut(image).equal(image[:, 3:23, 5:35])
    assert window.shared(Window(10, 0, 100, 10)) == Window(10, 5, 13, 5)
    assert window.shared(Window(23, 0, 9, 9)) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 8}, "window is 8"),
        ({"window": 256, "overlap": 0.9}, "overlap is 0.9"),
        ({"window": 256, "batch_size": 0}, "batch_size is 0"),
    ],
)
def test_bad_numbers_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tiling(**options)  # type: ignore[arg-type]
