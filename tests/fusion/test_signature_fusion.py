"""The fusion by signatures: the contract, what it takes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.fusion.signature_parts import CLASSES, COW, SHEEP, SKY, known
from zeroseg.errors import CalibrationError
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.fusion.score_source import sources
from zeroseg.fusion.signature_fusion import SignatureFusion
from zeroseg.fusion.signatures import Signatures, asked_words
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import FusionContract, ScriptedConcepts, ScriptedScorer
from zeroseg.values import DenseScores, Detections, Geometry, Masks

BOXES = {"cow": (0.0, 0.0, 0.5, 1.0)}


def fitting(fusion: ThingsAndStuff) -> Signatures:
    """Signatures of the system below."""
    return replace(known(), source=sources(ScriptedConcepts(BOXES), None, fusion))


class TestSignatureFusion(FusionContract):
    """Of classes that nothing is known of: it decides as the other one does."""

    def part(self) -> SignatureFusion:
        count = len(self.vocabulary)
        nothing = torch.zeros(count, count)
        words, places = asked_words(self.vocabulary), torch.zeros(count, dtype=torch.int64)
        unknown = Signatures({}, 50, 100, 0.1, words, places, nothing, nothing)
        return SignatureFusion(unknown, ThingsAndStuff(threshold=0.3))


def test_dense_maps_are_settled_by_signatures() -> None:
    maps = torch.tensor([[[0.78, 0.1]], [[0.8, 0.8]], [[0.0, 0.0]]])
    dense = DenseScores(maps, (COW, SHEEP, SKY), Geometry.itself((1, 2)))
    nothing = Masks(torch.zeros(0, 1, 2), dense.geometry)
    plain = ThingsAndStuff()(nothing, Detections.empty(), CLASSES, dense)
    settled = SignatureFusion(known())(nothing, Detections.empty(), CLASSES, dense)
    assert plain.tolist() == [[SHEEP, SHEEP]]
    assert settled.tolist() == [[COW, SHEEP]]


def test_what_the_other_fusion_hears_it_hears() -> None:
    deaf = SignatureFusion(known(), ThingsAndStuff("dense", presence="never", verifier=True))
    assert (deaf.evidence, deaf.hears_presence, deaf.hears_verifier) == ("dense", False, False)
    assert SignatureFusion(known(), ThingsAndStuff(verifier=True)).hears_verifier


def test_another_system_and_other_words_are_refused_before_any_picture() -> None:
    fusion = ThingsAndStuff(threshold=0.7)

    def system(signatures: Signatures, **changes: object) -> ZeroShotSegmenter:
        parts = {"detector": ScriptedConcepts(BOXES), "mask_predictor": DetectorMasks(), **changes}
        settled = SignatureFusion(signatures, fusion)
        return ZeroShotSegmenter(CLASSES, AllClasses(), fusion=settled, **parts)  # type: ignore[arg-type]

    assert len(system(fitting(fusion)).stages) > 0
    with pytest.raises(CalibrationError, match="dense_scorer was None and is ScriptedScorer"):
        _ = system(fitting(fusion), dense_scorer=ScriptedScorer(BOXES)).stages
    with pytest.raises(CalibrationError, match=r"fusion\.presence was 'once' and is 'twice'"):
        _ = system(fitting(ThingsAndStuff(presence="once"))).stages
    other = replace(known(), words={"dog": ("dog",)})
    with pytest.raises(CalibrationError, match="the signatures are of the classes dog, in this"):
        _ = system(other).stages


def test_a_file_makes_one(tmp_path: Path) -> None:
    known().to_yaml(tmp_path / "signatures.yaml")
    made = SignatureFusion.from_pretrained(tmp_path / "signatures.yaml", spread=0.2)
    assert made.spread == 0.2
    assert isinstance(made.fusion, ThingsAndStuff)
    needed = next(SignatureFusion.needs({"signatures": "mine.yaml"}))
    assert vars(needed)["made_by"] == "zeroseg calibrate --signatures"


def test_what_has_no_scores_to_compare_is_refused() -> None:
    with pytest.raises(TypeError, match="signatures need ThingsAndStuff, not HighestScore"):
        SignatureFusion(known(), HighestScore())
    with pytest.raises(ValueError, match="take 'beside things'"):
        SignatureFusion(known(), ThingsAndStuff(stuff="under things"))
    with pytest.raises(ValueError, match="spread is 0"):
        SignatureFusion(known(), spread=0)
