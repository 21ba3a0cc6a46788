"""The check counts what is there, and names the first problem of each kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data import miniatures
from zeroseg.data.check import KINDS, check
from zeroseg.data.voc2012 import Voc2012


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return miniatures.voc2012(tmp_path, 8)


def mask(root: Path, number: int) -> Path:
    return root / f"VOC2012/SegmentationClass/2007_{number:06d}.png"


def test_the_histogram_is_that_of_the_files(root: Path) -> None:
    report = check(Voc2012(root))
    pixels, images = Counter[int](), Counter[int]()
    for number in range(8):
        ids, counts = np.unique(np.array(Image.open(mask(root, number))), return_counts=True)
        pixels.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))
        images.update(ids.tolist())
    assert report.pixels.tolist() == [pixels[i] for i in (*range(21), 255)]
    assert report.images.tolist() == [images[i] for i in range(21)]
    objects = 0
    for path in (root / "VOC2012/SegmentationObject").iterdir():
        objects += len(set(np.unique(np.array(Image.open(path))).tolist()) - {0, 255})
    assert report.regions == objects


def test_the_first_problem_of_each_kind(root: Path) -> None:
    for number in (6, 7):
        mask(root, number).unlink()
    Image.fromarray(np.full((72, 96), 21, np.uint8)).save(mask(root, 1))
    Image.fromarray(np.full((72, 96), 255, np.uint8)).save(mask(root, 2))
    for path in (mask(root, 3), Path(str(mask(root, 3)).replace("Class", "Object"))):
        Image.new("P", (10, 9)).save(path)
    mask(root, 4).write_bytes(b"no mask")
    (root / "VOC2012/JPEGImages/2007_000005.jpg").unlink()
    report = check(Voc2012(root))
    assert tuple(problem.kind for problem in report.problems) == KINDS
    assert [problem.count for problem in report.problems] == [1, 2, 1, 1, 1, 1]
    starts = [problem.first.split(":")[0][-1] for problem in report.problems]
    assert starts == ["5", "6", "4", "1", "3", "2"]
    assert report.annotated == 4
    assert "(9, 10), its picture (72, 96)" in report.problems[4].first


def test_it_says_when_a_sample_is_done_and_looks_at_the_chosen_only(root: Path) -> None:
    data, done = Voc2012(root), []
    data.sample(3)
    report = check(data, lambda name, problems: done.append(1))
    assert (report.count, len(done)) == (3, 3)


def test_a_split_without_annotation_is_no_problem(root: Path) -> None:
    report = check(Voc2012(root, split="test"))
    assert (report.count, report.annotated, report.problems) == (8, 0, ())
