"""PASCAL VOC 2012: the devkit's layout, void, objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import miniatures
from zeroseg.data.drawn_scenes import class_of
from zeroseg.data.voc2012 import Voc20, Voc2012
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import VOC2012


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.voc2012(tmp_path, 3)


@pytest.mark.parametrize("place", [".", "VOC2012", ".."])
def test_the_devkit_its_year_or_its_parent(root: Path, place: str) -> None:
    data = Voc2012(root / place)
    assert list(data.dataset.names) == ["2007_000000", "2007_000001", "2007_000002"]
    described = {"name": "voc2012", "count": 3, "split": "val", "words": "names"}
    assert data.describe() == described
    assert (data.picture_count, data.void_classes, data.scored) == (1449, 1, tuple(range(21)))


def test_truth_is_the_scene_with_void_outlines(root: Path) -> None:
    data = Voc2012(root)
    for number in range(3):
        sample, scene = data.dataset[number], miniatures.scene(number)
        assert sample.target is not None and sample.problem is None
        void = sample.target == 255
        assert 0 < void.float().mean() < 0.3
        for part, region in enumerate(scene.regions):
            inside = torch.from_numpy(scene.segments == part) & ~void
            assert set(sample.target[inside].tolist()) <= {class_of(region, VOC2012)}


def test_objects_have_the_class_of_their_pixels(root: Path) -> None:
    sample = Voc2012(root).dataset[1]
    assert sample.regions is not None and sample.target is not None
    assert len(sample.regions.labels) > 1
    for mask, label in zip(sample.regions.masks(), sample.regions.labels, strict=True):
        assert set(sample.target[mask].tolist()) == {int(label)}
    things = (sample.target != 255) & (sample.target != 0)
    assert torch.equal(sample.regions.masks().any(0), things)


def test_objects_are_optional_but_must_fit(root: Path) -> None:
    path = root / "VOC2012/SegmentationObject/2007_000001.png"
    Image.new("P", (9, 9)).save(path)
    assert "(9, 9)" in str(Voc2012(root).dataset[1].problem)
    path.unlink()
    sample = Voc2012(root).dataset[1]
    assert (sample.problem, sample.regions) == (None, None)


def test_a_broken_file_is_the_problem_of_its_sample(root: Path) -> None:
    (root / "VOC2012/SegmentationClass/2007_000000.png").unlink()
    Image.fromarray(np.full((72, 96), 99, np.uint8)).save(
        root / "VOC2012/SegmentationClass/2007_000001.png"
    )
    (root / "VOC2012/JPEGImages/2007_000002.jpg").write_bytes(b"")
    problems = [str(Voc2012(root).dataset[i].problem) for i in range(3)]
    assert "there is no mask" in problems[0]
    assert "ids [99]" in problems[1]
    assert "is empty" in problems[2]


def test_the_test_split_has_no_annotation(root: Path) -> None:
    sample = Voc2012(root, split="test").dataset[0]
    assert (sample.target, sample.problem) == (None, None)


def test_what_is_not_there_is_told_with_how_to_fetch_it(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"Segmentation/val\.txt.*found no such folder") as told:
        Voc2012(tmp_path / "gone")
    for word in ("host.robots.ox.ac.uk", "Flickr", "JPEGImages/2007_000033.jpg"):
        assert word in str(told.value)
    with pytest.raises(ZerosegError, match="no split 'dev'; there are train, val, trainval, test"):
        Voc2012(root, split="dev")
    with pytest.raises(ImageError, match=r"train\.txt"):
        Voc2012(root, split="train")
    (root / "VOC2012/ImageSets/Segmentation/val.txt").write_text("\n")
    with pytest.raises(ImageError, match="names no picture"):
        Voc2012(root)


def test_pictures_keep_the_order_of_their_pixels(root: Path) -> None:
    file = next((root / "VOC2012").glob("JPEGImages/2007_000001.jpg"))
    with Image.open(file) as picture:
        exif = picture.getexif()
        exif[0x0112] = 6  # "turn by a quarter": the mask is not turned either
        picture.save(file, exif=exif)
    with Image.open(file) as picture:
        stored = np.asarray(picture)
    sample = Voc2012(root).dataset[1]
    assert sample.problem is None
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), stored)


def test_suffixes_of_any_kind_and_what_is_missing(root: Path) -> None:
    folder = root / "VOC2012"
    (folder / "JPEGImages/2007_000000.jpg").rename(folder / "JPEGImages/2007_000000.JPG")
    for kind in ("Class", "Object"):
        mask = folder / f"Segmentation{kind}/2007_000000.png"
        mask.rename(mask.with_suffix(".PNG"))
    with Image.open(folder / "JPEGImages/2007_000001.jpg") as picture:
        picture.save(folder / "JPEGImages/2007_000001.png")
    for name in ("2007_000001", "2007_000002"):
        (folder / f"JPEGImages/{name}.jpg").unlink()
    first, second, third = Voc2012(root).dataset
    assert (first.problem, second.problem) == (None, None)
    assert first.regions is not None
    assert "2007_000002.jpg'" in str(third.problem)


def test_without_its_background(root: Path) -> None:
    whole, things = Voc2012(root), Voc20(root)
    assert (things.title, things.scored, things.void_classes) == ("voc20", tuple(range(1, 21)), 0)
    assert things.vocabulary == replace(whole.vocabulary, exhaustive=True)
    assert not whole.vocabulary.exhaustive
    for one, other in zip(whole.dataset, things.dataset, strict=True):
        expected = torch.where(one.target == 0, 255, one.target)
        assert torch.equal(other.target, expected)
        assert one.regions is not None and other.regions is not None
        assert torch.equal(one.regions.labels, other.regions.labels)
