"""The catalog: every data set opens by its name, and its miniature is complete and usable."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import pytest
import torch

from tests.data.miniatures import MINIATURES
from zeroseg.data.catalog import CATALOG, NAMES, entry, open_data
from zeroseg.data.check import check
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.metrics.protocol import PAPER, STANDARD
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector


def miniature(name: str, folder: Path, **options: object) -> SampleData:
    return open_data(name, MINIATURES[name](folder, 3), **options)


def test_every_entry_names_a_datamodule_and_how_to_fetch_it() -> None:
    assert set(NAMES) == set(MINIATURES)
    for name, known in CATALOG.items():
        module, _, class_name = known.class_path.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), class_name), SampleData)
        told = known.how_to_fetch()
        assert known.tree.splitlines()[-1].strip() in told
        if name != "folder":
            assert "fetch    http" in told and "licence" in told
            assert known.split in known.sizes


@pytest.mark.parametrize("name", NAMES)
def test_every_miniature_passes_the_check(name: str, tmp_path: Path) -> None:
    report = check(miniature(name, tmp_path))
    assert report.problems == ()
    assert (report.count, report.annotated) == (3, 3)
    assert int(report.pixels[:-1].sum()) > 0
    told_apart = ("voc2012", "voc20", "cityscapes", "coco81", "lvis")
    assert (report.regions is None) == (name not in told_apart)


@pytest.mark.parametrize("name", NAMES)
def test_every_miniature_can_be_segmented(name: str, tmp_path: Path) -> None:
    data = miniature(name, tmp_path, batch_size=2)
    target = data.vocabulary.prompts[data.vocabulary.classes[0]]
    segmenter = ZeroShotSegmenter(
        data.vocabulary,
        pre_refiner=AllClasses(),
        detector=ScriptedDetector({target: [0, 0, 0.5, 1]}),
        mask_predictor=BoxMasks(),
    )
    seen = []
    for batch in data.test_dataloader():
        for sample, result in zip(batch, segmenter.segment([s.image for s in batch]), strict=True):
            assert isinstance(result, Segmentation)
            assert result.label_map.shape == sample.target.shape
            seen.append(sample.name)
    assert seen == list(data.dataset.names)


@pytest.mark.parametrize("name", NAMES)
def test_samples_travel_to_workers(name: str, tmp_path: Path) -> None:
    data = miniature(name, tmp_path)
    copy = pickle.loads(pickle.dumps(data.dataset))
    one, other = data.dataset[0], copy[0]
    assert one.name == other.name
    assert torch.equal(one.image, other.image) and torch.equal(one.target, other.target)


def test_protocols(tmp_path: Path) -> None:
    root = MINIATURES["cityscapes"](tmp_path, 1)
    standard, paper = open_data("Cityscapes", root), open_data("cityscapes", root, protocol="paper")
    assert (standard.protocol, paper.protocol) == (STANDARD, PAPER)
    assert (len(standard.scored), len(paper.scored)) == (19, 20)
    plain = open_data("cityscapes", root, protocol="paper", background=False)
    assert len(plain.scored) == 19
    voc = MINIATURES["voc2012"](tmp_path / "voc", 1)
    assert open_data("voc2012", voc, protocol="paper").scoring()["void_classes"] == 1
    assert open_data("voc2012", voc).scoring()["void_classes"] == 0


def test_wrong_names_and_options(tmp_path: Path) -> None:
    with pytest.raises(ZerosegError, match="no data set 'kitti'; there are voc2012, cityscapes"):
        entry("kitti")
    with pytest.raises(ZerosegError, match="protocol"):
        open_data("voc2012", tmp_path, protocol="mine")
    with pytest.raises(ZerosegError, match=r"voc2012 has no option movement; it has \['split'"):
        open_data("voc2012", tmp_path, movement="realism")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "folder"])
def test_a_wrong_root_says_what_was_found_and_how_to_fetch(name: str, tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"file{number}").touch()
    with pytest.raises(ImageError, match=f"no {name} at '.*': expected .*, found file0") as told:
        open_data(name, tmp_path)
    assert entry(name).how_to_fetch() in str(told.value)
    assert "file8" not in str(told.value)
    with pytest.raises(ImageError, match="found a file"):
        open_data(name, tmp_path / "file1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="found an empty folder"):
        open_data(name, tmp_path / "empty")
