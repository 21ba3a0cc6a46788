"""PASCAL Context: 60 classes, 59 without the background, and all 459 in TIFF."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.check import check
from zeroseg.data.pascal_context import Context59, Context60, Context459
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.vocabularies import CONTEXT60

EVERY = np.arange(72 * 96).reshape(72, 96) % 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.context60(tmp_path, 3)


def mask(root: Path, number: int) -> Path:
    return root / f"VOC2010/SegmentationClassContext/2008_{number:06d}.png"


@pytest.mark.parametrize("place", [".", "VOC2010", ".."])
def test_every_id_with_and_without_the_background(root: Path, place: str) -> None:
    Image.fromarray(EVERY.astype(np.uint8)).save(mask(root, 0))
    whole, reduced = Context60(root / place), Context59(root / place)
    names = ["2008_000000", "2008_000001", "2008_000002"]
    assert list(whole.dataset.names) == list(reduced.dataset.names) == names
    assert np.array_equal(whole.dataset[0].target, EVERY)
    assert np.array_equal(reduced.dataset[0].target, np.where(EVERY == 0, 255, EVERY))
    assert (whole.title, len(whole.scored)) == ("context60", 60)
    assert (reduced.title, reduced.scored) == ("context59", tuple(range(1, 60)))
    assert whole.vocabulary == CONTEXT60
    assert reduced.vocabulary == replace(CONTEXT60, exhaustive=True)
    assert whole.picture_count == 5104


def test_ids_are_those_of_the_converter_by_name() -> None:
    known = {"aeroplane": 1, "bag": 2, "grass": 29, "sky": 47, "tv-monitor": 55, "wood": 59}
    assert {name: CONTEXT60.ids[CONTEXT60.index(name)] for name in known} == known
    assert CONTEXT60.find("tvmonitor") is None and CONTEXT60.find("tv monitor") == 55
    assert len(CONTEXT60.stuff) == 21 and CONTEXT60.index("sky") in CONTEXT60.stuff


def test_what_is_wrong_costs_its_own_picture(root: Path) -> None:
    Image.fromarray(np.full((72, 96), 60, np.uint8)).save(mask(root, 0))
    mask(root, 1).write_bytes(b"no png")
    Image.new("RGB", (96, 72)).save(mask(root, 2))
    problems = [str(sample.problem) for sample in Context59(root).dataset]
    assert "ids [60]" in problems[0]
    assert "cannot be read" in problems[1]
    assert "mode RGB" in problems[2]
    assert {problem.kind for problem in check(Context60(root)).problems} == {
        "unknown id",
        "unreadable mask",
    }


def test_zeros_that_were_taken_away_and_written_again_are_void(root: Path) -> None:
    Image.fromarray(np.full((72, 96), 255, np.uint8)).save(mask(root, 0))
    assert set(Context60(root).dataset[0].target.unique().tolist()) == {255}


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="context59 has no split 'test'; there are train, val"):
        Context59(root, split="test")
    with pytest.raises(ImageError, match=r"no context60 at .*SegmentationContext/train\.txt"):
        Context60(root, split="train")
    with pytest.raises(ImageError, match=r"pascal_context\.py, which writes the masks"):
        Context60(tmp_path / "gone")
    (root / "VOC2010/ImageSets/SegmentationContext/val.txt").write_text("\n")
    with pytest.raises(ImageError, match="names no picture"):
        Context60(root)


def test_all_classes_in_tiff_of_sixteen_bits(tmp_path: Path) -> None:
    root = miniatures.context459(tmp_path, 3)
    data = Context459(root)
    every = np.arange(72 * 96).reshape(72, 96) % 459
    file = root / "VOC2010/annotations_detectron2/pc459_val/2008_000000.tif"
    Image.fromarray(every.astype(np.uint16)).save(file)
    assert np.array_equal(data.dataset[0].target, every)
    assert data.scored == tuple(range(459))
    assert data.vocabulary.names[430] == "unknown"
    file.rename(file.with_suffix(".TIF"))
    assert Context459(root).dataset[0].problem is None
    Image.fromarray(np.full((72, 96), 65535, np.uint16)).save(file)
    file.with_suffix(".TIF").unlink()
    assert set(data.dataset[0].target.unique().tolist()) == {65535}
    Image.fromarray(np.full((72, 96), 500, np.uint16)).save(file)
    assert "ids [500]" in str(data.dataset[0].problem)
    file.unlink()
    assert "there is no mask" in str(data.dataset[0].problem)
