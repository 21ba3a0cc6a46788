"""Label maps of other systems, from files."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.evaluation.conftest import QUIET, build, scenes
from zeroseg.data import open_data
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.sample import Sample
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.metrics.protocol import PAPER, STANDARD, Protocol
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabularies import CITYSCAPES, DRAM
from zeroseg.vocabulary import Vocabulary

CASES = Path(__file__).parents[1] / "cases" / "predictions"
IMAGE = torch.zeros(3, 2, 3, dtype=torch.uint8)
IDS = np.array([[0, 3, 17], [12, 15, 255]], np.uint8)
"""DRAM's ids of background, bird, sheep, dog and person, and the ignore value."""


def read(folder: Path, protocol: Protocol = STANDARD, indices: bool = False) -> Segmentation:
    sample = Sample(IMAGE, torch.zeros(2, 3, dtype=torch.int64), "sub/a")
    [result] = PredictionFiles(folder, DRAM, protocol, indices).segment_samples([sample])
    assert isinstance(result, Segmentation), result
    return result


def problem(folder: Path, protocol: Protocol = STANDARD, indices: bool = False) -> str:
    sample = Sample(IMAGE, torch.zeros(2, 3, dtype=torch.int64), "sub/a")
    [result] = PredictionFiles(folder, DRAM, protocol, indices).segment_samples([sample])
    assert isinstance(result, Failure)
    assert result.name == "sub/a"
    return result.message


def palette(ids: np.ndarray) -> Image.Image:
    picture = Image.fromarray(ids)
    picture.putpalette(bytes(range(256)) * 3)
    return picture


def test_every_form_of_file_is_the_same_label_map(tmp_path: Path) -> None:
    names = [DRAM.find(n) for n in ("background", "bird", "sheep", "dog", "person")]
    expected = torch.tensor([names[:3], [*names[3:], -1]])
    for number, name in enumerate(("sub/a.png", "a.png", "sub/a.npy", "a.mask.png")):
        folder = tmp_path / str(number)
        file = folder / name
        file.parent.mkdir(parents=True)
        if file.suffix == ".npy":
            np.save(file, IDS.astype(np.int32))
        else:
            (palette(IDS) if number % 2 else Image.fromarray(IDS)).save(file)
        assert torch.equal(read(folder).label_map, expected), name
    np.save(tmp_path / "0" / "sub" / "a.npy", np.array([[0, 1, 11], [7, 9, -1]]))
    (tmp_path / "0" / "sub" / "a.png").unlink()
    assert torch.equal(read(tmp_path / "0", indices=True).label_map, expected)
    np.save(tmp_path / "0" / "sub" / "a.npy", np.array([[0, 1, 11], [7, 9, 255]]))
    assert torch.equal(read(tmp_path / "0", indices=True).label_map, expected)


@pytest.mark.parametrize("value", [12, 999, -5])
def test_numbers_that_are_no_class_index_are_refused(tmp_path: Path, value: int) -> None:
    save(tmp_path / "sub" / "a.npy", np.array([[0, 1, 11], [7, 9, value]]))
    said = problem(tmp_path, indices=True)
    assert said == f"{value} is no class index 0..11; are these ids? Then leave out --indices"
    assert int(read(tmp_path, PAPER, indices=True).label_map[1, 2]) == -1


def save(file: Path, ids: np.ndarray = IDS) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix.lower() == ".npy":
        with file.open("wb") as opened:
            np.save(opened, ids)
    else:
        Image.fromarray(ids).save(file)
    return file


@pytest.mark.parametrize("place", ["", "sub/"])
@pytest.mark.parametrize(
    "called",
    [
        "a.png",
        "a.PNG",
        "a.npy",
        "a.NPY",
        "a.mask.png",
        "a.jpg.png",
        "a.JPG.npy",
        "a_leftImg8bit.png",
        "a_gtFine_labelIds.png",
        "a_pred.png",
        "a_leftImg8bit_pred.png",
        "a.jpeg.mask.png",
    ],
)
def test_files_are_found_by_the_name_of_the_picture(
    tmp_path: Path, place: str, called: str
) -> None:
    save(tmp_path / place / called)
    save(tmp_path / place / "aa.png", np.zeros((2, 3), np.uint8))
    save(tmp_path / place / "b_pred.png", np.zeros((2, 3), np.uint8))
    assert read(tmp_path).label_map[0, 1] == DRAM.index("bird")


