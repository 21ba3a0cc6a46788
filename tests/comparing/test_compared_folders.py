"""Result folders side by side, whatever wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.correcting.corrected_scene import box, reviewed, write_scene
from tests.export.labelled_scenes import LAYOUTS, SCENES
from zeroseg import Vocabulary
from zeroseg.comparing import ComparedFolders, Difference, compare_folders
from zeroseg.correcting import Step
from zeroseg.errors import ZerosegError
from zeroseg.export.results import Results
from zeroseg.segmentation import Segmentation

PETS = Vocabulary.from_names(["background", "dog", "cat"])


def save(folder: Path, name: str, labels: np.ndarray, vocabulary: Vocabulary = PETS) -> None:
    picture = torch.zeros((3, *labels.shape), dtype=torch.uint8)
    Segmentation(torch.from_numpy(labels), vocabulary, picture, name).save(folder / name)


@pytest.mark.parametrize("layout", ["segment", "test"])
def test_what_differs_does_not_depend_on_who_wrote_it(layout: str, tmp_path: Path) -> None:
    """The results of `segment`, one of them changed, against those of commands."""
    first, second = LAYOUTS["segment"](tmp_path / "a"), LAYOUTS[layout](tmp_path / "b")
    changed = SCENES["holes"].copy()
    changed[0, :3] = 3
    save(Path(first), "holes", changed, Vocabulary.from_names(["background", "dog", "x", "sky"]))
    found = compare_folders(first, second)
    names = sorted(SCENES)
    assert found.pictures[0].name == "holes" and [p.share for p in found.pictures[1:]] == [0] * 4
    assert sorted(one.name for one in found.pictures) == names
    assert [tuple(change) for change in found.all.changes] == [
        ("x", "traffic-light", 4),
        ("sky", "background", 3),
    ]
    assert found.all.total == sum(labels.size for labels in SCENES.values())
    assert found.only_b == (("bad",) if layout == "test" else ()) and found.only_a == ()


def test_the_most_different_come_first_and_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    grey = np.zeros((4, 5), np.int64)
    for name, differing in (("few", 1), ("same", 0), ("many", 9)):
        save(a, name, grey)
        other = grey.copy()
        other.ravel()[:differing] = 1
        save(b, name, other)
    save(a, "alone", grey)
    save(a, "larger", grey)
    save(b, "larger", np.zeros((8, 9), np.int64))
    save(a, "damaged", grey)
    save(b, "damaged", grey)
    (b / "damaged.mask.png").write_bytes(b"no picture")
    found = compare_folders(str(a), str(b))
    assert [(one.name, one.share) for one in found.pictures] == [
        ("many", 0.45),
        ("few", 0.05),
        ("same", 0),
    ]
    assert found.only_a == ("alone",) and found.only_b == ()
    told = found.to_dict()["failures"]
    assert sorted(told) == ["damaged", "larger"] and told["damaged"].startswith("B: ")
    assert told["larger"] == "A is (4, 5), B is (8, 9) (height, width)"
    assert found.to_dict()["all"]["changes"] == [{"a": "background", "b": "dog", "pixels": 10}]


def test_pictures_are_read_one_by_one(tmp_path: Path) -> None:
    first, second = LAYOUTS["segment"](tmp_path / "a"), LAYOUTS["segment"](tmp_path / "b")
    compared = ComparedFolders(Results(first), Results(second))
    (tmp_path / "b/results/touching.mask.png").unlink()
    assert len(compared) == len(SCENES)
    walk = iter(compared)
    assert next(walk).name == compared.names[0]
    a, b = compared.pair("holes")
    assert np.array_equal(a.labels, SCENES["holes"]) and np.array_equal(b.labels, a.labels)


def test_a_picture_that_failed_in_a_run_is_no_difference(tmp_path: Path) -> None:
    folder = LAYOUTS["test"](tmp_path)
    [failed] = [
        one for one in ComparedFolders(Results(folder), Results(folder)) if one.name == "bad"
    ]
    assert failed.message == "it had failed in the run of A"  # type: ignore[union-attr]


def test_folders_of_other_pictures_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a", "one", np.zeros((4, 4), np.int64))
    save(tmp_path / "b", "two", np.zeros((4, 4), np.int64))
    with pytest.raises(ZerosegError, match="A has 'one', B has 'two'"):
        compare_folders(str(tmp_path / "a"), str(tmp_path / "b"))
    with pytest.raises(ZerosegError, match="holds no results"):
        compare_folders(str(tmp_path / "a"), str(tmp_path / "a/one"))


def test_label_maps_as_people_left_them(tmp_path: Path) -> None:
    """A folder beside itself tells what was changed, also what was since it was opened."""
    folder = write_scene(tmp_path / "out", "a", "b")
    compared = ComparedFolders(Results(folder), Results(folder), "b")
    reviewed(folder, box("dog"))
    reviewed(folder, Step("reject"), name="b")
    first, second = compared
    assert isinstance(first, Difference) and isinstance(second, Difference)
    assert first.changes == [("background", "dog", 6)] and second.share == 0
    assert compare_folders(folder, folder, "a").all.changes == [("dog", "background", 6)]
    for alike in ("none", "both"):
        found = compare_folders(folder, folder, alike)  # type: ignore[arg-type]
        assert found.all.share == 0 and found.to_dict()["corrected"] == alike
    with pytest.raises(ZerosegError, match="corrected is 'c'; choose one of none, a, b, both"):
        compare_folders(folder, folder, "c")  # type: ignore[arg-type]
    (tmp_path / "out/a.reviewed.png").unlink()
    [failed] = compare_folders(folder, folder, "b").failures
    assert failed.message == "B: its corrected map 'a.reviewed.png' is missing"
