"""Ablation and oracle of systems of SAM 3's kind: presence, dense maps, instances, two looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.detection import sam3_parts
from tests.evaluation.concept_parts import CLASSES, SCENES, Concepts, build, scenes
from tests.evaluation.conftest import QUIET
from tests.evaluation.conftest import build as described
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.detection.sam3 import Sam3
from zeroseg.evaluation.ablation import ablate
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.evaluation.oracle import OracleSegmenter, oracle
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector
from zeroseg.vocabulary import Vocabulary

FUSED = {"threshold": 0.25, "stuff": "under things"}


def names(system: ZeroShotSegmenter, other: Any = "none") -> list[str]:
    table, _ = rows(system, other, (1,))
    assert all(row.reason for row in table if row.system is None)
    return [row.name if row.system is not None else f"({row.name})" for row in table]


def test_rows_are_those_that_the_system_has() -> None:
    assert names(build()) == [
        "full", "without presence", "presence once", "without dense head", "without instances",
        "without dense head and presence", "(without two-stage)", "with two-stage",
        "ground-truth presence", "background by margin 0.25", "no background",
        "stuff beside things",
    ]  # fmt: skip
    once = ThingsAndStuff(evidence="instances", presence="once", background="margin")
    assert names(build(fusion=once, detector=Concepts(preview=True))) == [
        "full", "without presence", "presence twice", "without instances",
        "instances and dense head", "without two-stage", "ground-truth presence",
        "background by threshold 0.4", "no background",
    ]  # fmt: skip
    plain = build(detector=ScriptedDetector({}), mask_predictor=BoxMasks(), fusion=None)
    assert names(plain) == ["full", "ground-truth labels"]


def test_words_and_concepts_can_go_together() -> None:
    found = names(build(pre_refiner=LexicalPreRefiner(), tagger=described().tagger))
    for name in (
        "(without captions)", "without pre-refinement", "(without post-refinement)",
        "(without points)", "(without all)", "(other chat model)", "without presence",
        "without dense head", "ground-truth labels", "ground-truth presence",
        "all classes prompted",
    ):  # fmt: skip
        assert name in found, name


def test_a_vocabulary_with_distractors_can_leave_the_background_to_them() -> None:
    classes = Vocabulary.from_names(CLASSES.names, distractors=["tree"])
    system = ZeroShotSegmenter(classes, **build().components())
    assert "background by distractors" in names(system)
    assert not any(name.startswith("stuff") for name in names(system))


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The table of the scripted system, by the names of its rows."""
    full, data = build(), scenes()
    data.title = "dram"
    report = ablate(full, data, tmp_path_factory.mktemp("rows"), "none", **QUIET)
    # Whatever the row, but for the one with another detector.
    assert sum(full.detector.asked) == len(SCENES)  # type: ignore[operator, arg-type]
    return {line["name"]: line for line in report.to_dict()}


def test_every_row_says_what_its_part_is_worth(ablation: dict[str, dict[str, Any]]) -> None:
    full, undense = ablation["full"], ablation["without dense head"]
    # The car is too unlikely to be weighed by presence twice, and what is not there is seen, too.
    assert ablation["presence once"]["iou"]["car"] == 1 > full["iou"]["car"] == 0
    assert ablation["ground-truth presence"]["miou"] == 1
    assert undense["miou_stuff"] == 0
    assert undense["miou_things"] == full["miou_things"] > 0
    assert ablation["without instances"]["miou_things"] == 0
    assert ablation["without instances"]["miou_stuff"] > 0
    assert ablation["stuff beside things"]["miou_things"] == 0
    assert undense["finding"].endswith(": worse without it")
    for kind in ("things", "stuff"):
        gap = undense[f"miou_{kind}"] - full[f"miou_{kind}"]
        change = undense["difference_apart"][kind]
        assert change["value"] == pytest.approx(gap, abs=1e-12)
        assert change["low"] <= gap <= change["high"]


def test_the_papers_figures_are_those_of_its_kind_of_system(
    ablation: dict[str, dict[str, Any]],
) -> None:
    assert all(line["published_miou"] is None for line in ablation.values())