def test_the_file_of_cityscapes_is_found() -> None:
    name = "frankfurt_000000_000294"
    image = torch.zeros(3, 40, 60, dtype=torch.uint8)
    for of in (name, f"frankfurt/{name}", f"{name}_leftImg8bit"):
        system = PredictionFiles(CASES, CITYSCAPES)
        [result] = system.segment_samples([Sample(image, None, of)])
        assert isinstance(result, Segmentation), result


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        (["a.png"], "a.mask.png"),
        (["a_pred.png", "a.jpg.png"], "a.png"),
        (["a.png", "a.npy"], "sub/a.png"),
        (["a.json", "a.overlay.png", "._a.png"], "a.png"),
    ],
)
def test_the_nearest_file_is_taken(tmp_path: Path, others: list[str], taken: str) -> None:
    for other in others:
        Image.new("RGB", (3, 2)).save(tmp_path / other, format="PNG")
    save(tmp_path / taken)
    assert read(tmp_path).label_map[0, 1] == DRAM.index("bird")


@pytest.mark.parametrize(
    "both", [("a.png", "a.npy"), ("a.PNG", "a.png"), ("a_pred.png", "a.jpg.png")]
)
def test_one_of_several_is_not_guessed(tmp_path: Path, both: tuple[str, str]) -> None:
    for called in both:
        save(tmp_path / called)
    said = problem(tmp_path)
    assert "there are several predictions" in said and all(f"{name}'" in said for name in both)


def test_a_last_part_that_pictures_share_means_none_of_them(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    samples = [Sample(IMAGE, None, name) for name in ("sub/a", "other/a")]
    system = PredictionFiles(tmp_path, DRAM, names=["sub/a", "other/a"])
    for result in system.segment_samples(samples):
        assert isinstance(result, Failure)
        assert "may be of several pictures that are called a" in result.message
    save(tmp_path / "sub/a.png")
    results = PredictionFiles(tmp_path, DRAM, names=["sub/a", "other/a"]).segment_samples(samples)
    assert [isinstance(result, Failure) for result in results] == [False, True]


@pytest.mark.parametrize(
    "ids",
    [IDS[None], IDS[:, :, None], IDS.astype(np.int64), IDS.astype(">i4"), np.asfortranarray(IDS)],
)
def test_arrays_of_evident_meaning(tmp_path: Path, ids: np.ndarray) -> None:
    save(tmp_path / "a.npy", ids)
    assert read(tmp_path).label_map[0, 1] == DRAM.index("bird")


def test_two_classes_in_one_bit(tmp_path: Path) -> None:
    sample = Sample(IMAGE, None, "a")
    for ids in (np.eye(2, 3, dtype=bool), Image.fromarray(np.eye(2, 3, dtype=bool))):
        if isinstance(ids, np.ndarray):
            save(tmp_path / "a.npy", ids)
        else:
            (tmp_path / "a.npy").unlink()
            ids.save(tmp_path / "a.png", bits=1)
        classes = Vocabulary.from_names(["background", "dog"])
        [result] = PredictionFiles(tmp_path, classes).segment_samples([sample])
        assert isinstance(result, Segmentation)
        assert result.label_map.tolist() == [[1, 0, 0], [0, 1, 0]]


def pickled() -> bytes:
    return b"\x93NUMPY\x01\x00" + pickle.dumps({"a": 1})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"nothing", "cannot be read"),
        (b"\x93NUMPY", "cannot be read"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': 'spam'}", "cannot be read"),
        (pickled(), "cannot be read"),
        (pickle.dumps([1, 2]), "cannot be read"),
        (np.array([[None, {}]]), "cannot be read"),
        (np.zeros((2, 3)), r"\(2, 3\) float64, expected whole numbers"),
        (np.full((2, 3), np.nan), "expected whole numbers"),
        (np.zeros((2, 3), complex), "expected whole numbers"),
        (np.zeros((2, 3), "datetime64[s]"), "expected whole numbers"),
        (np.array([["a", "b"]]), "expected whole numbers"),
        (np.zeros((12, 2, 3), np.uint8), r"\(12, 2, 3\) uint8.*scores\.argmax\(0\)"),
        (np.zeros(6, np.uint8), r"\(6,\) uint8"),
        (np.array(3), r"\(\) int64"),
        (np.full((2, 3), -1), "has the id -1"),
        (np.full((2, 3), 300, np.uint16), "has the id 300"),
        (np.zeros((0, 0), np.uint8), r"\(0, 0\) uint8: it holds no pixel"),
        (np.zeros((0, 5, 1), np.uint8), "it holds no pixel"),
        (np.full((2, 3), 2**63 + 7, np.uint64), "holds 9223372036854775815, which is no id"),
    ],
)
def test_what_is_wrong_with_an_array_fails_alone(
    tmp_path: Path, content: bytes | np.ndarray, says: str
) -> None:
    file = tmp_path / "a.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content, allow_pickle=True)
    save(tmp_path / "b.png")
    samples = [Sample(IMAGE, None, name) for name in ("a", "b")]
    bad, good = PredictionFiles(tmp_path, DRAM).segment_samples(samples)
    assert isinstance(bad, Failure) and isinstance(good, Segmentation)
    assert re.search(says, bad.message), bad.message


