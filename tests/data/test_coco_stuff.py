"""COCO-Stuff: published maps and converted ones say the same, gaps and void included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import miniatures
from zeroseg.data.coco_stuff import CocoStuff
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import COCO81, COCO_STUFF

NEVER = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91]
"""Ids of COCO that are annotated nowhere."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.coco_stuff(tmp_path, 2)


def raw(root: Path, ids: np.ndarray) -> Path:
    """The first picture with a published map in place of the converted one."""
    for file in (root / "annotations/val2017").iterdir():
        file.unlink()
    file = root / "stuffthingmaps/val2017/000000000139.png"
    miniatures.save(ids.astype(np.uint8), file)
    return file


def test_every_published_id(root: Path) -> None:
    published = [number for number in range(1, 183) if number not in NEVER]
    every = np.resize(np.array([number - 1 for number in published]), (72, 96))
    file = raw(root, every)
    data = CocoStuff(root)
    assert data.annotation == "stuffthingmaps"
    target = data.dataset[0].target.numpy()
    assert np.array_equal(target, np.resize(np.arange(171), (72, 96)))
    things = {COCO81.ids[i] - 1: COCO81.names[i] for i in COCO81.classes}
    for value, name in things.items():
        assert {COCO_STUFF.names[i] for i in np.unique(target[every == value])} == {name}
    for number in NEVER:
        Image.fromarray(np.full((72, 96), number - 1, np.uint8)).save(file)
        assert f"ids [{number - 1}]" in str(CocoStuff(root).dataset[0].problem)
    Image.fromarray(np.full((72, 96), 255, np.uint8)).save(file)
    assert set(CocoStuff(root).dataset[0].target.unique().tolist()) == {255}
    assert "there is no mask" in str(CocoStuff(root).dataset[1].problem)


def test_converted_maps_say_the_same(root: Path, tmp_path: Path) -> None:
    data = CocoStuff(root)
    assert data.annotation == data.describe()["annotation"] == "labelTrainIds"
    assert (data.title, data.scored) == ("coco-stuff", tuple(range(171)))
    both = miniatures.coco81_maps(tmp_path / "published", 2)
    published = CocoStuff(both)
    assert published.annotation == "stuffthingmaps"
    for one, other in zip(data.dataset, published.dataset, strict=True):
        named = other.target != 255  # the miniature of published maps names less of the stuff
        assert bool(named.any()) and torch.equal(one.target[named], other.target[named])


def test_published_maps_beside_converted_ones(root: Path) -> None:
    folder = root / "annotations/val2017"
    for file in list(folder.iterdir()):  # the converter writes beside them
        void = np.full((72, 96), 255, np.uint8)
        miniatures.save(void, folder / file.name.replace("_labelTrainIds", ""))
    data = CocoStuff(root)
    assert data.annotation == "labelTrainIds" and len(data.dataset) == 2
    assert len(data.dataset[0].target.unique()) > 1


def test_stray_ids_and_files_that_are_no_maps(root: Path) -> None:
    folder = root / "annotations/val2017"
    one, other = sorted(folder.iterdir())
    Image.fromarray(np.full((72, 96), 171, np.uint8)).save(one)
    other.write_bytes(other.read_bytes()[:60])
    first, second = CocoStuff(root).dataset
    assert "ids [171]" in str(first.problem)
    assert "cannot be read" in str(second.problem)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="coco-stuff has no split 'val'"):
        CocoStuff(root, split="val")
    for file in (root / "annotations/val2017").iterdir():
        file.unlink()
    with pytest.raises(ImageError, match=r"expected stuffthingmaps/val2017/\*\.png"):
        CocoStuff(root)
    (root / "images/val2017").rename(root / "images/test2017")
    sample = CocoStuff(root, split="test2017").dataset[0]
    assert (sample.target, sample.problem) == (None, None)
