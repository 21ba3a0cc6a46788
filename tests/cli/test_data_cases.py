"""Other people's data sets from the command line: what is wrong costs its own picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.miniatures import MINIATURES
from zeroseg.cli.main import main
from zeroseg.vocabularies import COCO81

CASES = Path(__file__).parents[1] / "cases"


def scored(folder: str) -> dict[str, Any]:
    return dict(json.loads(Path(folder, "results.json").read_text()))


def instances(root: Path) -> Path:
    return root / "annotations/instances_val2017.json"


def damaged(root: Path) -> Path:
    """Six pictures of COCO, of which one is fine and one has something that is passed over."""
    MINIATURES["coco81"](root, 6)
    content = json.loads(instances(root).read_text())
    ids = [image["id"] for image in content["images"]]
    base = {"id": 9, "category_id": 17, "iscrowd": 0, "area": 1, "image_id": ids[0]}
    odd = (
        {"segmentation": [[1, 2, 3, 4]]},
        {"image_id": ids[1], "segmentation": {"size": [60, 40], "counts": [0, 2400]}},
        {"image_id": ids[2], "segmentation": [[1, 1, 9, 1, 9, 9]], "category_id": 12},
    )
    content["annotations"] += [base | one for one in odd]
    content["images"][3]["height"] += 1
    content["annotations"] = [
        one for one in content["annotations"] if one["image_id"] != ids[3] or not one["iscrowd"]
    ]
    instances(root).write_text(json.dumps(content))
    (root / "val2017" / content["images"][4]["file_name"]).unlink()
    return root


def test_the_check_goes_on_to_the_end_and_names_every_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "coco81", str(damaged(tmp_path))]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "6 pictures" in printed and "4 with annotation" in printed
    for line in (
        "passed over: 1 x annotation without an outline of three points",
        "unreadable picture: 1, the first is 000000000143",
        "unreadable mask: 1, the first is 000000000140: annotation 9 is broken: its run lengths",
        "unknown id: 1, the first is 000000000141: annotation 9 is of category 12",
        "size mismatch: 1, the first is 000000000142",
    ):
        assert line in printed


def test_the_rest_is_scored_and_the_exit_code_is_1(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = damaged(tmp_path / "set")
    given = ["--data", "coco81", "--root", str(root), "--output", "run"]
    assert main(["test", "--model", config, *given]) == 1
    found = scored("run")
    failed = {failure["name"][-3:]: failure["message"] for failure in found["failures"]}
    assert sorted(failed) == ["140", "141", "142", "143"]
    assert "annotation 9 is broken" in failed["140"]
    assert found["images"]["failed"] == 4
    assert "annotation 9 is broken" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("polygon_of_four_numbers", ["000000000001"]),
        ("empty_segmentation", ["000000000001"]),
        ("exif_quarter_turn", ["000000000001"]),
        ("same_name_in_two_folders", ["a/x", "b/x"]),
    ],
)
def test_cases_of_coco_are_scored(case: str, names: list[str], tmp_path: Path) -> None:
    root = str(CASES / "coco" / case)
    assert main(["data", "check", "coco81", root]) == 0
    dog = np.zeros((40, 60), np.uint8)
    dog[10:30, 10:30] = COCO81.ids[COCO81.index("dog")]
    for number, name in enumerate(names):
        file = tmp_path / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(dog if number == 0 else np.zeros_like(dog)).save(file)
    given = ["--data", "coco81", "--root", root, "--output", "run"]
    assert main(["score", "--predictions", str(tmp_path), *given]) == 0
    found = scored("run")
    assert (found["miou"], found["images"]["scored"]) == (1.0, len(names))
    assert sum(map(sum, found["confusion_matrix"])) == len(names) * 2400


@pytest.mark.parametrize(
    ("case", "code", "says"),
    [
        ("rle_of_another_size", 1, "unreadable mask: 1, the first is 000000000001: annotation 2"),
        ("other_categories", 2, "none of COCO's 80: helmet (1)"),
    ],
)
def test_cases_of_coco_that_are_wrong(
    case: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "coco81", str(CASES / "coco" / case)]) == code
    printed = capsys.readouterr()
    assert says in " ".join((printed.out + printed.err).split())


def test_an_empty_prediction_fails_alone(tmp_path: Path) -> None:
    root = MINIATURES["folder"](tmp_path / "set", 3)
    predictions = tmp_path / "predictions"
    shutil.copytree(root / "masks", predictions)
    (predictions / "1.png").unlink()
    shutil.copy(CASES / "predictions/empty.npy", predictions / "1.npy")
    given = ["--predictions", str(predictions), "--data", str(root), "--output", "run"]
    assert main(["score", *given]) == 1
    found = scored("run")
    assert [failure["name"] for failure in found["failures"]] == ["1"]
    assert found["images"]["scored"] == 3


def test_a_missing_mask_costs_its_own_picture(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = MINIATURES["folder"](tmp_path / "set", 3)
    (root / "masks/1.png").unlink()
    assert main(["data", "check", "folder", str(root)]) == 1
    assert "missing mask: 1, the first is 1: there is no mask" in capsys.readouterr().out
    assert main(["test", "--model", config, "--data", str(root), "--output", "run"]) == 1
    assert [failure["name"] for failure in scored("run")["failures"]] == ["1"]


def test_a_list_of_voc_with_a_byte_order_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = MINIATURES["voc2012"](tmp_path, 3)
    listed = root / "VOC2012/ImageSets/Segmentation/val.txt"
    shutil.copy(CASES / "lists/byte_order_mark.txt", listed)
    assert main(["data", "check", "voc2012", str(root)]) == 0
    assert "2 pictures of 1449 published" in capsys.readouterr().out
    listed.write_text("2007_000000\n../../../etc/passwd\n")
    assert main(["data", "check", "voc2012", str(root)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "unreadable picture: 1, the first is entry-1:" in said
    assert "'../../../etc/passwd' leads out of the data set" in said