def test_a_fused_row_scores_as_its_system_alone(
    ablation: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    alone = {
        "presence once": build(fusion=ThingsAndStuff(presence="once", **FUSED)),
        "without instances": build(fusion=ThingsAndStuff("dense", **FUSED)),
        "background by margin 0.25": build(fusion=ThingsAndStuff(background="margin", **FUSED)),
        "with two-stage": build(detector=Concepts(preview=True)),
    }
    folders = {name: tmp_path / str(i) for i, name in enumerate(alone)}
    for name, run in evaluate(alone, scenes(), folders, **QUIET).items():
        assert ablation[name]["iou"] == run.results["iou"], name


def sam3(**options: Any) -> Sam3:
    return Sam3(sam3_parts.sam3_model(), sam3_parts.processor(), score_threshold=0.15, **options)


def test_rows_of_sam3_itself_in_a_run_that_goes_on(tmp_path: Path) -> None:
    parts = build(detector=sam3(chunk_size=25)).components()
    full = ZeroShotSegmenter("drawn-all", **parts, batch_size=2)
    table, _ = rows(full, "none")
    row = {row.name: row for row in table}
    assert "no preview of 25 prompts" in row["without two-stage"].reason
    systems = {name: row[name].system for name in ("full", "without dense head", "with two-stage")}
    folders = {name: tmp_path / str(i) for i, name in enumerate(systems)}
    data = DrawnScenes("drawn-all", count=2, size=(40, 56), seed=3, batch_size=2)
    runs = evaluate(systems, data, folders, **QUIET)  # type: ignore[arg-type]
    undense, twice = (runs[name].results for name in list(systems)[1:])
    assert undense["parts"]["fusion"]["evidence"] == "instances"
    assert twice["parts"]["detector"]["preview"] == "always"
    assert undense["iou"] != runs["full"].results["iou"]
    again = evaluate(systems, data, folders, **QUIET)  # type: ignore[arg-type]
    for name, run in runs.items():
        assert not run.results["failures"]
        assert again[name].results == run.results


def test_sam3_told_everything_sees_the_truth() -> None:
    full = ZeroShotSegmenter("drawn-all", **build(detector=sam3()).components())
    data = DrawnScenes("drawn-all", count=2, size=(40, 56), seed=3)
    samples = [data.dataset[i] for i in range(2)]
    told = OracleSegmenter(full, ["presence", "boxes", "masks", "dense"])
    for sample, result in zip(samples, told.segment_samples(samples), strict=True):
        assert isinstance(result, Segmentation) and sample.target is not None
        assert torch.equal(result.label_map, sample.target)
    [blind] = full.segment_samples(samples[:1])
    assert isinstance(blind, Segmentation)
    assert not torch.equal(blind.label_map, samples[0].target)  # type: ignore[arg-type]


def test_a_preview_is_put_in_or_left_out_around_the_same_network() -> None:
    part = sam3(preview="auto")
    assert not part.previews(40) and part.previews(41)
    always, never = part.with_preview(True), part.with_preview(False)
    assert always.previews(1) and not never.previews(10_000)
    assert always.model is never.model is part.model
    assert part.preview == "auto"


def test_the_waterfall_of_concepts_adds_up(tmp_path: Path) -> None:
    full = build()
    report = oracle(full, scenes(), tmp_path, **QUIET)
    assert sum(full.detector.asked) == len(SCENES)  # type: ignore[operator, arg-type]
    content = report.to_dict()
    assert [step["told"] for step in content["steps"]] == [
        "measured", "presence", "presence, boxes", "presence, boxes, masks",
        "presence, boxes, masks, dense", "perfect",
    ]  # fmt: skip
    gains = [step["gain"] for step in content["steps"][1:]]
    assert content["miou"] + sum(gains) == pytest.approx(1, abs=1e-12)
    assert [step["makes_good"] for step in content["steps"]] == [
        None, "presence", "detection and post-refinement", "masks", "dense maps",
        "fusion, and pictures that failed",
    ]  # fmt: skip
    single = {own["told"]: own["gain"] for own in content["single"]}
    assert set(single) == {"presence", "boxes", "masks", "dense"}
    # Things are found where they are; that the car is, its presence still denies.
    assert single["boxes"] > 0 == single["masks"]
    runs = report.runs
    assert runs["boxes"].results["iou"]["person"] == 1 > runs["measured"].results["iou"]["person"]
    assert runs["boxes"].results["iou"]["car"] == runs["boxes"].results["iou"]["road"] == 0
    assert runs["dense"].results["miou_stuff"] > runs["measured"].results["miou_stuff"]


def test_presence_and_maps_are_told_to_systems_that_have_them() -> None:
    with pytest.raises(ValueError, match=r"\['dense'\] cannot be told to a system without dense"):
        OracleSegmenter(described(), ["boxes", "dense"])
