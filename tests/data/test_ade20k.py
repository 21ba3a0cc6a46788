"""ADE20K: 150 classes, and id 0 that is none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.ade20k import Ade20k
from zeroseg.errors import ImageError, ZerosegError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.ade20k(tmp_path, 2)


@pytest.mark.parametrize("background", [False, True])
def test_every_id_and_what_0_is(root: Path, background: bool) -> None:
    every = np.arange(72 * 96, dtype=np.int64).reshape(72, 96) % 151
    mask = root / "annotations/validation/ADE_val_00000001.png"
    Image.fromarray(every.astype(np.uint8)).save(mask)
    data = Ade20k(root.parent, background=background)
    assert list(data.dataset.names) == ["ADE_val_00000001", "ADE_val_00000002"]
    target = data.dataset[0].target
    assert target is not None
    expected = np.where((every == 0) & (not background), 255, every)
    assert np.array_equal(target.numpy(), expected)
    assert data.scored == tuple(range(0 if background else 1, 151))
    assert data.describe()["background"] is background
    Image.fromarray(np.full((72, 96), 151, np.uint8)).save(mask)
    assert "ids [151]" in str(data.dataset[0].problem)


def test_splits(root: Path) -> None:
    with pytest.raises(ZerosegError, match="no split 'val'; there are training, validation"):
        Ade20k(root, split="val")
    with pytest.raises(ImageError, match="images/training and annotations/training"):
        Ade20k(root, split="training")
    (root / "images/validation").rename(root / "images/testing")
    sample = Ade20k(root, split="testing").dataset[0]
    assert (sample.target, sample.problem) == (None, None)


def test_pictures_of_any_suffix_and_what_is_missing(root: Path) -> None:
    pictures, masks = root / "images/validation", root / "annotations/validation"
    (pictures / "ADE_val_00000001.jpg").rename(pictures / "ADE_val_00000001.JPEG")
    (masks / "ADE_val_00000001.png").rename(masks / "ADE_val_00000001.PNG")
    (masks / "ADE_val_00000002.png").unlink()
    first, second = Ade20k(root).dataset
    assert first.problem is None
    assert "there is no mask" in str(second.problem)
    Image.new("RGB", (96, 72)).save(pictures / "ADE_val_00000002.png")
    with pytest.raises(ImageError, match=r"one name: ADE_val_00000002\.jpg, ADE_val_00000002\.png"):
        Ade20k(root)


@pytest.mark.parametrize("number", [255, 256, 65535])
def test_masks_of_sixteen_bits(root: Path, number: int) -> None:
    deep = np.full((72, 96), 150, np.uint16)
    mask = root / "annotations/validation/ADE_val_00000001.png"
    Image.fromarray(deep).save(mask)
    target = Ade20k(root).dataset[0].target
    assert target is not None and set(target.unique().tolist()) == {150}
    deep[0] = number
    Image.fromarray(deep).save(mask)
    assert f"ids [{number}], which" in str(Ade20k(root).dataset[0].problem)
