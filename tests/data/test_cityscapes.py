"""Cityscapes: raw ids with and without a background class, instance numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.cityscapes import Cityscapes
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import CITYSCAPES

# The owners' list: raw id of each of the 19 evaluated classes.
EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.cityscapes(tmp_path, 3)


def raw(root: Path, name: str, kind: str) -> np.ndarray:
    return np.array(Image.open(root / f"gtFine/val/{name}_gtFine_{kind}.png"))


def test_names_are_city_and_frame(root: Path) -> None:
    data = Cityscapes(root)
    assert list(data.dataset.names) == [
        "frankfurt/frankfurt_000000_000000",
        "frankfurt/frankfurt_000002_000020",
        "munster/munster_000001_000010",
    ]
    assert data.published == 500


@pytest.mark.parametrize(
    ("background", "others", "zero", "other"),
    [
        (False, None, 255, 255),
        (True, None, 0, 0),
        (False, "background", 0, 0),
        (True, "ignore", 0, 255),
    ],
)
def test_raw_ids_outside_the_19(
    root: Path, background: bool, others: str | None, zero: int, other: int
) -> None:
    name = "munster/munster_000001_000010"
    every = np.arange(72 * 96, dtype=np.uint8).reshape(72, 96) % 34
    Image.fromarray(every).save(root / f"gtFine/val/{name}_gtFine_labelIds.png")
    data = Cityscapes(root, background=background, others=others)
    target = data.dataset[2].target
    assert target is not None
    for number in range(34):
        found = set(target.numpy()[every == number].tolist())
        if number in EVALUATED:
            assert found == {1 + EVALUATED.index(number)}
        else:
            assert found == {other if number else zero}
    assert data.scored == tuple(range(0 if background else 1, 20))
    described = data.describe()
    assert described["background"] is background
    assert described["others"] in ("ignore", "background")


def test_single_things_have_their_class(root: Path) -> None:
    data = Cityscapes(root)
    seen = 0
    for number, name in enumerate(data.dataset.names):
        sample, numbers = data.dataset[number], raw(root, name, "instanceIds")
        assert sample.regions is not None
        expected = [n for n in np.unique(numbers).tolist() if n >= 1000]
        ids = [CITYSCAPES.ids[label] for label in sample.regions.labels.tolist()]
        assert ids == [n // 1000 for n in expected]
        for mask, n in zip(sample.regions.masks().numpy(), expected, strict=True):
            assert np.array_equal(mask, numbers == n)
        seen += len(expected)
    assert seen > 2


def test_instances_are_optional(root: Path) -> None:
    for path in root.rglob("*instanceIds.png"):
        path.unlink()
    assert Cityscapes(root).dataset[0].regions is None


def test_unknown_ids_and_missing_masks_are_problems(root: Path) -> None:
    mask = next(root.rglob("*frankfurt_000000*labelIds.png"))
    Image.fromarray(np.full((72, 96), 40, np.uint8)).save(mask)
    next(root.rglob("*munster*labelIds.png")).unlink()
    data = Cityscapes(root)
    assert "ids [40]" in str(data.dataset[0].problem)
    assert data.dataset[1].problem is None
    assert "there is no mask" in str(data.dataset[2].problem)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"leftImg8bit/train and gtFine/train.*\n\nCityscapes"):
        Cityscapes(root, split="train")
    (root / "leftImg8bit/test").mkdir()
    with pytest.raises(ImageError, match="test/CITY"):
        Cityscapes(root, split="test")
    with pytest.raises(ZerosegError, match="no split 'dev'"):
        Cityscapes(root, split="dev")
    with pytest.raises(ZerosegError, match="ignore or background"):
        Cityscapes(root, others="drop")


def test_the_test_split_has_no_annotation(root: Path) -> None:
    (root / "leftImg8bit/val").rename(root / "leftImg8bit/test")
    (root / "gtFine/val").rename(root / "gtFine/test")
    sample = Cityscapes(root, split="test").dataset[0]
    assert (sample.target, sample.problem) == (None, None)
