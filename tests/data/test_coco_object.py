"""COCO-Object: things of COCO, from the maps the field takes before instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import miniatures
from zeroseg.data.coco81 import Coco81
from zeroseg.data.coco_object import CocoObject
from zeroseg.errors import ImageError
from zeroseg.vocabularies import COCO81


def test_all_forms_of_the_annotation_agree(tmp_path: Path) -> None:
    converted = CocoObject(miniatures.coco_object(tmp_path / "a", 3))
    maps = CocoObject(miniatures.coco81_maps(tmp_path / "b", 3))
    listed = CocoObject(miniatures.coco81(tmp_path / "c", 3))
    found = [data.describe()["annotation"] for data in (converted, maps, listed)]
    assert found == ["instanceTrainIds", "stuffthingmaps", "instances"]
    for samples in zip(converted.dataset, maps.dataset, listed.dataset, strict=True):
        assert all(torch.equal(samples[0].target, sample.target) for sample in samples)
    assert converted.title == "coco-object"
    assert converted.scored == tuple(range(81)) and converted.vocabulary == COCO81


def test_maps_come_before_instances_unless_they_are_asked_for(tmp_path: Path) -> None:
    root = miniatures.coco81(tmp_path, 3)
    miniatures.coco81_maps(root, 3)
    assert CocoObject(root).annotation == "stuffthingmaps"
    assert CocoObject(root, annotation="instances").annotation == "instances"
    assert Coco81(root).annotation == "instances"
    miniatures.coco_object(root, 3)
    assert CocoObject(root).annotation == "instanceTrainIds"


def test_ids_of_converted_maps_have_no_gaps(tmp_path: Path) -> None:
    root = miniatures.coco_object(tmp_path, 3)
    every = np.arange(72 * 96).reshape(72, 96) % 81
    first, second, third = sorted((root / "annotations/val2017").iterdir())
    Image.fromarray(every.astype(np.uint8)).save(first)
    Image.fromarray(np.full((72, 96), 81, np.uint8)).save(second)
    third.unlink()
    data = CocoObject(root)
    assert np.array_equal(data.dataset[0].target, every)
    assert "ids [81]" in str(data.dataset[1].problem)
    assert "_instanceTrainIds.png'" in str(data.dataset[2].problem)


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "val2017").mkdir()
    with pytest.raises(ImageError, match="no coco-object at"):
        CocoObject(tmp_path)
