"""What a model that sees is worth, where it sees everything: drawn scenes and the tiny networks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.refinement.onlooker import Onlooker
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.segmenter import ZeroShotSegmenter

SCENES = DrawnScenes("drawn", count=6, size=(128, 128), seed=11, batch_size=3)
QUIET = {"accelerator": "cpu", "devices": 1, "enable_progress_bar": False}


@cache
def loaded() -> ZeroShotSegmenter:
    return ZeroShotSegmenter.from_preset("tiny", tagger=None, captioner=None)


def everything(**changes: Any) -> ZeroShotSegmenter:
    """The tiny networks, asked for every class of the list."""
    parts = {**loaded().components(), "pre_refiner": AllClasses(), **changes}
    return ZeroShotSegmenter(SCENES.vocabulary, **parts)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Results without a model that sees, with one before detection, and with one behind it."""
    folder = tmp_path_factory.mktemp("runs")
    systems = {
        "blind": everything(),
        "verified": everything(verifier=VisionVerifier(Onlooker(SCENES), None)),
        "reviewed": everything(reviewer=VisionReviewer(Onlooker(SCENES), longest_side=None)),
    }
    found = evaluate(systems, SCENES, {name: folder / name for name in systems}, **QUIET)
    return {name: run.results for name, run in found.items()}


def test_over_all_classes_it_chooses_exactly_what_is_there(runs: dict[str, Any]) -> None:
    presence = runs["verified"]["presence"]
    assert presence["selected"]["precision"] < 0.5 < presence["selected"]["recall"] == 1
    assert presence["verified"]["f1"] == 1
    assert presence["label_map"]["precision"] == 1
    assert presence["label_map"]["f1"] > runs["blind"]["presence"]["label_map"]["f1"]
    assert runs["verified"]["miou"] > runs["blind"]["miou"]
    assert runs["verified"]["usage"]["calls"] == 6


def test_what_is_doubtful_is_settled_by_numbered_boxes(runs: dict[str, Any]) -> None:
    presence = runs["reviewed"]["presence"]
    assert presence["resolved"] == runs["blind"]["presence"]["resolved"]
    assert presence["reviewed"]["precision"] > presence["resolved"]["precision"]
    assert presence["reviewed"]["f1"] > presence["resolved"]["f1"]
    assert "reviewed" not in runs["blind"]["presence"]
    assert runs["reviewed"]["miou"] > runs["blind"]["miou"]
    assert 0 < runs["reviewed"]["usage"]["calls"] <= 6


def test_stages_are_told_in_the_report(tmp_path: Path) -> None:
    system = everything(
        verifier=VisionVerifier(Onlooker(SCENES), None),
        reviewer=VisionReviewer(Onlooker(SCENES), longest_side=None),
    )
    data = DrawnScenes("drawn", count=1, size=(128, 128), seed=11)
    evaluate({"it": system}, data, {"it": tmp_path / "it"}, **QUIET)
    page = (tmp_path / "it" / "report.md").read_text(encoding="utf-8")
    for stage in ("after pre-refinement", "after verification", "after review"):
        assert stage in page
