"""Instances files as they are found in the wild."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from tests.data.miniatures import run_lengths
from zeroseg.data.check import check
from zeroseg.data.coco81 import Coco81
from zeroseg.data.sample import Sample
from zeroseg.errors import ImageError, VocabularyError, ZerosegError
from zeroseg.vocabularies import COCO81

CASES = Path(__file__).parents[1] / "cases" / "coco"
DOG, CAT = COCO81.index("dog"), COCO81.index("cat")
HEIGHT, WIDTH = 40, 60
SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
FAR_SQUARE = [40, 5, 50, 5, 50, 15, 40, 15]

Change = Callable[[dict[str, Any]], object]


def content(*odd: dict[str, Any]) -> dict[str, Any]:
    """Two pictures with a dog of 400 pixels each; the first also has the odd annotations."""
    dogs = [
        {"id": n, "image_id": n, "category_id": 18, "iscrowd": 0, "area": 400.0}
        | {"segmentation": [SQUARE], "bbox": [10, 10, 20, 20]}
        for n in (1, 2)
    ]
    base = {"id": 7, "image_id": 1, "category_id": 17, "iscrowd": 0, "area": 100}
    images = [
        {"id": n, "file_name": f"{n:012d}.jpg", "height": HEIGHT, "width": WIDTH} for n in (1, 2)
    ]
    return {
        "images": images,
        "annotations": [*dogs, *({**base, **one} for one in odd)],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
    }


def write(root: Path, written: dict[str, Any]) -> Coco81:
    for image in written["images"]:
        file = image.get("file_name") if isinstance(image, dict) else None
        if isinstance(file, str) and "://" not in file and ".." not in file:
            place = root / "val2017" / file.replace("\\", "/").lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT)).save(place)
    file = root / "annotations/instances_val2017.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(written))
    return Coco81(root)


def pixels(sample: Sample) -> dict[int, int]:
    """Pixels of each class but unlabeled."""
    assert sample.problem is None and sample.target is not None, sample.problem
    counts = torch.bincount(sample.target.flatten()).tolist()
    return {index: count for index, count in enumerate(counts) if index and count}


@pytest.mark.parametrize("case", ["polygon_of_four_numbers", "empty_segmentation"])
def test_what_describes_nothing_costs_nothing(case: str) -> None:
    data = Coco81(CASES / case)
    assert [pixels(sample) for sample in data.dataset] == [{DOG: 400}]
    assert data.notes == ("1 x annotation without an outline of three points",)


def test_run_lengths_of_another_size_cost_their_picture() -> None:
    data = Coco81(CASES / "rle_of_another_size")
    assert "annotation 2 is broken: its run lengths are of (60, 40)" in str(data.dataset[0].problem)
    [problem] = check(data).problems
    assert (problem.kind, problem.count) == ("unreadable mask", 1)


def test_other_categories_are_refused_by_name() -> None:
    with pytest.raises(VocabularyError, match=r"none of COCO's 80: helmet \(1\); .*vocabulary"):
        Coco81(CASES / "other_categories")


def test_pictures_keep_the_order_of_their_pixels() -> None:
    sample = Coco81(CASES / "exif_quarter_turn").dataset[0]
    assert pixels(sample) == {DOG: 400}
    assert sample.image.shape == (3, HEIGHT, WIDTH)


def test_names_hold_folders() -> None:
    data = Coco81(CASES / "same_name_in_two_folders")
    assert list(data.dataset.names) == ["a/x", "b/x"]
    assert [pixels(sample) for sample in data.dataset] == [{DOG: 400}, {}]


@pytest.mark.parametrize(
    "odd",
    [
        {"segmentation": [FAR_SQUARE], "iscrowd": None},
        {"segmentation": [FAR_SQUARE], "iscrowd": "0"},
        {"segmentation": [FAR_SQUARE], "area": None},
        {"segmentation": [FAR_SQUARE], "area": "100"},
        {"segmentation": [FAR_SQUARE], "area": float("nan")},
        {"segmentation": FAR_SQUARE},
        {"segmentation": [FAR_SQUARE], "image_id": "1", "category_id": "17"},
        {"segmentation": [FAR_SQUARE], "image_id": 1.0, "category_id": 17.0, "id": None},
        {"segmentation": [FAR_SQUARE], "id": 1},
        {"segmentation": [FAR_SQUARE], "iscrowd": 1},
    ],
)
def test_annotations_of_evident_meaning(tmp_path: Path, odd: dict[str, Any]) -> None:
    written = content(odd)
    if odd["segmentation"] is FAR_SQUARE:
        for one in written["annotations"]:
            for key in ("iscrowd", "area", "bbox"):
                one.pop(key, None)
    found = [pixels(sample) for sample in write(tmp_path, written).dataset]
    assert found == [{DOG: 400, CAT: 100}, {DOG: 400}]


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"segmentation": "x"}, "annotation 7 is broken: its segmentation is a str"),
        ({"segmentation": [[*FAR_SQUARE[1:], "x"]]}, "annotation 7 is broken: its polygon"),
        ({"segmentation": {"size": [60, 40], "counts": [2400]}}, "annotation 7 is broken: its run"),
        ({"segmentation": {"size": [40, 60], "counts": "a"}}, "annotation 7 is broken: its run"),
        ({"segmentation": [FAR_SQUARE], "iscrowd": "yes"}, "annotation 7 is broken: its iscrowd"),
        ({"segmentation": [FAR_SQUARE], "category_id": 99}, "annotation 7 is of category 99"),
        ({"segmentation": [FAR_SQUARE], "category_id": None}, "annotation 7 is of category none"),
        ({"segmentation": [FAR_SQUARE], "category_id": [1]}, r"annotation 7 is of category \[1\]"),
        ({"segmentation": "x", "id": None}, "annotation without an id is broken"),
    ],
)
def test_an_odd_annotation_costs_its_own_picture(
    tmp_path: Path, odd: dict[str, Any], says: str
) -> None:
    first, second = write(tmp_path, content(odd)).dataset
    with pytest.raises(AssertionError, match=says):
        pixels(first)
    assert pixels(second) == {DOG: 400}


@pytest.mark.parametrize("odd", [None, [], [[]], {}, [[1, 2, 3, 4]], "gone"])
def test_annotations_without_an_outline_are_passed_over(tmp_path: Path, odd: Any) -> None:
    written = content({"segmentation": odd, "category_id": 99})
    if odd == "gone":
        del written["annotations"][-1]["segmentation"]
    data = write(tmp_path, written)
    assert [pixels(sample) for sample in data.dataset] == [{DOG: 400}, {DOG: 400}]
    assert data.notes == ("1 x annotation without an outline of three points",)


def test_annotations_of_pictures_that_are_not_listed_are_passed_over(tmp_path: Path) -> None:
    written = content({"image_id": 99, "segmentation": "x"}, {"image_id": None})
    written["annotations"] += [None, "x", 3]
    data = write(tmp_path, written)
    assert [pixels(sample) for sample in data.dataset] == [{DOG: 400}, {DOG: 400}]
    assert data.notes[:2] == (
        "3 x annotation that is no mapping",
        "2 x annotation of a picture that is not listed",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"height": "40", "width": "60"},
        {"height": 40.0, "width": 60.0},
        {"height": None, "width": None},
        {"height": "?", "width": -1},
        {"id": "1"},
        {"id": "000001"},
        {"coco_url": "http://images.cocodataset.org/val2017/z.jpg"},
    ],
)
def test_pictures_of_evident_meaning(tmp_path: Path, change: dict[str, Any]) -> None:
    written = content({"segmentation": [FAR_SQUARE]})
    written["images"][0] |= change
    found = [pixels(sample) for sample in write(tmp_path, written).dataset]
    assert found == [{DOG: 400, CAT: 100}, {DOG: 400}]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"height": 41}, r"the annotation is \(41, 60\), but its picture is \(40, 60\)"),
        ({"height": 10**9, "width": 10**9}, "too large for any"),
        ({"id": 2}, "the id 2 is that of several pictures: 000000000001.jpg, 000000000002.jpg"),
        ({"id": None}, "listed without an id"),
        ({"file_name": "000000000003.jpg"}, "there is no file|cannot be read"),
        ({"file_name": "../secret.jpg"}, "image 0: the name '../secret.jpg' leads out"),
        ({"file_name": "/etc/x.jpg"}, "leads out"),
        ({"file_name": "C:\\x.jpg"}, "leads out"),
        ({"file_name": None}, "image 0: the entry has no file_name"),
        ({"file_name": 5}, "image 0: the entry has no file_name"),
        ({"file_name": ""}, "image 0: the entry has no file_name"),
        ({"file_name": "http://[bad/a.jpg"}, "image 0: 'http://.*is no address of a picture"),
        ({"file_name": "a\ud800.jpg"}, r"image 0: 'a\\ud800.jpg' is no name of a picture"),
        ({"height": None, "file_name": "000000000003.jpg"}, "cannot be read: there is no such"),
    ],
)
def test_an_odd_picture_costs_itself(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    root, written = tmp_path, content()
    write(root, written)
    written["images"][0] |= change
    (root / "annotations/instances_val2017.json").write_text(json.dumps(written))
    problems = {sample.name: sample.problem for sample in Coco81(root).dataset}
    assert len(problems) == 2
    assert all(".." not in name and not name.startswith("/") for name in problems)
    other = problems.pop("000000000002")
    assert other is None or change.get("id") == 2
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(next(iter(problems.values())))


def test_pictures_that_are_listed_twice(tmp_path: Path) -> None:
    written = content()
    written["images"] += [dict(written["images"][0]), written["images"][1] | {"id": 5}, None]
    problems = {sample.name: sample.problem for sample in write(tmp_path, written).dataset}
    assert problems == {
        "000000000001": None,
        "000000000002": "the picture is listed several times, with the ids 2, 5",
        "entry-4": "image 4: the entry has no file_name",
    }


@pytest.mark.parametrize(
    ("file", "place", "name"),
    [
        ("val2017/x.jpg", "val2017/x.jpg", "val2017/x"),
        ("a\\x.jpg", "val2017/a/x.jpg", "a/x"),
        ("./a/x.jpg", "val2017/a/x.jpg", "a/x"),
        ("http://host/val2017/x%20y.jpg?size=9", "val2017/x y.jpg", "x y"),
        ("x.PNG", "val2017/x.PNG", "x"),
    ],
)
def test_where_pictures_lie(tmp_path: Path, file: str, place: str, name: str) -> None:
    written = content()
    del written["images"][1]
    for key in ("file_name", "coco_url"):
        written["images"][0] = {"id": 1, "height": HEIGHT, "width": WIDTH, key: file}
        root = tmp_path / key
        (root / place).parent.mkdir(parents=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(root / place)
        (root / "annotations").mkdir()
        (root / "annotations/instances_val2017.json").write_text(json.dumps(written))
        data = Coco81(root)
        assert list(data.dataset.names) == [name]
        assert pixels(data.dataset[0]) == {DOG: 400}


def test_two_pictures_that_differ_by_their_suffix(tmp_path: Path) -> None:
    written = content()
    written["images"][0]["file_name"] = "000000000002.png"
    data = write(tmp_path, written)
    assert list(data.dataset.names) == ["000000000002.jpg", "000000000002.png"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({18: "Dog", 17: "cat"}, [DOG, CAT]),
        ({18: "cat", 17: "dog"}, [CAT, DOG]),
        ({18: "dining table", 17: "diningtable"}, [COCO81.index("dining-table")] * 2),
        (
            {18: "Traffic_Light", 17: "tvmonitor"},
            [COCO81.index(n) for n in ("traffic-light", "tv")],
        ),
        (
            {18: "aeroplane", 17: "sofa", 1: "helmet"},
            [COCO81.index(n) for n in ("airplane", "couch")],
        ),
    ],
)
def test_categories_are_known_by_their_names(
    tmp_path: Path, names: dict[int, str], expected: list[int]
) -> None:
    written = content({"segmentation": [FAR_SQUARE]})
    written["categories"] = [{"id": number, "name": name} for number, name in names.items()]
    data = write(tmp_path, written)
    found: dict[int, int] = {}
    for index, count in zip(expected, (400, 100), strict=True):
        found[index] = found.get(index, 0) + count
    assert pixels(data.dataset[0]) == found
    assert data.describe()["annotation"] == "instances"


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ([{"id": 17, "name": "cat"}, {"id": 18, "name": "helmet"}], r"80: helmet \(18\)"),
        ([{"id": 17, "name": "cat"}, {"id": 18}], r"without a name \(18\)"),
        ([{"id": 17, "name": "cat"}, {"id": 18, "name": "unlabeled"}], r"unlabeled \(18\)"),
        ([{"id": 18, "name": "dog"}, {"id": 18, "name": "cat"}], "category 18 twice: dog and cat"),
        ([{"id": 1, "name": "helmet"}], r"helmet \(1\)"),
        ({"18": "dog"}, "no list of ids and names"),
        ({}, "no list of ids and names"),
        ("dog", "no list of ids and names"),
    ],
)
def test_categories_that_are_not_cocos(tmp_path: Path, categories: Any, says: str) -> None:
    written = content({"segmentation": [FAR_SQUARE]}) | {"categories": categories}
    with pytest.raises(VocabularyError, match=says):
        write(tmp_path, written)


@pytest.mark.parametrize("categories", [None, [], "gone"])
def test_without_categories_ids_are_cocos_own_and_it_is_said(
    tmp_path: Path, categories: Any
) -> None:
    written = content({"segmentation": [FAR_SQUARE]}) | {"categories": categories}
    if categories == "gone":
        del written["categories"]
    data = write(tmp_path, written)
    assert pixels(data.dataset[0]) == {DOG: 400, CAT: 100}
    assert data.describe()["annotation"] == "instances, ids as COCO's own"


@pytest.mark.parametrize(
    "written",
    [
        {},
        [],
        None,
        {"info": {}},
        {"images": [], "annotations": []},
        {"images": {}, "annotations": []},
        {"images": [{"id": 1, "file_name": "x.jpg"}]},
        {"images": [{"id": 1, "file_name": "x.jpg"}], "annotations": {}},
        {"images": [None, 1, "x"], "annotations": []},
        {"images": [{"id": 1, "file_name": "../x.jpg"}], "annotations": []},
    ],
)
def test_what_is_no_instances_file(tmp_path: Path, written: Any) -> None:
    write(tmp_path, content())
    (tmp_path / "annotations/instances_val2017.json").write_text(json.dumps(written))
    with pytest.raises(ZerosegError, match=r"instances_val2017\.json' is no instances file"):
        Coco81(tmp_path)


def test_boxes_alone_are_refused(tmp_path: Path) -> None:
    written = content()
    for one in written["annotations"]:
        one["segmentation"] = []
    with pytest.raises(ImageError, match="2 annotations and no outline: boxes are no truth"):
        write(tmp_path, written)


def test_a_byte_order_mark_and_utf_16(tmp_path: Path) -> None:
    write(tmp_path, content())
    file = tmp_path / "annotations/instances_val2017.json"
    for encoding in ("utf-8-sig", "utf-16"):
        file.write_text(json.dumps(content()), encoding=encoding)
        assert pixels(Coco81(tmp_path).dataset[0]) == {DOG: 400}
    file.write_bytes(b"\x80")
    with pytest.raises(ImageError, match="cannot be read"):
        Coco81(tmp_path)


def test_everything_at_random_is_as_pycocotools_draws_it(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    written = content()
    for number in range(60):
        image, crowd = int(random.integers(1, 3)), number % 6 == 0
        mask = np.zeros((HEIGHT, WIDTH), bool)
        y, x = random.integers(0, 35, 2)
        mask[y : y + 9, x : x + 9] = random.random((min(9, HEIGHT - y), 9)) < 0.7
        polygons = random.normal(25, 20, (2, 2 * int(random.integers(3, 8)))).round(2).tolist()
        written["annotations"].append(
            {"id": 100 + number, "image_id": image, "category_id": int(random.integers(17, 19))}
            | {"segmentation": run_lengths(mask) if crowd or number % 3 == 0 else polygons}
            | {"iscrowd": int(crowd), "area": float(random.integers(1, 900))}
        )
    data = write(tmp_path, written)
    with redirect_stdout(StringIO()):
        coco = COCO(str(tmp_path / "annotations/instances_val2017.json"))
    for number in (1, 2):
        expected = np.zeros((HEIGHT, WIDTH), int)
        found = coco.loadAnns(coco.getAnnIds(imgIds=number))
        for one in sorted(found, key=lambda one: (not one["iscrowd"], -one["area"])):
            index = COCO81.ids.index(one["category_id"])
            expected[coco.annToMask(one).astype(bool)] = index
        target = data.dataset[number - 1].target
        assert target is not None and np.array_equal(target.numpy(), expected)
