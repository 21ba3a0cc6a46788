"""The oracle report: what is told is true, and the losses add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.evaluation.conftest import BOXES, CLASSES, QUIET, build, scenes
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Regions, Sample
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.ablation import ablate
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.oracle import OracleSegmenter, oracle
from zeroseg.evaluation.truth import true_detections, true_regions
from zeroseg.metrics.protocol import PAPER
from zeroseg.recognition.tagger import Tagger
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.testing import DenseFusion, ScriptedScorer, ScriptedVerifier
from zeroseg.values import Selection, Tag


def sample(rows: list[list[int]], regions: Regions | None = None) -> Sample:
    target = torch.tensor(rows)
    image = torch.zeros(3, *target.shape, dtype=torch.uint8)
    return Sample(image, target, "a", regions)


def regions(rows: list[list[int]], known: Regions | None = None) -> Regions:
    return true_regions(torch.tensor(rows), known, CLASSES, CLASSES.classes)


class Blank(BaseSegmenter):
    """A system without stages to swap."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        return ()


def test_connected_parts_are_regions_where_none_are_known() -> None:
    found = regions([[1, 1, 0, 1], [0, 0, 0, 1], [2, 2, 255, 0]])
    assert found.labels.tolist() == [1, 1, 2]
    assert found.segments.tolist() == [[0, 0, -1, 1], [-1, -1, -1, 1], [2, 2, -1, -1]]
    assert found.boxes().tolist() == [[0, 0, 2, 1], [3, 0, 4, 2], [0, 2, 2, 3]]


def test_known_regions_stay_and_the_rest_is_completed() -> None:
    known = Regions(torch.tensor([[0, 1, 1, -1], [0, -1, -1, -1]]), torch.tensor([1, 1]))
    found = regions([[1, 1, 0, 2], [1, 0, 0, 2]], known)
    # The third pixel is of no class, whatever the region says; the last column is a new region.
    assert found.segments.tolist() == [[0, 1, -1, 2], [0, -1, -1, 2]]
    assert found.labels.tolist() == [1, 1, 2]


def test_true_boxes_are_those_of_selected_classes_smaller_first() -> None:
    truth = regions([[1, 1, 0, 3], [1, 1, 0, 0], [2, 2, 2, 2]])
    found = true_detections(truth, Selection(("dog", "person", "puppy"), (1, 3, -1)), CLASSES)
    assert found.labels.tolist() == [3, 1]
    assert found.boxes.tolist() == [[3, 0, 4, 1], [0, 0, 2, 2]]
    assert found.prompt_index.tolist() == [1, 0]
    assert found.scores.tolist() == [1, 1]


def test_verifier_and_dense_scores_work_as_in_the_system_itself(tmp_path: Path) -> None:
    full = build(
        verifier=ScriptedVerifier({"dog": 0.9}),
        dense_scorer=ScriptedScorer(BOXES),
        fusion=DenseFusion(),
    )
    data = scenes()
    alone = evaluate({"it": full}, data, {"it": tmp_path / "alone"}, **QUIET)["it"]
    report = oracle(full, data, tmp_path / "oracle", **QUIET)
    plain = evaluate({"it": build()}, data, {"it": tmp_path / "plain"}, **QUIET)["it"]
    assert report.steps["measured"] == alone.results["miou"] != plain.results["miou"]
    rows = ablate(full, data, tmp_path / "rows", "no other", counts=(1,), **QUIET).to_dict()
    assert rows[0]["miou"] == alone.results["miou"]
    told = OracleSegmenter(full, ["labels"])
    assert "verification" not in [stage.name for stage in told.stages]


def test_told_labels_ask_for_exactly_what_is_there() -> None:
    data = scenes()
    told = OracleSegmenter(build(), ["labels"])
    for item in map(data.dataset.__getitem__, range(5)):
        [result] = told.segment_samples([item])
        assert isinstance(result, Segmentation)
        assert item.target is not None
        present = set(item.target.unique().tolist()) - {0, 255}
        assert set(result.selection.labels) == present


def test_told_everything_the_truth_comes_out() -> None:
    told = OracleSegmenter(build(), ["labels", "boxes", "masks"])
    items = [scenes().dataset[i] for i in range(5)]
    for item, result in zip(items, told.segment_samples(items), strict=True):
        assert isinstance(result, Segmentation)
        assert item.target is not None
        assert torch.equal(result.label_map, item.target)


def test_two_things_in_one_box_get_their_own_masks() -> None:
    item = sample([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    stripes = Regions(torch.tensor([[0, -1, -1], [-1, 1, -1], [-1, -1, 0]]), torch.tensor([1, 1]))
    both = sample([[1, 0, 1], [0, 0, 0], [1, 0, 1]])
    corners = Regions(torch.tensor([[0, -1, 1], [-1, -1, -1], [1, -1, 0]]), torch.tensor([1, 1]))
    told = OracleSegmenter(build(), ["labels", "boxes", "masks"])
    for truth, known in ((item, stripes), (both, corners)):
        known_sample = Sample(truth.image, truth.target, "a", known)
        [result] = told.segment_samples([known_sample])
        assert isinstance(result, Segmentation)
        assert torch.equal(result.label_map, truth.target)


@pytest.mark.parametrize("swap", [oracle, partial(ablate, other="none")])
def test_a_system_without_stages_is_refused_before_anything_is_done(
    swap: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ZerosegError, match=r"swaps the stages of a ZeroShotSegmenter; Blank has"):
        swap(Blank(CLASSES), scenes(2), output=tmp_path / "runs", **QUIET)
    assert not (tmp_path / "runs").exists()


def test_unknown_stages_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\['captions'\] cannot be told"):
        OracleSegmenter(build(), ["captions"])  # type: ignore[list-item]


@pytest.mark.parametrize("paper", [False, True])
def test_the_waterfall_adds_up(tmp_path: Path, paper: bool) -> None:
    data = scenes()
    if paper:
        data.protocol = PAPER
    report = oracle(build(), data, tmp_path, **QUIET)
    content = report.to_dict()
    gains = [step["gain"] for step in content["steps"][1:]]
    assert content["miou"] + sum(gains) == pytest.approx(report.steps["perfect"], abs=1e-12)
    if not paper:
        assert report.steps["perfect"] == 1
    assert report.steps["labels, boxes, masks"] == pytest.approx(report.steps["perfect"])
    assert report.steps["measured"] < report.steps["labels, boxes"] < 1
    assert {row["told"] for row in content["single"]} == {"labels", "boxes", "masks"}
    assert (tmp_path / "runs" / "labels-boxes" / "results.json").is_file()


class BreaksOnce(Tagger):
    """Cannot tag the first image."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        first = scenes().dataset[0].image
        if any(torch.equal(image, first) for image in images):
            raise RuntimeError("no")
        return [(Tag("puppy", 0.9),) for _ in images]


def test_a_failed_picture_is_what_no_truth_makes_good(tmp_path: Path) -> None:
    report = oracle(build(tagger=BreaksOnce()), scenes(), tmp_path, **QUIET)
    assert report.runs["measured"].results["images"]["failed"] == 1
    assert report.single["masks"] < 1
    # Told the labels, the tagger is not asked any more.
    assert report.runs["labels"].results["images"]["failed"] == 0
