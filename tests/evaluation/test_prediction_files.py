"""Label maps of other systems, from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.evaluation.conftest import QUIET, build, scenes
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.sample import Sample
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.prediction_files import PredictionFiles
from zeroseg.metrics.protocol import PAPER, STANDARD, Protocol
from zeroseg.segmentation import Segmentation
from zeroseg.values import Failure
from zeroseg.vocabularies import DRAM

IMAGE = torch.zeros(3, 2, 3, dtype=torch.uint8)
IDS = np.array([[0, 3, 17], [12, 15, 255]], np.uint8)
"""DRAM's ids of background, bird, sheep, dog and person, and the ignore value."""


def read(folder: Path, protocol: Protocol = STANDARD, indices: bool = False) -> Segmentation:
    sample = Sample(IMAGE, torch.zeros(2, 3, dtype=torch.int64), "sub/a")
    [result] = PredictionFiles(folder, DRAM, protocol, indices).segment_samples([sample])
    assert isinstance(result, Segmentation), result
    return result


def problem(folder: Path, protocol: Protocol = STANDARD) -> str:
    sample = Sample(IMAGE, torch.zeros(2, 3, dtype=torch.int64), "sub/a")
    [result] = PredictionFiles(folder, DRAM, protocol).segment_samples([sample])
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
    np.save(tmp_path / "0" / "sub" / "a.npy", np.array([[0, 1, 11], [7, 9, 12]]))
    (tmp_path / "0" / "sub" / "a.png").unlink()
    assert torch.equal(read(tmp_path / "0", indices=True).label_map, expected)


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
