"""Data sets and predictions as they are found: each row damages one thing of a good set.

What is wrong with one picture, mask, annotation or prediction costs that picture; what is wrong
with all is said before anything is scored.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.bad_inputs.stand_ins import content
from zeroseg.data.catalog import open_data
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.segmenter import ZeroShotSegmenter

CASES = Path(__file__).parents[1] / "cases"

Zeroseg = Callable[..., Any]

SIDE = 24


def save(pixels: Any, path: Path, mode: str | None = None) -> None:
    """A picture or mask of these numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels))
    (image if mode is None else image.convert(mode)).save(path)


def truth() -> np.ndarray:
    """A mask with a dog (id 1) in its upper half."""
    ids = np.zeros((SIDE, SIDE), np.uint8)
    ids[: SIDE // 2] = 1
    return ids


@pytest.fixture
def folder() -> Path:
    """A set of three pictures, a, b and c, with masks."""
    root = Path("set")
    for name in "abc":
        save(np.full((SIDE, SIDE, 3), 90, np.uint8), root / "images" / f"{name}.png")
        save(truth(), root / "masks" / f"{name}.png")
    (root / "vocabulary.yaml").write_text("classes: [background, dog]\n")
    return root


@pytest.fixture
def predictions() -> Path:
    """A perfect prediction of each."""
    for name in "abc":
        save(truth(), Path("out") / f"{name}.png")
    return Path("out")


def without(path: Path) -> None:
    path.unlink()


def filled(content: bytes) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(content))


def void(_: object) -> None:
    return None


def elsewhere(pixels: Any) -> Path:
    """A picture or mask outside of the set."""
    save(pixels, path := Path("elsewhere.png").absolute())
    return path


def masked(pixels: Any, mode: str | None = None) -> Callable[[Path], None]:
    return lambda path: save(pixels, path, mode)


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


SET: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a picture that is empty": ("images/b.png", filled(b""), "empty"),
    "a picture that is text": ("images/b.png", filled(b"text"), "not a picture|cannot be read"),
    "a picture of one pixel": (
        "images/b.png",
        masked(np.zeros((1, 1, 3), np.uint8)),
        "1 x 1|at least 8",
    ),
    "a picture that is a damaged AVIF": (
        "images/b.png",
        filled((CASES / "pictures/damaged_avif_inside.jpg").read_bytes()),
        "cannot be read",
    ),
    "a picture of another size": (
        "images/b.png",
        masked(np.zeros((SIDE, 2 * SIDE, 3), np.uint8)),
        "48|size",
    ),
    "a mask that is missing": ("masks/b.png", without, "mask"),
    "a mask that is empty": ("masks/b.png", filled(b""), "b.png"),
    "a mask that is text": ("masks/b.png", filled(b"text"), "b.png"),
    "a mask cut short": (
        "masks/b.png",
        lambda path: void(path.write_bytes(path.read_bytes()[:50])),
        "b.png",
    ),
    "a mask in colours": (
        "masks/b.png",
        masked(np.full((SIDE, SIDE, 3), 7, np.uint8)),
        "b.png",
    ),
    "a mask of other ids": ("masks/b.png", masked(np.full((SIDE, SIDE), 7, np.uint8)), "7"),
    "a mask of ids above 255": (
        "masks/b.png",
        masked(np.full((SIDE, SIDE), 7000, np.uint16)),
        "7000",
    ),
    "a mask of fractions": (
        "masks/b.png",
        replaced(lambda path: masked_tiff(np.full((SIDE, SIDE), 0.5, np.float32), path)),
        "b.png",
    ),
    "a mask that is a folder": ("masks/b.png", replaced(Path.mkdir), "mask"),
    "a mask that leads nowhere": (
        "masks/b.png",
        replaced(lambda path: path.symlink_to("gone")),
        "mask",
    ),
    "a mask that is a pipe": ("masks/b.png", replaced(os.mkfifo), "mask"),
    "a mask that leads out": (
        "masks/b.png",
        replaced(lambda path: path.symlink_to(elsewhere(truth()))),
        "leads out of its folder",
    ),
    "a picture that leads out": (
        "images/b.png",
        replaced(lambda path: path.symlink_to(elsewhere(np.full((SIDE, SIDE, 3), 9, np.uint8)))),
        "leads out of its folder",
    ),
    "a picture that is a device": (
        "images/b.png",
        replaced(lambda path: path.symlink_to("/dev/zero")),
        "leads out of its folder",
    ),
    "a picture that is a pipe": ("images/b.png", replaced(os.mkfifo), "no regular file"),
}
"""What is damaged of the second picture, and what is said of it."""


