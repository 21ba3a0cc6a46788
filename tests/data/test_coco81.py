"""COCO-81: instances laid over each other, stuffthingmaps, the gaps between ids."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import miniatures
from zeroseg.data.coco81 import Coco81
from zeroseg.data.drawn_scenes import class_of
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import COCO81


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.coco81(tmp_path, 3)


def instances(root: Path) -> Path:
    return root / "annotations/instances_val2017.json"


def rectangle(number: int, category: int, x: int, y: int, side: int, **more: Any) -> dict[str, Any]:
    outline = [x, y, x + side, y, x + side, y + side, x, y + side]
    base = {"id": number, "image_id": 1, "category_id": category, "iscrowd": 0}
    return base | {"segmentation": [outline], "area": side * side} | more


def write(root: Path, *annotations: dict[str, Any]) -> Path:
    """One picture of 40 x 30 pixels and its annotations."""
    (root / "val2017").mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(root / "val2017/000000000001.jpg")
    instances(root).parent.mkdir()
    image = {"id": 1, "file_name": "000000000001.jpg", "height": 30, "width": 40}
    instances(root).write_text(json.dumps({"images": [image], "annotations": list(annotations)}))
    return root


def test_the_scene_comes_back_from_polygons_and_run_lengths(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Coco81(root)
    assert capsys.readouterr().out == ""
    assert list(data.dataset.names) == ["000000000139", "000000000140", "000000000141"]
    expected = {"name": "coco81", "count": 3, "split": "val2017", "annotation": "instances"}
    assert data.describe() == expected | {"words": "names"}
    for number in range(3):
        scene, sample = miniatures.scene(number), data.dataset[number]
        table = np.array([class_of(region, COCO81) for region in scene.regions])
        assert sample.target is not None and sample.regions is not None
        assert np.array_equal(sample.target.numpy(), table[scene.segments])
        things = [n for n, label in enumerate(table.tolist()) if label]
        assert len(sample.regions.labels) == len(things) - 1
        crowd = torch.from_numpy(scene.segments == things[-1])
        assert set(sample.regions.segments[crowd].tolist()) == {-1}


def test_crowds_lie_below_and_small_things_on_top(tmp_path: Path) -> None:
    crowd = {"size": [30, 40], "counts": [0, 30 * 40]}
    root = write(
        tmp_path,
        rectangle(1, 17, 12, 12, 4),
        rectangle(2, 1, 10, 10, 10),
        rectangle(3, 90, 0, 0, 40, segmentation=crowd, iscrowd=1, area=3),
    )
    sample = Coco81(root).dataset[0]
    target = torch.full((30, 40), COCO81.ids.index(90))
    target[10:20, 10:20] = COCO81.index("person")
    target[12:16, 12:16] = COCO81.index("cat")
    assert sample.target is not None and sample.regions is not None
    assert torch.equal(sample.target, target)
    found = dict(zip(sample.regions.labels.tolist(), sample.regions.masks(), strict=True))
    assert set(found) == {COCO81.index("person"), COCO81.index("cat")}
    assert all(torch.equal(mask, target == label) for label, mask in found.items())


def test_a_thing_that_is_wholly_covered_is_no_region(tmp_path: Path) -> None:
    root = write(tmp_path, rectangle(1, 1, 4, 4, 8), rectangle(2, 17, 4, 4, 8, area=63))
    regions = Coco81(root).dataset[0].regions
    assert regions is not None
    assert regions.labels.tolist() == [COCO81.index("cat")]


def test_a_picture_without_things_is_all_unlabeled(tmp_path: Path) -> None:
    sample = Coco81(write(tmp_path)).dataset[0]
    assert sample.target is not None and sample.regions is not None
    assert not sample.target.any() and len(sample.regions.labels) == 0
    assert sample.regions.segments.unique().tolist() == [-1]


def test_categories_in_the_gaps_and_broken_outlines_are_problems(tmp_path: Path) -> None:
    for number, one in enumerate((rectangle(1, 12, 0, 0, 9), rectangle(1, 1, 0, 0, 9))):
        one["segmentation"] = one["segmentation"] if number == 0 else "0 0 9 9"
        problem = str(Coco81(write(tmp_path / str(number), one)).dataset[0].problem)
        assert ("category 12", "annotation 1 is broken")[number] in problem


def test_stuffthingmaps_are_ids_less_one(tmp_path: Path) -> None:
    root = miniatures.coco81_maps(tmp_path, 1)
    every = np.arange(72 * 96).reshape(72, 96) % 183
    every[every == 182] = 255
    gaps = [v for v in range(91) if v + 1 not in COCO81.ids]
    assert len(gaps) == 11
    every[np.isin(every, gaps)] = 255
    mask = root / "stuffthingmaps/val2017/000000000139.png"
    Image.fromarray(every.astype(np.uint8)).save(mask)
    sample = Coco81(root).dataset[0]
    assert sample.target is not None and sample.regions is None
    for value in np.unique(every).tolist():
        found = {COCO81.ids[i] for i in sample.target.numpy()[every == value]}
        assert found == {value + 1 if value < 91 else 0}
    Image.fromarray(np.full((72, 96), gaps[0], np.uint8)).save(mask)
    assert "ids [11]" in str(Coco81(root).dataset[0].problem)


def test_both_annotations_agree_and_either_can_be_asked_for(root: Path, tmp_path: Path) -> None:
    miniatures.coco81_maps(root, 3)
    assert Coco81(root).annotation == "instances"
    one, other = Coco81(root, annotation="instances"), Coco81(root, annotation="stuffthingmaps")
    for a, b in zip(one.test_dataloader(), other.test_dataloader(), strict=True):
        assert all(torch.equal(x.target, y.target) for x, y in zip(a, b, strict=True))
    instances(root).unlink()
    assert Coco81(root).annotation == "stuffthingmaps"
    with pytest.raises(ImageError, match=r"expected annotations/instances_val2017\.json, found"):
        Coco81(root, annotation="instances")
    with pytest.raises(ZerosegError, match="instances or stuffthingmaps"):
        Coco81(root, annotation="panoptic")


@pytest.mark.parametrize("place", ["coco/images", "images"])
def test_pictures_may_lie_in_images(root: Path, tmp_path: Path, place: str) -> None:
    moved = root / place
    moved.mkdir(parents=True)
    (root / "val2017").rename(moved / "val2017")
    if place == "coco/images":
        (root / "annotations").rename(root / "coco/annotations")
    assert Coco81(root).dataset[0].problem is None


def test_the_test_split_has_no_annotation(root: Path) -> None:
    (root / "val2017").rename(root / "test2017")
    sample = Coco81(root, split="test2017").dataset[0]
    assert (sample.target, sample.problem) == (None, None)


def test_what_is_not_there_or_no_instances_file(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="expected val2017, found no such folder"):
        Coco81(tmp_path / "gone")
    for content, says in (
        ("{", "cannot be read"),
        ("[]", "no instances file"),
        ('{"images": []}', "no instances file"),
        ('{"images": [{"id": 1}], "annotations": []}', "no instances file"),
    ):
        instances(root).write_text(content)
        with pytest.raises(ImageError, match=says):
            Coco81(root)


def test_without_pycocotools_it_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(ZerosegError, match="pip install pycocotools"):
        Coco81(root)
