"""What one call asks for: classes, thresholds, a region, instances, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.confidence.evidence_confidence import EvidenceConfidence
from zeroseg.data.sample import Sample
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import ComponentError, ImageError, VocabularyError, ZerosegError
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.points import TopLogits
from zeroseg.masking.sam import Sam
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.regions import Region
from zeroseg.running.stage import Stage
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import (
    BoxMasks,
    ScriptedConcepts,
    ScriptedDetector,
    ScriptedReviewer,
    ScriptedScorer,
    blank,
    noise,
)
from zeroseg.values import UNRESOLVED, Confidence, DenseScores, Detections, Failure, Selection
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "boat", "person"])
BOXES = {"dog": [0, 0, 0.5, 0.5], "boat": [0.5, 0, 1, 1], "person": [0, 0.75, 0.25, 1]}


def build(**changes: Any) -> ZeroShotSegmenter:
    """Stand-ins that find all classes, with scores 0.9, 0.7 and 0.5."""
    parts: dict[str, Any] = {
        "pre_refiner": AllClasses(),
        "detector": ScriptedDetector(BOXES),
        "mask_predictor": BoxMasks(),
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


def test_other_classes_for_one_call() -> None:
    segmenter = build()
    assert list(segmenter.segment(blank(), vocabulary=["boat"]).areas) == ["boat"]
    assert list(segmenter.segment(blank()).areas) == ["boat", "dog", "person"]
    assert segmenter.vocabulary is CLASSES
    with pytest.raises(VocabularyError):
        segmenter.segment(blank(), vocabulary="dog,,cat")
    [one] = segmenter.stream([blank()], vocabulary="person, other")
    assert isinstance(one, Segmentation) and one.vocabulary.names == ("person", "other")


def test_a_variant_shares_components_and_nothing_else() -> None:
    segmenter = build()
    other = segmenter.variant(confidence=True, vocabulary=["boat"])
    assert other.detector is segmenter.detector
    other.fusion = ThingsAndStuff()
    other.confidence = EvidenceConfidence([[0.0, 0.5]])
    other.waited = 9.0
    assert isinstance(segmenter.fusion, HighestScore) and segmenter.waited == 0
    sure = segmenter.segment(blank(), confidence=True).confidence
    assert sure is not None and float(sure.probability.max()) > 0.5
    strict = segmenter.variant(thresholds={"boat": 0.8, "dog": 0.1})
    assert strict.variant(vocabulary="boat, cat").thresholds == {1: 0.8}
    assert strict.variant(thresholds={}).thresholds == {}
    assert segmenter.variant(region=(0, 0, 9, 9)).variant(region=None).region is None


def test_a_class_below_its_threshold_is_dropped_after_post_refinement() -> None:
    segmenter = build()
    result = segmenter.segment(blank(), thresholds={"boat": 0.8, "person": 0.4})
    assert list(result.areas) == ["dog", "person"]
    assert result.detections.labels.tolist() == [1, 3]
    assert result.labels_before is not None and result.unreviewed is not None
    assert result.labels_before.tolist() == result.unreviewed.tolist() == [1, 2, 3]
    assert "thresholds" not in result.trace.seconds
    assert "boat" in segmenter.segment(blank(), thresholds={"boat": 0.7}).areas
    assert segmenter.thresholds == {} and segmenter.segment(blank()).unreviewed is None


def test_a_reviewer_sees_what_thresholds_leave() -> None:
    segmenter = build(reviewer=ScriptedReviewer({1: UNRESOLVED}))
    result = segmenter.segment(blank(), thresholds={"boat": 0.8})
    assert result.detections.labels.tolist() == [3]
    assert result.unreviewed is not None and result.unreviewed.tolist() == [1, 2, 3]


class Present(ScriptedScorer):
    """Says of every prompt that it is there by 0.6."""

    def _score(self, image: Tensor, selection: Selection) -> DenseScores:
        scores = super()._score(image, selection)
        return replace(scores, presence=torch.full((len(scores),), 0.6))


class PresentConcepts(ScriptedConcepts):
    """Finds nothing but by its dense scores."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        found = super().forward(images, selections)
        dense = Present(self.boxes)(images, selections)
        return [
            replace(own.select(own.scores > 1), dense=scores)
            for own, scores in zip(found, dense, strict=True)
        ]


@pytest.mark.parametrize(
    "part", [{"dense_scorer": Present(BOXES)}, {"detector": PresentConcepts(BOXES)}]
)
def test_dense_maps_are_held_against_thresholds_too(part: dict[str, Any]) -> None:
    segmenter = build(**part, fusion=ThingsAndStuff(evidence="dense"))
    for threshold, there in ((0.5, True), (0.65, False)):
        areas = segmenter.segment(blank(), thresholds={"boat": threshold}).areas
        assert ("boat" in areas) == there
        assert "dog" in areas