def masked_tiff(pixels: Any, path: Path) -> None:
    Image.fromarray(pixels).save(path, "TIFF")


@pytest.mark.parametrize("what", SET)
def test_what_is_wrong_with_one_costs_that_one(
    what: str, folder: Path, config: str, zeroseg: Zeroseg
) -> None:
    name, damage, says = SET[what]
    damage(folder / name)
    said = zeroseg("data", "check", "folder", folder)
    assert said.code == 1, said.text
    assert re.search(says, said.text), said.text
    assert ("2 with annotation" in said.text) == name.startswith("masks")
    system = ["--model", config, "--set", "vocabulary=[background, dog]", "--device", "cpu"]
    said = zeroseg("test", *system, "--data", folder, "--output", "run")
    assert said.code == 1, said.text
    results = json.loads(Path("run/results.json").read_text())
    assert [failure["name"] for failure in results["failures"]] == ["b"]
    assert results["miou"] > 0


WHOLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no pictures": (lambda root: shutil.rmtree(root / "images"), "images|no pictures"),
    "no masks": (lambda root: shutil.rmtree(root / "masks"), "mask"),
    "no vocabulary": (lambda root: (root / "vocabulary.yaml").unlink(), "vocabulary.yaml"),
    "an empty vocabulary": (
        lambda root: (root / "vocabulary.yaml").write_text(""),
        "holds nothing",
    ),
    "a vocabulary of numbers": (
        lambda root: (root / "vocabulary.yaml").write_text("classes: {0: dog, 1: cat}"),
        "background is missing",
    ),
    "a vocabulary that is a folder": (
        lambda root: ((root / "vocabulary.yaml").unlink(), (root / "vocabulary.yaml").mkdir()),
        "it is a folder",
    ),
    "no folder at all": (shutil.rmtree, "set"),
    "a file in its place": (
        lambda root: (shutil.rmtree(root), root.write_text("x")),
        "set",
    ),
    "two pictures of a name": (
        lambda root: save(np.zeros((SIDE, SIDE, 3), np.uint8), root / "images" / "b.jpg"),
        "b",
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_what_is_wrong_with_all_is_said_first(
    what: str, folder: Path, config: str, zeroseg: Zeroseg
) -> None:
    damage, says = WHOLE[what]
    damage(folder)
    for command in (
        ["data", "check", "folder", folder],
        ["test", "--model", config, "--data", folder, "--output", "run"],
    ):
        said = zeroseg(*command)
        assert said.code == 2, said.text
        assert re.search(says, said.text), said.text


def npy(array: Any) -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz() -> bytes:
    import io

    file = io.BytesIO()
    np.savez(file, ids=truth())
    return file.getvalue()


PREDICTED: dict[str, tuple[str, bytes | None, str]] = {
    "none": ("b.png", None, "no prediction"),
    "an empty array": ("b.npy", (CASES / "predictions/empty.npy").read_bytes(), "empty.npy|b.npy"),
    "an empty picture": ("b.png", b"", "b.png"),
    "a text": ("b.png", b"dog", "b.png"),
    "a text array": ("b.npy", b"dog", "b.npy"),
    "half an array": ("b.npy", npy(truth())[:200], "b.npy"),
    "an array of scores": ("b.npy", npy(np.zeros((2, SIDE, SIDE), np.float32)), "whole numbers"),
    "an array of fractions": ("b.npy", npy(np.full((SIDE, SIDE), 0.5)), "whole numbers"),
    "an array of words": ("b.npy", npy(np.full((SIDE, SIDE), "dog")), "whole numbers"),
    "an array of objects": ("b.npy", npy(np.array([{"a": 1}], object)), "b.npy"),
    "an archive of arrays": ("b.npy", npz(), "archive"),
    "an array of one number": ("b.npy", npy(np.array(3)), "whole numbers"),
    "an array without pixels": ("b.npy", npy(np.zeros((0, 0), np.uint8)), "b|size|full"),
    "an array of another size": ("b.npy", npy(np.zeros((5, 5), np.uint8)), "full size"),
    "an array of other ids": ("b.npy", npy(np.full((SIDE, SIDE), 9, np.int64)), "9"),
    "an array of huge ids": ("b.npy", npy(np.full((SIDE, SIDE), 2**40)), str(2**40)),
    "an array of negative ids": ("b.npy", npy(np.full((SIDE, SIDE), -7)), "-7"),
    "a damaged AVIF": (
        "b.png",
        (CASES / "pictures/damaged_avif_inside.jpg").read_bytes(),
        "b.png",
    ),
    "a file of another kind": ("b.jpg", b"x", "b.jpg"),
}
"""The second prediction, and what is said of it."""


@pytest.mark.parametrize("what", PREDICTED)
def test_a_bad_prediction_costs_its_picture(
    what: str, folder: Path, predictions: Path, zeroseg: Zeroseg
) -> None:
    name, written, says = PREDICTED[what]
    (predictions / "b.png").unlink()
    if written is not None:
        (predictions / name).write_bytes(written)
    said = zeroseg("score", "--predictions", predictions, "--data", folder, "--output", "run")
    assert said.code == 1, said.text
    results = json.loads(Path("run/results.json").read_text())
    [failure] = results["failures"]
    assert failure["name"] == "b"
    assert re.search(says, failure["message"]), failure
    assert results["miou"] < 1


@pytest.mark.parametrize(
    "name",
    ["b.png", "b.PNG", "b.npy", "b.mask.png", "b.png.png", "b_leftImg8bit.png", "b_pred.png"],
)
def test_a_prediction_under_its_own_name_is_found(
    name: str, folder: Path, predictions: Path, zeroseg: Zeroseg
) -> None:
    (predictions / "b.png").unlink()
    if name.endswith("npy"):
        np.save(predictions / name, truth().astype(np.int32))
    else:
        save(truth(), predictions / name.lower())
        (predictions / name.lower()).rename(predictions / name)
    said = zeroseg("score", "--predictions", predictions, "--data", folder, "--output", "run")
    assert said.code == 0, said.text
    assert json.loads(Path("run/results.json").read_text())["miou"] == 1


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (b"\xef\xbb\xbfa\r\nb\r\n", None),
        ("a\nb\n".encode("utf-16"), None),
        (b"a.png\nb.png\n", None),
        (b"# mine\na\n\nb\n", None),
        (b"", "no picture"),
        (b"a\nnope\n", "nope"),
        (b"../a\n", r"\.\./a"),
        (b"\x89PNG\r\n\x1a\n\0\0", "part.txt"),
        ("é\n".encode("latin-1"), "part.txt"),
    ],
)
def test_lists_of_names(
    written: bytes, says: str | None, folder: Path, predictions: Path, zeroseg: Zeroseg
) -> None:
    Path("part.txt").write_bytes(written)
    words = ["--predictions", predictions, "--data", folder, "--subset", "part.txt"]
    said = zeroseg("score", *words, "--output", "run")
    if says is None:
        assert said.code == 0, said.text
        assert json.loads(Path("run/results.json").read_text())["images"]["scored"] == 2
    else:
        assert said.code == 2, said.text
        assert re.search(says, said.text), said.text


