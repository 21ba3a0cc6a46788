"""Systems of other stages: detectors that know pixels, verifiers, dense scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.errors import ComponentError, PresetError
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.refinement.llm_pre_refiner import LLMPreRefiner
from zeroseg.refinement.vision_reviewer import VisionReviewer
from zeroseg.refinement.vision_verifier import VisionVerifier
from zeroseg.running.stage import Stage, needed
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import (
    BoxMasks,
    DenseFusion,
    DenseScorerContract,
    DetectorContract,
    ScriptedCaptioner,
    ScriptedChat,
    ScriptedConcepts,
    ScriptedDetector,
    ScriptedReviewer,
    ScriptedScorer,
    ScriptedTagger,
    ScriptedVerifier,
    VerifierContract,
    blank,
)
from zeroseg.values import UNRESOLVED, Detections, Failure, Selection
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "boat"])
LEFT, RIGHT = (0, 0, 0.5, 1), (0.5, 0, 1, 1)


class TestScriptedConcepts(DetectorContract):
    def part(self) -> ScriptedConcepts:
        return ScriptedConcepts({"dog": LEFT, "person": RIGHT})


class TestScriptedVerifier(VerifierContract):
    def part(self) -> ScriptedVerifier:
        return ScriptedVerifier({"dog": 0.5})


class TestScriptedScorer(DenseScorerContract):
    def part(self) -> ScriptedScorer:
        return ScriptedScorer({"dog": LEFT})


def system(**parts: Any) -> ZeroShotSegmenter:
    chosen: dict[str, Any] = {
        "pre_refiner": AllClasses(),
        "detector": ScriptedDetector({"dog": LEFT}),
        "mask_predictor": BoxMasks(),
        **parts,
    }
    return ZeroShotSegmenter(CLASSES, **chosen)


def test_a_detector_that_knows_pixels_is_one_network_in_one_pass() -> None:
    detector = ScriptedConcepts({"dog": LEFT, "boat": RIGHT})
    result = system(detector=detector, mask_predictor=DetectorMasks()).segment(blank())
    assert result.areas == {"dog": 0.5, "boat": 0.5}
    assert result.detections.masks is not None
    assert result.detections.dense is not None


def test_masks_that_a_detector_does_not_give_are_missed_by_name() -> None:
    [result] = system(mask_predictor=DetectorMasks()).stream([blank()])
    assert isinstance(result, Failure)
    assert "needs a detector that gives masks" in result.message


def test_detections_keep_their_masks_when_some_are_chosen() -> None:
    detector = ScriptedConcepts({"dog": LEFT, "boat": RIGHT})
    [found] = detector([blank()], [Selection(("dog", "boat"), (1, 2))])
    [chosen] = [found.select(torch.tensor([False, True]))]
    assert chosen.masks is not None
    assert bool((chosen.masks.logits[0, :, 24:] > 0).all())


def test_a_verifier_takes_away_what_is_not_there() -> None:
    detector = ScriptedDetector({"dog": LEFT, "boat": RIGHT})
    seen = system(detector=detector, verifier=ScriptedVerifier({"boat": 0.75})).segment(blank())
    assert seen.areas == {"boat": 0.5}
    assert seen.selection.presence == (0.75,)
    assert "verification" in seen.trace.seconds


@pytest.mark.parametrize("dense", ["none", "the detector's", "a scorer's"])
def test_a_reviewer_takes_away_what_is_not_there(dense: str) -> None:
    boxes = {"dog": LEFT, "boat": RIGHT}
    own = dense == "the detector's"
    parts: dict[str, Any] = {"detector": (ScriptedConcepts if own else ScriptedDetector)(boxes)}
    parts |= {} if dense == "none" else {"fusion": ThingsAndStuff()}
    parts |= {"dense_scorer": ScriptedScorer(boxes)} if dense == "a scorer's" else {}
    assert system(**parts).segment(blank()).areas == {"dog": 0.5, "boat": 0.5}
    seen = system(**parts, reviewer=ScriptedReviewer({1: UNRESOLVED})).segment(blank())
    assert seen.areas == {"boat": 0.5}
    assert seen.unreviewed is not None and seen.unreviewed.tolist() == [1, 2]
    assert seen.detections.labels.tolist() == [2]
    assert "review" in seen.trace.seconds


def test_a_reviewer_renames_and_its_questions_are_in_the_trace() -> None:
    verifier = VisionVerifier(ScriptedChat(["dog, boat"]))
    reviewer = VisionReviewer(ScriptedChat(["1: boat"]), margin=0.5)
    detector = ScriptedDetector({"dog": LEFT, "boat": LEFT})
    result = system(verifier=verifier, detector=detector, reviewer=reviewer).segment(blank())
    assert result.areas == {"boat": 0.5}
    assert result.detections.labels.tolist() == [2, 2]
    assert result.unverified == result.selection.labels == (1, 2)
    assert [own.purpose for own in result.trace.exchanges] == ["verification", "review"]
    assert result.trace.usage.calls == 2


@pytest.mark.parametrize("own", [True, False])
def test_a_fusion_is_handed_dense_scores_where_there_are_any(own: bool) -> None:
    boxes = {"dog": LEFT, "boat": (0.5, 0.5, 1, 1)}
    parts: dict[str, Any] = {"detector": ScriptedConcepts(boxes)} if own else {}
    if not own:
        parts["dense_scorer"] = ScriptedScorer(boxes)
    result = system(fusion=DenseFusion(), **parts).segment(blank())
    assert result.areas == {"dog": 0.5, "boat": 0.25}


def test_a_fusion_without_dense_scores_is_called_as_ever() -> None:
    assert system().segment(blank()).areas == {"dog": 0.5}


class Halving(Stage):
    """A system of one stage: the left half is of the first class."""

    name, needs, gives = "halving", ("image",), ("label_map",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[list[Tensor]]:
        maps = []
        for image in images:
            labels = torch.zeros(image.shape[1:], dtype=torch.int64)
            labels[:, : image.shape[2] // 2] = 1
            maps.append(labels)
        return (maps,)


class Halves(BaseSegmenter):
    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Halving(),)


def test_a_system_of_ones_own_stages_is_a_tuple() -> None:
    result = Halves(CLASSES).segment(blank())
    assert isinstance(result, Segmentation)
    assert result.areas == {"dog": 0.5}
    assert list(result.trace.seconds) == ["halving"]


def test_nothing_is_worked_that_nobody_needs() -> None:
    whole = system(tagger=ScriptedTagger("dog"), captioner=ScriptedCaptioner("a dog")).stages
    names = [stage.name for stage in needed(whole, ("image",), ("label_map",))]
    assert names == [
        "tags", "caption", "pre-refinement", "masks", "detection", "post-refinement", "masks",
        "fusion",
    ]  # fmt: skip
    asked = needed(whole, ("image", "selection"), ("label_map",))
    assert [stage.name for stage in asked][:2] == ["masks", "detection"]
    assert [stage.name for stage in needed(whole, ("image",), ("caption",))] == ["caption"]


def test_swapping_a_component_changes_the_walk() -> None:
    segmenter = system(tagger=ScriptedTagger("dog"))
    assert segmenter.segment(blank()).description.tags
    segmenter.tagger = None
    assert not segmenter.segment(blank()).description.tags


class BreaksOnDark(ScriptedDetector):
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        if any(int(image[0, 0, 0]) == 0 for image in images):
            raise RuntimeError("dark")
        return super().forward(images, selections)


@pytest.mark.parametrize("strict", [True, False])
def test_every_question_is_asked_once_whatever_fails_later(strict: bool) -> None:
    chat = ScriptedChat(["dog"])
    segmenter = system(
        tagger=ScriptedTagger("dog"),
        pre_refiner=LLMPreRefiner(chat),
        detector=BreaksOnDark({"dog": LEFT}),
        batch_size=4,
    )
    images = [blank(value=value) for value in (9, 0, 7, 0)]
    if strict:
        with pytest.raises(RuntimeError, match="dark"):
            segmenter.segment(images)
    else:
        results = list(segmenter.stream(images))
        assert [isinstance(result, Failure) for result in results] == [False, True, False, True]
    assert len(chat.asked) == 4


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (torch.full((32, 48), 77), "expected class indices 0..2"),
        (torch.full((32, 48), -1), "expected class indices 0..2"),
        (torch.zeros(48, 32, dtype=torch.int64), "a label map (32, 48)"),
        (torch.zeros(32, 48), "whole numbers"),
        (torch.zeros(32, 48).numpy(), "whole numbers"),
        (None, "whole numbers"),
    ],
    ids=["foreign", "negative", "transposed", "float", "numpy", "none"],
)
def test_one_wrong_label_map_of_ones_own_stage_costs_its_own_image(labels: Any, said: str) -> None:
    class Wrong(Halving):
        def __call__(self, images: Sequence[Tensor]) -> tuple[list[Any]]:
            [maps] = super().__call__(images)
            return (
                [labels if image.any() else own for image, own in zip(images, maps, strict=True)],
            )

    class Own(BaseSegmenter):
        @property
        def stages(self) -> tuple[Stage, ...]:
            return (Wrong(),)

    bright = torch.full_like(blank(), 9)
    well, bad = Own(CLASSES).stream([torch.zeros_like(bright), bright])
    assert isinstance(well, Segmentation)
    assert isinstance(bad, Failure) and bad.stage == "halving"
    assert "ComponentError: Wrong returned" in bad.message and said in bad.message
    with pytest.raises(ComponentError, match="Wrong returned"):
        Own(CLASSES).segment(bright)


def test_a_value_of_another_kind_costs_its_own_image() -> None:
    class Strange(Halving):
        gives = ("label_map", "selection")

        def __call__(self, images: Sequence[Tensor]) -> Any:
            [maps] = super().__call__(images)
            return maps, ["dog" if image.any() else Selection() for image in images]

    class Own(BaseSegmenter):
        @property
        def stages(self) -> tuple[Stage, ...]:
            return (Strange(),)

    bright = torch.full_like(blank(), 9)
    well, bad = Own(CLASSES).stream([torch.zeros_like(bright), bright])
    assert isinstance(well, Segmentation)
    assert isinstance(bad, Failure) and "Strange returned str, expected selection" in bad.message


def test_names_of_values_are_tuples() -> None:
    with pytest.raises(TypeError, match="needs and gives are tuples, not 'image'"):
        type("Slip", (Halving,), {"needs": ("image")})


def test_no_configuration_describes_a_component_that_was_swapped_in(tmp_path: Path) -> None:
    segmenter = ZeroShotSegmenter.from_preset("tiny", batch_size=2)
    segmenter.batch_size, segmenter.tagger = 4, None
    assert segmenter.config is not None
    assert (segmenter.config["batch_size"], segmenter.config["tagger"]) == (4, None)
    segmenter.detector = ScriptedDetector({"dog": LEFT})
    with pytest.raises(PresetError):
        segmenter.to_yaml(tmp_path / "mine.yaml")


def test_half_a_surrogate_pair_in_a_caption_can_be_saved(tmp_path: Path) -> None:
    result = system(captioner=ScriptedCaptioner("a dog \ud800")).segment(blank())
    saved = json.loads(result.save(tmp_path / "a")["json"].read_text(encoding="utf-8"))
    assert saved["caption"] == "a dog \ud800"