def test_only_a_region_is_looked_at() -> None:
    segmenter = build()
    picture = noise(40, 60)
    result = segmenter.segment(picture, region=(10, 4, 50, 36), instances=True, confidence=True)
    inside = segmenter.segment(picture[:, 4:36, 10:50], instances=True, confidence=True)
    expected = torch.zeros(40, 60, dtype=torch.int64)
    expected[4:36, 10:50] = inside.label_map
    assert torch.equal(result.label_map, expected)
    assert torch.equal(result.image, picture)
    shift = torch.tensor([10.0, 4, 10, 4])
    assert torch.equal(result.detections.boxes, inside.detections.boxes + shift)
    for one, other in zip(result.instances(), inside.instances(), strict=True):
        assert one.mask.shape == (40, 60) and one.area == other.area
        assert torch.equal(one.mask[4:36, 10:50], other.mask)
    sure, alone = result.confidence, inside.confidence
    assert sure is not None and alone is not None
    assert sure.score == alone.score
    assert torch.equal(sure.probability[4:36, 10:50], alone.probability)
    assert float(sure.probability[0, 0]) == 1
    again = segmenter.segment(picture, region=np.array([0, 0, 60, 40]))
    assert torch.equal(again.label_map, segmenter.segment(picture).label_map)


def test_points_and_masks_of_a_network_lie_where_the_region_does() -> None:
    sam = Sam.from_pretrained("tiny:sam", point_sampler=TopLogits(5))
    segmenter = build(mask_predictor=sam)
    picture = draw_scene(0, 3, (96, 128)).image
    region = Region(8, 16, 120, 90)
    whole = segmenter.segment(picture, region=region, instances=True)
    part = segmenter.segment(region.crop(whole.image), instances=True)
    assert len(part.instances()) > 0 and whole.points is not None and part.points is not None
    assert torch.equal(whole.points.xy, part.points.xy + torch.tensor([8.0, 16.0]))
    for one, other in zip(whole.instances(), part.instances(), strict=True):
        assert torch.equal(one.mask[16:90, 8:120], other.mask) and one.area == other.area


def test_samples_of_a_data_set_are_looked_at_in_their_region() -> None:
    sample = Sample(noise(40, 60), None, "one")
    [framed] = build().variant(region=(10, 4, 50, 36)).segment_samples([sample])
    assert isinstance(framed, Segmentation) and framed.name == "one"
    alone = build().segment(sample.image, region=(10, 4, 50, 36))
    assert torch.equal(framed.label_map, alone.label_map)


def test_a_picture_that_is_too_small_for_the_region_fails_alone() -> None:
    segmenter = build()
    first, second, third = segmenter.stream(
        [blank(40, 60), blank(20, 60), blank(36, 50)], region=(10, 4, 50, 36)
    )
    assert isinstance(first, Segmentation) and isinstance(third, Segmentation)
    assert isinstance(second, Failure)
    assert second.stage == "region" and "leads out of the picture of 60 x 20" in second.message
    with pytest.raises(ImageError, match="leads out"):
        segmenter.segment(blank(20, 60), region=(10, 4, 50, 36))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"region": (1, 2, 3)}, "x1, y1, x2, y2"),
        ({"region": "1,2,30,40"}, "whole pixels"),
        ({"region": 7}, "whole pixels"),
        ({"region": (0, 0, 9.5, 20)}, "whole pixels"),
        ({"region": (0, 0, float("nan"), 20)}, "whole pixels"),
        ({"region": (30, 0, 10, 20)}, "lower right"),
        ({"region": (-1, 0, 10, 20)}, "upper left"),
        ({"region": (0, 0, 10, 7)}, "at least 8 pixels"),
        ({"thresholds": {"boot": 0.5}}, "did you mean boat"),
        ({"thresholds": {"boat": 1.5}}, "from 0 to 1"),
        ({"thresholds": {"boat": float("nan")}}, "from 0 to 1"),
        ({"thresholds": {"boat": "0.5"}}, "from 0 to 1"),
        ({"thresholds": {"background": 0.5}}, "is the background"),
    ],
)
def test_bad_values_say_what_is_wrong(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ZerosegError, match=says):
        build().segment(blank(), **options)


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="'treshold'"):
        build().segment(blank(), treshold=0.5)  # type: ignore[call-overload]