def coco(root: Path, **changes: Any) -> Path:
    """A set of two pictures with a dog of 10 x 10 pixels each; `changes` are of the second's."""
    images = [{"id": n, "file_name": f"{n}.jpg", "height": SIDE, "width": SIDE} for n in (1, 2)]
    square = [[2, 2, 12, 2, 12, 12, 2, 12]]
    notes = [
        {"id": 10 + n, "image_id": n, "category_id": 18, "segmentation": square,
         "bbox": [2, 2, 10, 10], "area": 100, "iscrowd": 0}
        for n in (1, 2)
    ]  # fmt: skip
    content = {
        "images": images,
        "annotations": notes,
        "categories": [{"id": 18, "name": "dog"}],
    }
    for picture in images:
        save(np.full((SIDE, SIDE, 3), 90, np.uint8), root / "val2017" / str(picture["file_name"]))
    for key, value in changes.get("annotation", {}).items():
        notes[1][key] = value
    for key in changes.get("without", ()):
        del notes[1][key]
    for key, value in changes.get("image", {}).items():
        images[1][key] = value
    content.update(changes.get("content", {}))
    path = root / "annotations" / "instances_val2017.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return root


@pytest.mark.parametrize(
    "changes",
    [
        {"without": ["iscrowd"]},
        {"without": ["area"]},
        {"without": ["bbox"]},
        {"annotation": {"iscrowd": None}},
        {"annotation": {"area": None}},
        {"annotation": {"iscrowd": "0"}},
        {"annotation": {"iscrowd": False}},
        {"annotation": {"category_id": "18"}},
        {"annotation": {"image_id": "2"}},
        {"annotation": {"score": 0.5, "attributes": {"x": 1}}},
        {"annotation": {"segmentation": [["2", "2", "12", "2", "12", "12", "2", "12"]]}},
        {"annotation": {"segmentation": [[2.0, 2, 12, 2, 12, 12, 2, 12], []]}},
        {"annotation": {"segmentation": [[2, 2, 12, 2, 12, 12, 2, 12], [1, 1, 2, 2]]}},
        {"image": {"height": "24", "width": 24.0}},
        {"image": {"license": None, "coco_url": ""}},
        {"image": {"height": -1, "width": None}},
        {"content": {"info": None, "licenses": []}},
    ],
)
def test_coco_as_it_is_found(changes: dict[str, Any]) -> None:
    pytest.importorskip("pycocotools")
    data = open_data("coco81", coco(Path("coco"), **changes))
    for sample in (data.dataset[0], data.dataset[1]):
        assert sample.problem is None, sample.problem
        assert sample.target is not None
        assert int((sample.target == data.vocabulary.index("dog")).sum()) == 100


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"annotation": {"segmentation": "square"}}, "12"),
        ({"annotation": {"segmentation": {"counts": [1, 2], "size": [3, 3]}}}, "12"),
        ({"annotation": {"segmentation": {"counts": "!!!", "size": [SIDE, SIDE]}}}, "12"),
        ({"annotation": {"segmentation": {"counts": [-1, 577], "size": [SIDE, SIDE]}}}, "12"),
        ({"annotation": {"segmentation": {"size": [SIDE, SIDE]}}}, "12"),
        ({"annotation": {"segmentation": [["a", "b", "c", "d", "e", "f"]]}}, "12"),
        ({"annotation": {"segmentation": [[2, 2, 12, None, 12, 12]]}}, "12"),
        ({"annotation": {"segmentation": [[2, 2, 12, float("nan"), 12, 12]]}}, "12"),
        ({"annotation": {"segmentation": 7}}, "12"),
        ({"annotation": {"category_id": None}}, "12"),
        ({"annotation": {"category_id": [18]}}, "12"),
        ({"image": {"file_name": "gone.jpg"}}, "gone"),
        ({"image": {"file_name": "../../../etc/passwd"}}, "passwd|outside|name"),
        ({"image": {"height": 7, "width": 9}}, "7|size"),
    ],
)
def test_an_odd_annotation_costs_its_picture(changes: dict[str, Any], says: str) -> None:
    pytest.importorskip("pycocotools")
    data = open_data("coco81", coco(Path("coco"), **changes))
    samples = [data.dataset[position] for position in range(len(data.dataset))]
    whole = [sample for sample in samples if sample.problem is None]
    assert [sample.name for sample in whole] == ["1"]
    assert whole[0].target is not None
    assert int((whole[0].target == data.vocabulary.index("dog")).sum()) == 100
    [damaged] = [sample for sample in samples if sample.problem is not None]
    assert re.search(says, str(damaged.problem)), damaged.problem


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "instances_val2017.json"),
        ("{", "instances_val2017.json"),
        ("[]", "instances_val2017.json"),
        ("{}", "instances_val2017.json"),
        ('{"images": {}, "annotations": [], "categories": []}', "instances_val2017.json"),
        ("\x00\x01", "instances_val2017.json"),
        ("[" * 100_000, "instances_val2017.json"),
        ("other names", "helmet|person"),
    ],
)
def test_annotations_that_are_none_are_said_first(
    written: str, says: str, zeroseg: Zeroseg
) -> None:
    root = coco(Path("coco"))
    path = root / "annotations" / "instances_val2017.json"
    if written == "other names":
        content = json.loads(path.read_text())
        content["categories"] = [{"id": 18, "name": "helmet"}]
        written = json.dumps(content)
    path.write_text(written)
    with pytest.raises(ZerosegError, match=rf"(?s){says}"):
        open_data("coco81", root)
    said = zeroseg("data", "check", "coco81", root)
    assert said.code == 2, said.text
    assert re.search(says, said.text), said.text


