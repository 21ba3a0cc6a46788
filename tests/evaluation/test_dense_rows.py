"""Ablation of a dense scorer beside a detector: none, patches alone, pooled over regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.baselines.conftest import proposals_of
from tests.evaluation.concept_parts import CLASSES, PLACES, SIZE, scenes
from tests.evaluation.conftest import QUIET
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.dense.region_scorer import Pooling, RegionScorer
from zeroseg.evaluation.ablation import ablate
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector, ScriptedScorer
from zeroseg.values import DenseScores, Geometry, Selection

STUFF = {name: PLACES[name] for name in ("sky", "grass")}


class Shifted(DenseScorer):
    """Sky and grass, six rows too far down."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        fine = ScriptedScorer(STUFF)(images, selections)
        frame = Geometry.itself(SIZE)
        return [DenseScores(0.7 * own.maps.roll(6, 1), own.labels, frame) for own in fine]


class Halves(MaskProposer):
    """The upper half and the lower one."""

    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        height, width = SIZE
        boxes = [(0, 0, width, height // 2), (0, height // 2, width, height)]
        return [proposals_of(boxes, height, width) for _ in images]


def build(scorer: DenseScorer | None, **options: Any) -> ZeroShotSegmenter:
    things = {name: PLACES[name] for name in ("dog", "person", "car")}
    return ZeroShotSegmenter(
        CLASSES,
        pre_refiner=AllClasses(),
        detector=ScriptedDetector(things),
        mask_predictor=BoxMasks(),
        fusion=ThingsAndStuff(**{"threshold": 0.25, "stuff": "under things", **options}),
        dense_scorer=scorer,
    )


def names(system: ZeroShotSegmenter) -> set[str]:
    return {row.name for row in rows(system, "none")[0] if row.system is not None}


def pooled(pooling: Pooling = "mean") -> RegionScorer:
    return RegionScorer(Shifted(), Halves(), pooling)


def test_rows_follow_from_the_scorer() -> None:
    own = {"without dense scorer", "without pooling", "pooled by vote", "pooled by mean"}
    assert names(build(pooled())) & own == own - {"pooled by mean"}
    assert names(build(pooled("vote"))) & own == own - {"pooled by vote"}
    assert "without scope" not in names(build(pooled()))
    assert "without scope" in names(build(pooled().variant(scope=True)))
    assert names(build(Shifted())) & own == {"without dense scorer"}
    assert names(build(Shifted(), evidence="dense")) & own == set()
    assert names(build(None)) & own == set()


def test_a_row_says_what_scores_and_regions_are_worth(tmp_path: Path) -> None:
    full = build(pooled())
    lines = ablate(full, scenes(), tmp_path / "all", "none", **QUIET).to_dict()
    table = {line["name"]: line for line in lines}
    stuff = {name: line["miou_stuff"] for name, line in table.items()}
    assert stuff["without dense scorer"] == 0 < stuff["without pooling"] < stuff["full"]
    assert table["without pooling"]["finding"].endswith(": worse without it")
    assert table["without dense scorer"]["miou_things"] == table["full"]["miou_things"] > 0
    alone = {"without pooling": build(Shifted()), "pooled by vote": build(pooled("vote"))}
    folders = {name: tmp_path / name for name in alone}
    for name, run in evaluate(alone, scenes(), folders, **QUIET).items():  # type: ignore[arg-type]
        assert table[name]["iou"] == run.results["iou"]


@pytest.mark.parametrize("offloaded", [False, True])
def test_rows_are_configured_as_what_they_are(offloaded: bool) -> None:
    """A run's identity and `scale` go by the configuration."""
    patches = {"class_path": "zeroseg.testing.ScriptedScorer", "init_args": {"boxes": {}}}
    sam = {"checkpoint": "tiny:sam", "points_per_side": 2, "box_sizes": [0.5]}
    regions = {"class_path": "zeroseg.masking.EverythingMasks", "init_args": sam}
    scorer: dict[str, Any] = {
        "class_path": "zeroseg.dense.RegionScorer",
        "init_args": {"scorer": patches, "proposer": regions},
    }
    if offloaded:
        path = "zeroseg.dense.dense_scorer.offload_dense_scorer"
        scorer = {"class_path": path, "init_args": {"part": scorer}}
    full = ZeroShotSegmenter.from_config(
        {
            "vocabulary": ["background", "dog", "sky"],
            "pre_refiner": {"class_path": "zeroseg.refinement.AllClasses"},
            "detector": {
                "class_path": "zeroseg.testing.ScriptedDetector",
                "init_args": {"boxes": {"dog": [0, 0, 0.5, 1]}},
            },
            "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
            "fusion": {"class_path": "zeroseg.fusion.ThingsAndStuff"},
            "dense_scorer": scorer,
        }
    )
    table = {row.name: row.system for row in rows(full, "none")[0]}
    plain, voted = table["without pooling"], table["pooled by vote"]
    assert plain is not None and plain.config is not None
    assert voted is not None and voted.config is not None
    assert plain.config["dense_scorer"] == patches
    inside = voted.config["dense_scorer"]["init_args"]
    inside = inside["part"]["init_args"] if offloaded else inside
    assert inside["pooling"] == "vote" and inside["scorer"] == patches
