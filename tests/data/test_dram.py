"""DRAM: movements, list files, VOC ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.dram import Dram
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import DRAM

NAMES = [
    f"{movement}/an-artist/painting-no.{number}"
    for number, movement in enumerate(miniatures.MOVEMENTS)
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.dram(tmp_path, 5)


@pytest.mark.parametrize("lists", [True, False])
def test_movements_by_list_and_by_folder(root: Path, lists: bool) -> None:
    if not lists:
        for path in (root / "test").glob("*.txt"):
            path.unlink()
    everything = Dram(root)
    assert sorted(everything.dataset.names) == sorted(NAMES)
    assert everything.picture_count == 718
    for movement in ("realism", "post_impressionism", "unseen"):
        data = Dram(root, movement=movement)
        assert list(data.dataset.names) == [n for n in NAMES if n.startswith(f"{movement}/")]
        assert data.describe()["movement"] == movement
        assert data.picture_count is None
    assert list(Dram(root, movement="cubism").dataset.names) == NAMES[4:]
    if lists:
        assert list(Dram(root, movement="dram").dataset.names) == NAMES[:4]


def test_lists_decide_what_belongs_to_a_movement(root: Path) -> None:
    (root / "test/realism.txt").write_text(f"{NAMES[0]}.jpg\n{NAMES[0]}\n\nrealism/gone/x\n")
    data = Dram(root, movement="realism")
    assert list(data.dataset.names) == [NAMES[0], "realism/gone/x"]
    assert "there is no mask" in str(data.dataset[1].problem)


def test_groups_are_the_movements_and_stay_when_some_are_done(root: Path) -> None:
    data = Dram(root)
    expected = {name: name.split("/")[0] for name in NAMES}
    assert data.groups() == expected
    data.skip(NAMES[:3])
    assert data.groups() == expected


def test_ids_are_those_of_voc(root: Path) -> None:
    every = np.arange(72 * 96, dtype=np.uint8).reshape(72, 96) % 22
    every[every == 21] = 255
    Image.fromarray(every).save(root / f"labels/{NAMES[0]}.png")
    target = Dram(root, movement="realism").dataset[0].target
    assert target is not None
    for number in np.unique(every).tolist():
        [found] = set(target.numpy()[every == number].tolist())
        assert found == (DRAM.ids.index(number) if number in DRAM.ids else 255)
    Image.fromarray(np.full_like(every, 21)).save(root / f"labels/{NAMES[0]}.png")
    assert "ids [21]" in str(Dram(root, movement="realism").dataset[0].problem)


def test_the_train_split_has_no_annotation(root: Path) -> None:
    (root / "test").rename(root / "train")
    sample = Dram(root, split="train").dataset[0]
    assert (sample.target, sample.problem) == (None, None)


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ZerosegError, match=r"no movement 'baroque'; there are cubism, dram, .*unse"
    ):
        Dram(root, movement="baroque")
    with pytest.raises(ImageError, match="expected test and labels, found no such folder"):
        Dram(tmp_path / "gone")
    (root / "test/expressionism.txt").write_text("")
    with pytest.raises(ImageError, match="test/expressionism/ARTIST"):
        Dram(root, movement="expressionism")


@pytest.mark.parametrize("lists", [True, False])
def test_pictures_of_any_suffix(root: Path, lists: bool) -> None:
    picture = root / f"test/{NAMES[0]}.jpg"
    picture.rename(picture.with_name(f"{picture.stem}.JPEG"))
    label = root / f"labels/{NAMES[0]}.png"
    label.rename(label.with_name(f"{label.stem}.PNG"))
    if not lists:
        for path in (root / "test").glob("*.txt"):
            path.unlink()
    data = Dram(root)
    assert sorted(data.dataset.names) == sorted(NAMES)
    assert [sample.problem for sample in data.dataset] == [None] * 5


def test_lists_of_other_systems(root: Path) -> None:
    lines = [NAMES[0].replace("/", "\\"), f"./{NAMES[0]}.JPG"]
    (root / "test/realism.txt").write_text("\n".join(lines), encoding="utf-16")
    data = Dram(root, movement="realism")
    assert list(data.dataset.names) == [NAMES[0]]
    assert data.dataset[0].problem is None
    (root / "test/realism.txt").write_text(f"../labels/{NAMES[0]}")
    with pytest.raises(ImageError, match=r"realism\.txt': the name '\.\./labels.* leads out"):
        Dram(root, movement="realism")
