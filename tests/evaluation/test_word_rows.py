"""Ablation rows of words: the same classes and components, asked for with other words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from tests.encoders import encoder_parts
from tests.evaluation.conftest import QUIET
from tests.refinement.presence_parts import thresholds
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.data.sample import Sample
from zeroseg.evaluation.ablation import ablate
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.encoder_verifier import EncoderVerifier
from zeroseg.running.stage_cache import StageCache
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector
from zeroseg.vocabularies import by_name, compiled
from zeroseg.vocabulary import Vocabulary

PLAIN = Vocabulary.parse("drawn")
ADDED = Vocabulary.parse("drawn-compiled")
BOXES = {"dog": (0.0, 0.0, 0.5, 0.5), "ship": (0.5, 0.0, 1.0, 1.0)}
"""A detector that does not know the word "boat"."""


def system(vocabulary: Vocabulary) -> ZeroShotSegmenter:
    parts = {"pre_refiner": AllClasses(), "mask_predictor": BoxMasks()}
    return ZeroShotSegmenter(vocabulary, detector=ScriptedDetector(BOXES), **parts)


def found(vocabulary: Vocabulary) -> dict[str, ZeroShotSegmenter]:
    table, _ = rows(system(vocabulary), "none", (1,))
    return {row.name: row.system for row in table if row.name.startswith("words")}  # type: ignore[misc]


def test_the_rows_are_the_words_that_the_system_does_not_have() -> None:
    raw, added = found(PLAIN), found(ADDED)
    assert set(raw) == {"words: compiled"} and set(added) == {"words: raw"}
    assert raw["words: compiled"].vocabulary == ADDED == compiled(PLAIN)
    assert added["words: raw"].vocabulary == by_name(ADDED) == PLAIN
    own = replace(PLAIN, words=tuple(("zq",) if n == "dog" else () for n in PLAIN.names))
    assert set(found(own)) == {"words: compiled", "words: raw"}
    assert not found(Vocabulary.from_names(["dog", "boat"]))  # nobody has words for these


def test_words_that_a_verifier_is_not_calibrated_for_are_not_run_and_it_is_said() -> None:
    full = system(PLAIN)
    verifier = EncoderVerifier(*encoder_parts.clip(), thresholds=thresholds(PLAIN))
    full = ZeroShotSegmenter(PLAIN, **{**full.components(), "verifier": verifier})
    table, _ = rows(full, "none", (1,))
    [row] = [own for own in table if own.name.startswith("words")]
    assert row.name == "words: compiled" and row.system is None
    assert "holds for the words that it was found with alone" in row.reason
    assert "--set verifier=null" in row.reason and "zeroseg calibrate" in row.reason


def test_what_words_are_worth_is_in_the_table(tmp_path: Path) -> None:
    data = DrawnScenes(PLAIN, count=3, size=(48, 48), seed=1, batch_size=2)
    full = system(ADDED)
    full.config = {"vocabulary": ADDED.to_dict()}
    report = ablate(full, data, tmp_path / "rows", "none", **QUIET)
    lines = {line["name"]: line for line in report.to_dict()}
    assert set(lines) >= {"full", "words: raw"}
    alone = evaluate({"it": system(PLAIN)}, data, {"it": tmp_path / "alone"}, **QUIET)["it"]
    assert lines["words: raw"]["iou"] == alone.results["iou"]
    assert lines["words: raw"]["iou"] != lines["full"]["iou"]  # the ship was not asked for
    assert "points [" in lines["words: raw"]["finding"]


def test_systems_side_by_side_are_told_their_own_classes() -> None:
    """One pre-refiner, two lists: what it answered for one is no answer for the other."""
    full = system(PLAIN)
    other = ZeroShotSegmenter(ADDED, **full.components())
    samples = [Sample(torch.zeros(3, 40, 60, dtype=torch.uint8), None, "0")]
    cache = StageCache()
    runs = (next(iter(own.segment_samples(samples, cache))) for own in (full, other, full))
    first, second, again = (found for found in runs if isinstance(found, Segmentation))
    assert "boat" not in first.areas and "boat" in second.areas
    assert first.areas == again.areas