def test_the_empty_file_fails_alone() -> None:
    [result] = PredictionFiles(CASES, DRAM).segment_samples([Sample(IMAGE, None, "empty")])
    assert isinstance(result, Failure)
    assert "empty.npy' cannot be read" in result.message


def test_pictures_of_sixteen_bits_and_of_colours(tmp_path: Path) -> None:
    save(tmp_path / "a.png", IDS.astype(np.uint16))
    assert read(tmp_path).label_map[0, 1] == DRAM.index("bird")
    save(tmp_path / "a.png", np.full((2, 3), 999, np.uint16))
    assert "has the id 999" in problem(tmp_path)
    for mode in ("RGB", "RGBA", "LA"):
        Image.new(mode, (3, 2)).save(tmp_path / "a.png")
        assert f"mode {mode}: it holds colours, not ids; save ids as" in problem(tmp_path)
    Image.new("L", (3, 2)).save(tmp_path / "a.png", format="JPEG")
    assert "JPEG, which changes ids" in problem(tmp_path)


def test_archives_of_arrays_are_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", IDS)
    with pytest.raises(ZerosegError, match="holds no label maps"):
        PredictionFiles(tmp_path, DRAM)
    save(tmp_path / "b.png")
    assert "a.npz', which is not read" in problem(tmp_path)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    assert "archive of arrays" in problem(tmp_path)


def test_unusable_files_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (3, 2)).save(file)
    assert "mode RGB" in problem(tmp_path)
    file.write_bytes(b"nothing")
    assert "cannot be read" in problem(tmp_path)
    Image.fromarray(np.full((2, 3), 7, np.uint8)).save(file)
    assert "has the id 7" in problem(tmp_path)
    assert read(tmp_path, PAPER).label_map.unique().tolist() == [7]  # taken for an index
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(file)
    assert "(4, 6)" in problem(tmp_path)
    assert read(tmp_path, PAPER).label_map.shape == (2, 3)
    file.rename(tmp_path / "b.png")
    assert "there is no prediction" in problem(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    assert "expected whole numbers" in problem(tmp_path)


def test_a_folder_without_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="no folder of predictions"):
        PredictionFiles(tmp_path / "gone", DRAM)
    with pytest.raises(ZerosegError, match="holds no label maps"):
        PredictionFiles(tmp_path, DRAM)


