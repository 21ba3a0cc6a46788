"""Lists of 847 and 1203 classes (ADE20K in full, LVIS) through every reader, writer and report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor

from zeroseg import plotting
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.cli.main import main
from zeroseg.data.image_mask_folder import ImageMaskFolder
from zeroseg.data.masks import read_ids
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.metrics.pixel_counts import count_pixels
from zeroseg.running.stage import Stage
from zeroseg.scale.batch import BatchRun
from zeroseg.scale.manifest import Summary
from zeroseg.scale.recipe import Recipe
from zeroseg.vocabulary import Vocabulary

SIZE = (48, 64)


def classes(count: int) -> Vocabulary:
    return Vocabulary.from_names([f"class {i}" for i in range(1, count + 1)], name=f"many-{count}")


def drawn_map(seed: int, count: int) -> Tensor:
    """Rectangles of random classes over each other."""
    dice = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.int64)
    for _ in range(20):
        y, x = dice.integers(SIZE[0] - 8), dice.integers(SIZE[1] - 8)
        labels[y : y + dice.integers(4, 24), x : x + dice.integers(4, 24)] = dice.integers(count)
    return torch.from_numpy(labels)


class Shown(Stage):
    """Reads the class of each pixel out of its colour: red is the low byte, green the high one."""

    name, needs, gives = "reading", ("image",), ("label_map",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[list[Tensor]]:
        return ([image[0].long() + 256 * image[1].long() for image in images],)


class Reads(BaseSegmenter):
    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Shown(),)


@pytest.fixture(params=[847, 1203])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Vocabulary]:
    """Pictures that show their classes, and masks of 16 bits."""
    vocabulary = classes(request.param)
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    (root / "vocabulary.yaml").write_text(yaml.safe_dump(vocabulary.to_dict()))
    for seed in range(3):
        labels = drawn_map(seed, len(vocabulary))
        plotting.indexed(labels, vocabulary).save(root / f"masks/{seed}.png")
        colors = np.stack([labels % 256, labels // 256, labels * 0], -1).astype(np.uint8)
        Image.fromarray(colors).save(root / f"images/{seed}.png")
    return root, vocabulary


def test_masks_of_sixteen_bits_come_back(folder: tuple[Path, Vocabulary]) -> None:
    root, vocabulary = folder
    with Image.open(root / "masks/0.png") as mask:
        assert mask.mode.startswith("I;16")
    assert torch.equal(
        vocabulary.from_ids(read_ids(root / "masks/0.png")), drawn_map(0, len(vocabulary))
    )
    sample = ImageMaskFolder(root).dataset[1]
    assert sample.target is not None
    assert torch.equal(sample.target, drawn_map(1, len(vocabulary)))


def test_a_run_its_record_and_its_report(folder: tuple[Path, Vocabulary], tmp_path: Path) -> None:
    root, vocabulary = folder
    data = ImageMaskFolder(root)
    runs = evaluate({"reads": Reads(vocabulary)}, data, {"reads": tmp_path / "run"})
    results = runs["reads"].results
    assert results["miou"] == 1.0
    written = json.loads((tmp_path / "run/results.json").read_text())
    assert "confusion_matrix" not in written
    assert all(true == taken for true, taken, _ in written["confusions"])
    assert (tmp_path / "run/report.html").stat().st_size < 3_000_000
    with Image.open(tmp_path / "run/predictions/0.png") as prediction:
        assert prediction.mode.startswith("I;16")
    again = evaluate({"reads": Reads(vocabulary)}, data, {"reads": tmp_path / "run"})
    assert again["reads"].results["miou"] == 1.0
    scored = main(
        ["score", "--predictions", str(tmp_path / "run/predictions"), "--data", str(root)]
    )
    assert scored == 0


def test_counts_do_not_grow_with_the_square_of_the_classes() -> None:
    vocabulary = classes(1203)
    one, other = drawn_map(1, 1204), drawn_map(2, 1204)
    counts = count_pixels(one, other, vocabulary)
    assert counts.matrix.numel() <= (len(one.unique()) + len(other.unique())) ** 2
    assert len(json.dumps(counts.to_dict())) < 20_000


def test_an_archive(folder: tuple[Path, Vocabulary], tmp_path: Path) -> None:
    root, vocabulary = folder
    config: dict[str, Any] = {"class_path": f"{Reads.__module__}.Reads"}
    run = BatchRun(str(root / "images"), str(tmp_path / "out"), Recipe.of(config, vocabulary, 2))
    assert sum(run.here(), Summary()).done == 3
    with Image.open(tmp_path / "out/masks/2.png.png") as mask:
        ids = torch.from_numpy(np.array(mask).astype(np.int64))
    assert torch.equal(vocabulary.from_ids(ids), drawn_map(2, len(vocabulary)))
    rows = pq.read_table(tmp_path / "out/manifest").to_pylist()
    assert all(row["status"] == "ok" for row in rows)


def test_a_result_is_saved_with_its_colours(tmp_path: Path) -> None:
    vocabulary = classes(1203)
    labels = drawn_map(4, 1204)
    colors = torch.stack([labels % 256, labels // 256, labels * 0]).byte()
    result = Reads(vocabulary).segment(colors)
    assert torch.equal(result.label_map, labels)
    files = result.save(tmp_path / "x")
    assert torch.equal(vocabulary.from_ids(read_ids(files["mask"])), labels)
    assert len(result.areas) == len([i for i in labels.unique().tolist() if i])
    painted = np.array(plotting.colored(labels, vocabulary))
    assert tuple(painted[0, 0]) == vocabulary.colors[int(labels[0, 0])]