@pytest.mark.parametrize("case", ["polygon_of_four_numbers", "empty_segmentation"])
def test_the_cases_of_coco_that_are_read(case: str) -> None:
    pytest.importorskip("pycocotools")
    data = open_data("coco81", CASES / "coco" / case)
    sample = data.dataset[0]
    assert sample.problem is None and sample.target is not None
    assert int((sample.target == data.vocabulary.index("dog")).sum()) == 400
    assert not bool((sample.target == data.vocabulary.index("cat")).any())


def test_folders_of_a_set_may_be_links_and_pictures_may_not(folder: Path) -> None:
    for name in ("images", "masks"):
        (folder / name).rename(f"real-{name}")
        (folder / name).symlink_to(Path(f"real-{name}").absolute())
    save(np.full((SIDE, SIDE, 3), 90, np.uint8), Path("more/d.png"))
    save(truth(), folder / "masks/more/d.png")
    (folder / "images/more").symlink_to(Path("more").absolute())
    data = open_data("folder", folder)
    problems = {sample.name: sample.problem for sample in data.dataset}
    assert [name for name, problem in problems.items() if problem is None] == ["a", "b", "c"]
    assert "leads out" in str(problems["more/d"])


@pytest.mark.parametrize("name", ["../../evil", "{here}/evil", "a/../../../evil"])
def test_a_name_of_ones_own_data_set_writes_nothing_outside(
    name: str, folder: Path, tmp_path: Path
) -> None:
    data = open_data("folder", folder)
    named = name.format(here=tmp_path)
    data.dataset._names = ("a", named, "c")  # type: ignore[attr-defined]
    system = ZeroShotSegmenter.from_config(content() | {"vocabulary": ["background", "dog"]})
    with pytest.raises(ZerosegError, match="leads out"):
        evaluate({"it": system}, data, {"it": "out/run"})
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("out").exists()


