"""LVIS as label maps: classes from its own file, pictures of two folders, masks laid in order."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.check import check
from zeroseg.data.lvis import Lvis
from zeroseg.errors import ImageError, VocabularyError, ZerosegError

VOID = 255


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.lvis(tmp_path, 3)


def listed(root: Path) -> Path:
    return root / "annotations/lvis_v1_val.json"


def square(number: int, category: int, x: int, side: int, **more: Any) -> dict[str, Any]:
    outline = [x, x, x + side, x, x + side, x + side, x, x + side]
    return {
        "id": number,
        "image_id": 1,
        "category_id": category,
        "segmentation": [outline],
        "area": side * side,
    } | more


def write(root: Path, *annotations: dict[str, Any], **more: Any) -> Path:
    (root / "val2017").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30)).save(root / "val2017/000000000001.jpg")
    listed(root).parent.mkdir(exist_ok=True)
    address = "http://images.cocodataset.org/val2017/000000000001.jpg"
    image = {"id": 1, "coco_url": address, "height": 30, "width": 40}
    categories = [*miniatures.LVIS_CATEGORIES]
    content = {"images": [image], "annotations": [*annotations], "categories": categories}
    listed(root).write_text(json.dumps(content | more))
    return root


def test_classes_are_those_of_the_file(root: Path) -> None:
    classes = Lvis(root).vocabulary
    names = ("background", "person", "dog", "puppy", "cow", "car_(automobile)")
    assert (classes.names, classes.ids, classes.name) == (names, (0, 1, 2, 3, 4, 7), "lvis")
    assert classes.prompts[5] == "car (automobile)"
    assert classes.aliases[1] == ("child",)  # a baby may be a puppy
    assert classes.aliases[3] == ()


def test_pictures_of_both_folders_and_what_has_no_mask(root: Path) -> None:
    data = Lvis(root)
    assert [sample.problem for sample in data.dataset] == [None] * 3
    assert list(data.dataset.names) == [f"{139 + n:012d}" for n in range(3)]
    assert (data.scored, data.describe()["background"]) == ((1, 2, 3, 4, 5), False)
    scored = Lvis(root, background=True)
    assert scored.scored == tuple(range(6))
    for one, other in zip(data.dataset, scored.dataset, strict=True):
        void = one.target == VOID
        assert bool(void.any()) and not bool((one.target == 0).any())
        assert bool((other.target[void] == 0).all())
        assert bool((other.target[~void] == one.target[~void]).all())


def test_the_smaller_lies_on_the_larger_in_whatever_order(tmp_path: Path) -> None:
    masks = [square(1, 2, 4, 6), square(2, 4, 0, 20), square(3, 7, 6, 2)]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        truth = Lvis(write(tmp_path, *(masks[i] for i in order))).dataset.truth(0)
        assert [int(truth.target[y, y]) for y in (1, 5, 7, 19, 25)] == [4, 2, 5, 4, VOID]
        assert sorted(truth.regions.labels.tolist()) == [2, 4, 5]


def test_without_a_stated_area_pixels_are_counted(tmp_path: Path) -> None:
    masks = [square(1, 2, 4, 6, area=None), square(2, 4, 0, 20, area=None)]
    target = Lvis(write(tmp_path, *masks)).dataset.truth(0).target
    assert (int(target[5, 5]), int(target[1, 1])) == (2, 4)


def test_memory_does_not_grow_with_the_number_of_masks(tmp_path: Path) -> None:
    side, peaks = 800, []
    for count in (4, 40):
        masks = [square(n, 2, 0, side - n) for n in range(count)]
        size = {"height": side, "width": side}
        image = [{"id": 1, "coco_url": "http://x/val2017/000000000001.jpg", **size}]
        data = Lvis(write(tmp_path / str(count), *masks, images=image))
        tracemalloc.start()
        data.dataset.truth(0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


def test_what_is_wrong_costs_its_own_picture(root: Path) -> None:
    content = json.loads(listed(root).read_text())
    first, second, third = (image["id"] for image in content["images"])
    content["annotations"].append(square(900, 5, 0, 5, image_id=first))
    content["annotations"].append(square(901, 2, 0, 5, image_id=second, segmentation=[[1] * 7]))
    listed(root).write_text(json.dumps(content))
    (root / f"val2017/{third:012d}.jpg").unlink()
    problems = [str(sample.problem) for sample in Lvis(root).dataset]
    assert "annotation 900 is of category 5, which is none of the 5 here" in problems[0]
    assert "annotation 901 is broken: its polygon has 7 coordinates" in problems[1]
    assert f"{third:012d}.jpg" in problems[2]
    assert len(check(Lvis(root)).problems) == 3


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ([], "lists no categories"),
        ([{"id": 1}], "has no id and name"),
        ([{"name": "dog"}], "has no id and name"),
        ([{"id": 1, "name": "dog"}, {"id": 2, "name": "Dog"}], "more than once"),
        ([{"id": 1, "name": "dog"}, {"id": 1, "name": "cat"}], "ids repeat"),
    ],
)
def test_categories_that_are_none(root: Path, categories: list[Any], says: str) -> None:
    content = json.loads(listed(root).read_text())
    listed(root).write_text(json.dumps(content | {"categories": categories}))
    with pytest.raises(VocabularyError, match=says):
        Lvis(root)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="lvis has no split 'test'"):
        Lvis(root, split="test")
    with pytest.raises(ImageError, match=r"no lvis at .*annotations/lvis_v1_train\.json"):
        Lvis(root, split="train")
    listed(root).write_text("{")
    with pytest.raises(ImageError, match="cannot be read as JSON"):
        Lvis(root)