def test_masks_and_confidence_are_kept_on_request_alone() -> None:
    segmenter = build()
    plain, both = (
        segmenter.segment(blank()),
        segmenter.segment(blank(), instances=True, confidence=True),
    )
    assert plain.masks is None and plain.confidence is None
    assert "confidence" not in plain.trace.seconds and "confidence" in both.trace.seconds
    assert [own.class_name for own in both.instances()] == ["dog", "boat", "person"]
    assert torch.equal(plain.label_map, both.label_map)
    kept = segmenter.variant(instances=True)
    assert kept.segment(blank(), confidence=True).masks is not None
    assert kept.segment(blank(), instances=False).masks is None
    batch = list(kept.stream([blank(), noise(40, 40)], confidence=True))
    assert all(isinstance(own, Segmentation) and own.confidence is not None for own in batch)


def test_tensors_of_results_can_be_written_to() -> None:
    segmenter = build(detector=ScriptedConcepts(BOXES), fusion=ThingsAndStuff())
    options: dict[str, Any] = {"instances": True, "confidence": True, "thresholds": {"dog": 0.1}}
    [streamed] = segmenter.stream([noise()], **options)
    for one in (
        segmenter.segment(noise(), **options),
        segmenter.segment(noise(), region=(8, 8, 24, 24), **options),
        segmenter([noise()])[0],
        streamed,
    ):
        assert isinstance(one, Segmentation)
        one.label_map[0, 0] = 1
        one.image.add_(1)
        one.detections.boxes[:] = 0
        one.detections.scores.mul_(0.5)
        if one.masks is not None:
            one.masks.logits.zero_()
        if one.confidence is not None:
            one.confidence.probability.fill_(1)
        assert not one.label_map.is_inference()


class Nothing(Stage):
    """All is background."""

    name, needs, gives = "nothing", ("image",), ("label_map",)

    def __call__(self, images: Sequence[Tensor]) -> tuple[Sequence[Tensor]]:
        return ([torch.zeros(image.shape[1:], dtype=torch.int64) for image in images],)


class Blind(BaseSegmenter):
    """A system without detections."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Nothing(),)


def test_a_system_says_what_it_cannot_give() -> None:
    blind = Blind(CLASSES)
    assert blind.segment(noise(), region=(0, 0, 20, 20)).areas == {}
    for options, says in (
        ({"instances": True}, "a Blind cannot give instances"),
        ({"confidence": True}, "a Blind cannot give confidence"),
        ({"thresholds": {"dog": 0.5}}, "a Blind holds no detections"),
    ):
        with pytest.raises(ZerosegError, match=says):
            blind.segment(noise(), **options)  # type: ignore[call-overload]


class Wrong(EvidenceConfidence):
    """Says more than can be."""

    def forward(self, *given: Any) -> Confidence:
        sure = super().forward(*given)
        return replace(sure, probability=sure.probability + 2)


def test_an_estimator_is_held_against_its_contract() -> None:
    with pytest.raises(ComponentError, match=r"Wrong .*probability in \[0, 1\]"):
        build(confidence=Wrong()).segment(blank(), confidence=True)
    with pytest.raises(TypeError, match="ConfidenceEstimator"):
        build(confidence=TopLogits())


def test_presets_may_hold_how_sure_scores_are() -> None:
    entry = {
        "class_path": "zeroseg.confidence.evidence_confidence.EvidenceConfidence",
        "init_args": {"knots": [[0.2, 0.5], [0.9, 1.0]]},
    }
    config = {
        "vocabulary": ["dog", "boat"],
        "pre_refiner": {"class_path": "zeroseg.refinement.all_classes.AllClasses"},
        "detector": {
            "class_path": "zeroseg.testing.ScriptedDetector",
            "init_args": {"boxes": {"dog": [0.0, 0.0, 0.5, 0.5]}},
        },
        "mask_predictor": {"class_path": "zeroseg.testing.BoxMasks"},
        "confidence": entry,
    }
    segmenter = ZeroShotSegmenter.from_config(config)
    assert isinstance(segmenter.confidence, EvidenceConfidence)
    assert segmenter.confidence.knots == [[0.2, 0.5], [0.9, 1.0]]
    assert segmenter.config is not None and segmenter.config["confidence"] == entry
    sure = segmenter.segment(blank(), confidence=True).confidence
    raw = segmenter.variant(confidence=True).segment(blank(), vocabulary=["dog"]).confidence
    assert sure is not None and raw is not None
    assert float(sure.probability[0, 0]) == pytest.approx(
        0.5 + (0.9 * 0.7311 - 0.2) / 1.4, abs=1e-3
    )
