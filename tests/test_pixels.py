"""What white is in numbers of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zeroseg.errors import ImageError
from zeroseg.images import read_image
from zeroseg.pixels import from_array

RAMP = np.linspace(0, 1, 120).reshape(10, 12)

DEEP = [
    (np.uint16, 255),
    (np.uint16, 4095),
    (np.uint16, 65535),
    (np.int16, 4095),
    (np.int32, 255),
    (np.int32, 4095),
    (np.int32, 65535),
    (np.uint32, 65535),
    (np.int64, 255),
    (np.float32, 1),
    (np.float32, 255),
    (np.float32, 65535),
    (np.float64, 1),
    (np.float16, 1),
]


@pytest.mark.parametrize(("kind", "white"), DEEP)
def test_the_brightest_value_tells_what_white_is(kind: type, white: int) -> None:
    values = (RAMP * white).astype(kind)
    expected = np.rint(values.astype(np.float64) * 255 / white)
    for array in (values, values[:, :, None], np.dstack([values] * 3)):
        image = from_array(array)
        assert image.shape == (3, 10, 12)
        assert np.abs(image[1].numpy() - expected).max() <= (kind is np.float16)


@pytest.mark.parametrize(
    ("mode", "white"),
    [("I", 255), ("I", 4095), ("I", 65535), ("F", 1), ("F", 255), ("F", 65535), ("I;16", 4095)],
)
def test_files_pil_images_and_arrays_follow_the_same_rule(
    mode: str, white: int, tmp_path: Path
) -> None:
    values = (RAMP * white).astype({"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode])
    picture = Image.fromarray(values)
    assert picture.mode == mode
    picture.save(tmp_path / "a.tif")
    expected = read_image(values).tolist()
    assert max(expected[0][-1]) == 255
    assert read_image(picture).tolist() == expected
    assert read_image(tmp_path / "a.tif").tolist() == expected


@pytest.mark.parametrize("kind", ["array", "picture", "file"])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.float32([0, np.nan]), "NaN or infinity"),
        (np.float32([0, np.inf]), "NaN or infinity"),
        (np.float32([-np.inf, 0.5]), "NaN or infinity"),
        (np.float32([-1, 1]), "from -1 to 1"),
        (np.float32([0, 3.5]), "from 0 to 3.5"),
        (np.float32([0, 60]), "from 0 to 60"),
        (np.float32([0, 300]), "from 0 to 300"),
        (np.float32([0, 1e9]), "from 0 to 1e\\+09"),
        (np.int32([-5, 200]), "from -5 to 200"),
        (np.int32([0, 70000]), "from 0 to 70000"),
        (np.int32([0, 7]), "from 0 to 7"),
        (np.uint16([0, 1]), "from 0 to 1,"),
    ],
)
def test_what_has_no_evident_range_is_refused_and_never_black(
    values: Any, says: str, kind: str, tmp_path: Path
) -> None:
    source: Any = np.resize(values, (10, 12))
    if kind != "array":
        source = Image.fromarray(source)
    if kind == "file":
        source.save(tmp_path / "a.tif")
        source = tmp_path / "a.tif"
    with pytest.raises(ImageError, match=says):
        read_image(source)


def test_black_is_black_in_every_range() -> None:
    for kind in (np.uint8, np.uint16, np.int32, np.float32, np.bool_):
        assert int(from_array(np.zeros((10, 12), kind)).max()) == 0


def test_transparency_has_its_own_range() -> None:
    deep = np.full((10, 12, 4), 1000, np.uint16)
    deep[:, :, 3] = 65535
    deep[0, 0, 3] = 0
    image = from_array(deep)
    assert image[:, 0, 0].tolist() == [255, 255, 255]
    assert image[:, 5, 5].tolist() == [62, 62, 62]
