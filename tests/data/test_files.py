"""Mask files: what they may be, and what their numbers mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.data.files import (
    MissingMask,
    Place,
    number_regions,
    read_ids,
    read_objects,
    translate,
)
from zeroseg.errors import ImageError, VocabularyError


def test_ids_of_eight_bits(tmp_path: Path) -> None:
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / "x.png"
    Image.fromarray(ids).save(path)
    assert read_ids(path).dtype == torch.int64
    assert np.array_equal(read_ids(path).numpy(), ids)
    Image.fromarray(ids.astype(np.uint16)).save(path)
    with pytest.raises(ImageError, match="not of ids"):
        read_ids(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ImageError, match=r"x\.png"):
        read_ids(path)
    with pytest.raises(MissingMask, match="there is no mask"):
        read_ids(tmp_path / "gone.png")


def test_objects_of_sixteen_bits(tmp_path: Path) -> None:
    numbers = np.array([[0, 7, 33_018], [255, 256, 24_000]], np.uint16)
    path = tmp_path / "x.png"
    Image.fromarray(numbers).save(path)
    place = Place("x", path, path, path)
    found = read_objects(place, torch.zeros(2, 3))
    assert found is not None and found.tolist() == numbers.tolist()
    assert read_objects(Place("x", path, path), torch.zeros(2, 3)) is None
    with pytest.raises(ImageError, match=r"\(2, 3\), but the classes"):
        read_objects(place, torch.zeros(3, 3))


def test_ids_that_mean_nothing_are_named() -> None:
    ids = torch.tensor([[1, 2], [9, 8]])
    assert translate(ids[:1], {1: 5, 2: 255}, Path("x")).tolist() == [[5, 255]]
    with pytest.raises(VocabularyError, match=r"'x' holds ids \[8, 9\]"):
        translate(ids, {1: 5, 2: 255}, Path("x"))


def test_regions_of_numbers() -> None:
    numbers = torch.tensor([[0, 5, 5], [9, 0, 3]])
    regions = number_regions(numbers, {9: 2, 5: 1})
    assert regions.segments.tolist() == [[-1, 1, 1], [0, -1, -1]]
    assert regions.labels.tolist() == [2, 1]
    assert number_regions(numbers, {}).labels.dtype == torch.int64