def test_a_system_scored_from_its_files_scores_as_itself(tmp_path: Path) -> None:
    data: DrawnScenes = scenes()
    own = evaluate({"it": build()}, data, {"it": tmp_path / "own"}, **QUIET)["it"]
    files = PredictionFiles(tmp_path / "own" / "predictions", data.vocabulary)
    other = evaluate({"files": files}, data, {"files": tmp_path / "files"}, **QUIET)["files"]
    for figure in ("miou", "confusion_matrix", "boundary_iou"):
        assert other.results[figure] == own.results[figure]
    (tmp_path / "own" / "predictions" / "drawn-3-00002.png").unlink()
    part = evaluate({"files": files}, data, {"files": tmp_path / "part"}, **QUIET)["files"]
    assert [failure["name"] for failure in part.results["failures"]] == ["drawn-3-00002"]
    assert part.results["images"] == {"scored": 5, "failed": 1, "unscored": 0}


@pytest.mark.parametrize(("protocol", "scored"), [("standard", 2), ("paper", 1)])
def test_an_unreadable_picture_is_a_failure_and_scores_by_the_protocol(
    tmp_path: Path, protocol: str, scored: int
) -> None:
    truth = np.full((10, 12), 12, np.uint8)
    for folder in ("images", "masks", "out"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (12, 10)).save(tmp_path / f"images/{name}.png")
        Image.fromarray(truth).save(tmp_path / f"masks/{name}.png")
        Image.fromarray(truth).save(tmp_path / f"out/{name}.png")
    (tmp_path / "images/b.png").write_bytes(b"no picture")
    (tmp_path / "vocabulary.yaml").write_text(yaml.safe_dump(DRAM.to_dict()))
    data = open_data("folder", tmp_path, protocol=protocol)
    system = PredictionFiles(tmp_path / "out", DRAM, data.protocol)
    results = evaluate({"it": system}, data, {"it": tmp_path / "run"}, **QUIET)["it"].results
    [failure] = results["failures"]
    assert (failure["name"], failure["stage"]) == ("b", "reading")
    pixels = sum(map(sum, results["confusion_matrix"]))
    assert pixels == scored * truth.size
    assert results["iou"]["dog"] == 1 / scored


OTHER = Vocabulary.from_names(["other", "boat", "cat", "dog"], ids=[9, 5, 7, 2])


def _other(folder: Path, kind: str) -> Path:
    """Label maps in other classes than the data set's, as zeroseg writes them."""
    labels = torch.tensor([[0, 1], [3, 3]])
    picture = torch.zeros(3, 2, 2, dtype=torch.uint8)
    files = Segmentation(labels, OTHER, picture, "x").save(folder / "masks" / "x")
    said = {"vocabulary": OTHER.to_dict()}
    if kind != "json":
        files["json"].unlink()
    if kind == "run":
        (folder / "run.json").write_text(json.dumps(said))
    if kind == "yaml":
        (folder / "vocabulary.yaml").write_text(yaml.safe_dump(said["vocabulary"]))
    return folder / "masks"


@pytest.mark.parametrize("kind", ["json", "run", "yaml"])
def test_what_predictions_say_of_themselves_is_believed(tmp_path: Path, kind: str) -> None:
    ours = Vocabulary.from_names(["background", "dog", "cat", "boat"])
    sample = Sample(torch.zeros(3, 2, 2, dtype=torch.uint8), None, "x")
    [found] = PredictionFiles(_other(tmp_path, kind), ours).segment_samples([sample])
    assert isinstance(found, Segmentation)
    assert found.label_map.tolist() == [[0, 3], [1, 1]]
    theirs = Vocabulary.from_names(["background", "dog", "cow", "sheep", "boats"])
    [failed] = PredictionFiles(tmp_path / "masks", theirs).segment_samples([sample])
    assert isinstance(failed, Failure) and "it holds boat, which the data set" in failed.message


def test_a_json_of_another_program_says_nothing(tmp_path: Path) -> None:
    folder = _other(tmp_path, "nothing")
    (folder / "x.json").write_text('{"vocabulary": "ours", "shapes": []}')
    (tmp_path / "run.json").write_text("[")
    sample = Sample(torch.zeros(3, 2, 2, dtype=torch.uint8), None, "x")
    ours = Vocabulary.from_names(["background", "dog", "cat", "boat"], ids=[9, 5, 7, 2])
    [found] = PredictionFiles(folder, ours).segment_samples([sample])
    assert isinstance(found, Segmentation)
    assert found.label_map.tolist() == [[0, 1], [3, 3]]