def shard(kind: str, pixels: bytes) -> Path:
    """An archive whose members lead everywhere, and one, ok.png, that does not."""
    names = ["ok.png", "../up.png", "d/../../up.png", "..\\win.png", "C:\\win.png"]
    path = Path(f"shard.{kind}")
    if kind == "zip":
        names += ["/abs.png", "s3://other/place.png"]
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, pixels)
        return path
    with tarfile.open(path, "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(pixels)
            archive.addfile(member, io.BytesIO(pixels))
        for name, type_ in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(f"{name}.png")
            member.type, member.linkname = type_, "/etc/passwd"
            archive.addfile(member)
        for name, type_ in (("pipe", tarfile.FIFOTYPE), ("device", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(f"{name}.png")
            member.type = type_
            archive.addfile(member)
    return path


@pytest.mark.parametrize(("kind", "refused"), [("zip", 6), ("tar", 8)])
def test_members_of_an_archive_stay_inside(
    kind: str, refused: int, config: str, zeroseg: Zeroseg, tmp_path: Path
) -> None:
    pixels = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(pixels, "PNG")
    source = f"{kind}://::file://{shard(kind, pixels.getvalue()).absolute()}"
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    said = zeroseg("batch", source, "deep/out", "--model", config)
    assert said.code == 1, said.text
    assert f"1 segmented, {refused} failed" in said.text, said.text
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(tmp_path / "deep/out") for path in written)
    assert [path.name for path in written if path.suffix == ".png"] == ["ok.png.png"]
