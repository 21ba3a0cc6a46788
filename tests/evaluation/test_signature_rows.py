"""Rows of the ablation with signatures and without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.concept_parts import CLASSES, Concepts, build, scenes
from zeroseg.errors import CalibrationError
from zeroseg.evaluation.ablation import lines
from zeroseg.evaluation.ablation_rows import rows
from zeroseg.evaluation.background import background_of
from zeroseg.evaluation.evaluate import evaluate
from zeroseg.fusion.estimating import estimated
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.fusion.score_source import sources
from zeroseg.fusion.signature_fusion import SignatureFusion
from zeroseg.fusion.signature_pool import SignaturePool
from zeroseg.fusion.signatures import Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.segmenter import ZeroShotSegmenter

FUSION = ThingsAndStuff(threshold=0.25)


def calibrated() -> Signatures:
    """Signatures from the scenes, for the scripted system."""
    pool = SignaturePool(FUSION)
    for sample in scenes().dataset:
        build(fusion=pool)([sample.image])
    source = sources(Concepts(), None, FUSION)
    return replace(estimated(pool.seen, CLASSES, True, source, fewest=50), fewest=50)


@pytest.fixture(scope="module")
def signatures() -> Signatures:
    return calibrated()


def names(full: ZeroShotSegmenter, **given: Any) -> dict[str, str]:
    return {row.name: row.reason for row in rows(full, "none", **given)[0]}


def test_what_has_signatures_has_a_row_without(signatures: Signatures, tmp_path: Path) -> None:
    strict = ThingsAndStuff(threshold=0.75)  # of sky alone there is as much
    found, _ = rows(build(fusion=SignatureFusion(signatures, strict)), "none", counts=())
    table = [row for row in found if row.name in ("full", "signatures: without")]
    systems = {row.name: row.system for row in table if row.system is not None}
    folders = {name: tmp_path / str(place) for place, name in enumerate(systems)}
    runs = evaluate(systems, scenes(), folders)
    full, without = lines(table, runs, scenes(), {})
    assert full.run is not None and without.agreement is not None
    assert without.agreement.gained < without.agreement.lost
    assert "50.00% of the pixels change" in without.finding
    assert without.row.system.fusion is strict  # type: ignore[union-attr]


def test_what_has_none_gets_them_from_a_file(signatures: Signatures, tmp_path: Path) -> None:
    path = tmp_path / "signatures.yaml"
    replace(signatures, fewest=2000).to_yaml(path)
    plain = build(fusion=FUSION)
    assert not any("signatures" in name for name in names(plain))
    table = {row.name: row.system for row in rows(plain, "none", signatures=path)[0]}
    settled = table["signatures: with"]
    assert isinstance(settled, ZeroShotSegmenter)
    assert isinstance(settled.fusion, SignatureFusion)
    assert settled.fusion.fusion is plain.fusion
    with pytest.raises(CalibrationError, match="HighestScore has no scores"):
        rows(build(fusion=HighestScore()), "none", signatures=path)


def test_rows_that_signatures_are_not_for_say_so(signatures: Signatures, tmp_path: Path) -> None:
    other = replace(signatures, source={**signatures.source, "detector": {"class": "Sam3"}})
    path = tmp_path / "signatures.yaml"
    other.to_yaml(path)
    reasons = names(build(fusion=FUSION), signatures=path)
    assert "detector.class was 'Sam3' and is 'Concepts'" in reasons["signatures: with"]


def test_the_background_is_by_signatures(signatures: Signatures) -> None:
    told = background_of(build(fusion=SignatureFusion(signatures, FUSION)), scenes())
    assert (told["rule"], told["threshold"]) == ("signatures", None)
    never = ThingsAndStuff(background="never")
    told = background_of(build(fusion=SignatureFusion(signatures, never)), scenes())
    assert told["rule"] == "never"
