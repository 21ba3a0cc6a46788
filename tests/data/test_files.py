"""The files of samples: where they lie, and what their numbers mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zeroseg.data.files import (
    Place,
    mask_called,
    number_regions,
    picture_called,
    pictures_in,
    read_objects,
    read_size,
    translate,
)
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.metrics.protocol import indices_of
from zeroseg.vocabularies import DRAM


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
    deep = tmp_path / "deep.tif"
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(deep)
    with pytest.raises(ImageError, match=r"deep\.tif' numbers single things outside of 0\.\.65535"):
        read_objects(Place("x", deep, deep, deep), torch.zeros(1, 2))


def test_ids_that_mean_nothing_are_named() -> None:
    ids = torch.tensor([[1, 2], [9, 8]])
    assert translate(ids[:1], {1: 5, 2: 255}, Path("x"), DRAM).tolist() == [[5, 255]]
    with pytest.raises(VocabularyError, match=r"'x' holds ids \[8, 9\]"):
        translate(ids, {1: 5, 2: 255}, Path("x"), DRAM)
    with pytest.raises(VocabularyError, match=r"ids \[-1, 256, 65535\], which"):
        translate(torch.tensor([[-1, 65535, 256, 1]]), {1: 5}, Path("x"), DRAM)
    with pytest.raises(VocabularyError, match=r"\[2, .*, 11\] and 988 more, which"):
        translate(torch.arange(1000)[None], {0: 0, 1: 1}, Path("x"), DRAM)


def test_ids_that_mean_nothing_alias_onto_indices_as_published() -> None:
    """As `indices_of` takes those of predictions; what is no index has no label."""
    ids = torch.tensor([[0, 1, 3, 11, 12, 255, 999]])
    meaning = {0: 0, 3: 1, 255: 255}
    assert translate(ids, meaning, Path("x"), DRAM, "alias").tolist() == [
        [0, 1, 1, 11, 255, 255, 255]
    ]
    expected = indices_of(ids[:, :4], DRAM, "alias")
    own = {number: index for index, number in enumerate(DRAM.ids)}
    assert torch.equal(translate(ids[:, :4], own, None, DRAM, "alias"), expected)


def test_regions_of_numbers() -> None:
    numbers = torch.tensor([[0, 5, 5], [9, 0, 3]])
    regions = number_regions(numbers, {9: 2, 5: 1})
    assert regions.segments.tolist() == [[-1, 1, 1], [0, -1, -1]]
    assert regions.labels.tolist() == [2, 1]
    assert number_regions(numbers, {}).labels.dtype == torch.int64


def test_pictures_and_masks_have_any_suffix(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.jpeg", "c.png", "d.jpg", "d.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    found = [picture_called(tmp_path / name).name for name in ("a", "b", "c", "d", "gone")]
    assert found == ["a.JPG", "b.jpeg", "c.png", "d.jpg", "gone.jpg"]
    (tmp_path / "e.PNG").touch()
    assert [mask_called(tmp_path / n).name for n in ("c", "e", "no.4")] == [
        "c.png",
        "e.PNG",
        "no.4.png",
    ]
    with pytest.raises(ImageError, match=r"one name: d\.jpg, d\.png"):
        pictures_in(tmp_path)
    for name in ("d.png", "e.PNG"):
        (tmp_path / name).unlink()
    assert list(pictures_in(tmp_path)) == ["a", "b", "c", "d"]
    (tmp_path / "empty").mkdir()
    assert pictures_in(tmp_path / "empty") == {}


def test_the_size_is_that_of_the_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 9)).save(tmp_path / "a.jpg", exif=exif)
    assert read_size(tmp_path / "a.jpg") == (9, 12)
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    for name in ("b.jpg", "gone.jpg", "x" * 300):
        with pytest.raises(ImageError, match="cannot be read"):
            read_size(tmp_path / name)
