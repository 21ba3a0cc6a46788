"""What is told of presence, boxes, masks and dense maps is true, and of nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.evaluation.concept_parts import build
from zeroseg.data.sample import Regions, Sample
from zeroseg.evaluation.oracle import OracleSegmenter, tellable
from zeroseg.evaluation.truth import TrueScores, true_instances, true_masks, true_presence
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedConcepts, filled
from zeroseg.values import DISTRACTOR, DenseScores, Detections, Geometry, Masks, Selection
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(
    ["background", "sky", "dog", "car"],
    stuff=["sky"],
    words={"dog": ["hound"], "sky": ["clouds"]},
    distractors=["tree"],
)
SKY, DOG, CAR = 1, 2, 3
ASKED = Selection(
    ("sky", "clouds", "dog", "hound", "car", "tree"), (SKY, SKY, DOG, DOG, CAR, DISTRACTOR)
)
LIKELY = (0.5, 0.25, 0.4, 0.8, 0.5, 0.6)
SIZE = (8, 12)
EVIDENCE = ("both", "instances", "dense")
PRESENCE = ("twice", "once", "never")
BACKGROUND = ("threshold", "margin", "distractors", "never")


def found(*instances: tuple[int, float, Sequence[float]]) -> Detections:
    """Instances: prompt, score before presence, box. Maps say 0.75 in the left half."""
    presence = torch.tensor(LIKELY)
    prompts = torch.tensor([prompt for prompt, _, _ in instances])
    scores = torch.tensor([score for _, score, _ in instances]) * presence[prompts]
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    boxes = torch.tensor([list(map(float, box)) for _, _, box in instances])
    maps = torch.zeros(len(LIKELY), *SIZE)
    maps[:, :, :6] = 0.75
    frame = Geometry.itself(SIZE)
    return Detections(
        boxes,
        scores,
        torch.tensor(ASKED.labels)[prompts],
        tuple(ASKED.prompts[i] for i in prompts.tolist()),
        prompts,
        masks=Masks(filled(boxes, SIZE).float() * 2 - 1, frame),
        dense=DenseScores(maps, ASKED.labels, frame, presence),
    )


def whole(regions: Sequence[tuple[int, Sequence[int]]]) -> Regions:
    segments = torch.full(SIZE, -1)
    for number, (_, (x1, y1, x2, y2)) in enumerate(regions):
        segments[y1:y2, x1:x2] = number
    return Regions(segments, torch.tensor([label for label, _ in regions]))


def test_told_presence_weighs_scores_anew_and_drops_what_is_not_there() -> None:
    wrong, under, sky = (4, 0.8, (4, 4, 8, 8)), (2, 0.95, (0, 4, 4, 8)), (0, 0.7, (0, 0, 12, 2))
    before = found((3, 0.9, (0, 0, 4, 4)), (5, 0.9, (0, 0, 2, 2)), wrong, under, sky)
    told = true_presence(before, ASKED, {DOG, SKY})
    assert told.phrases == ("dog", "hound", "sky", "tree")
    assert told.scores.tolist() == pytest.approx([0.95, 0.9, 0.7, 0.9 * 0.6])
    assert told.labels.tolist() == [DOG, DOG, SKY, DISTRACTOR]
    assert told.prompt_index.tolist() == [2, 3, 0, 5]
    assert told.masks is not None and before.masks is not None
    assert torch.equal(told.masks.logits, before.masks.logits[[3, 0, 4, 1]])
    assert torch.equal(told.boxes, before.boxes[[3, 0, 4, 1]])
    assert told.dense is not None and told.dense.presence is not None
    assert told.dense.presence.tolist() == pytest.approx([1, 1, 1, 1, 0, 0.6])
    assert before.dense is not None
    assert torch.equal(told.dense.maps, before.dense.maps)


def test_told_boxes_take_the_outline_that_the_detector_has_there() -> None:
    sky, wrong = (0, 0.7, (0, 0, 12, 2)), (4, 0.6, (8, 0, 12, 4))
    before = found((3, 0.9, (0, 0, 4, 4)), (5, 0.9, (0, 0, 2, 2)), sky, wrong)
    dog, missed, car = (0, 0, 4, 5), (4, 4, 8, 8), (4, 0, 8, 4)
    truth = whole([(DOG, dog), (DOG, missed), (CAR, car)])
    told = true_instances(before, truth, ASKED, CLASSES, CLASSES.things)
    # By the likelier word, as present as that; the sky and the tree stay, the wrong car is gone.
    assert told.phrases == ("hound", "hound", "tree", "car", "sky")
    assert told.scores.tolist() == pytest.approx([0.8, 0.8, 0.54, 0.5, 0.35])
    boxes = told.boxes.tolist()
    assert boxes[0] == list(missed) and boxes[1] == list(dog) and boxes[3] == list(car)
    assert told.masks is not None and before.masks is not None
    masks = told.masks.full() > 0
    assert torch.equal(masks[1], before.masks.full()[0] > 0)  # overlaps by 16 of 20
    for row, (x1, y1, x2, y2) in ((0, missed), (3, car)):  # the map says: the left half
        inside = torch.zeros(SIZE, dtype=torch.bool)
        inside[y1:y2, x1 : min(x2, 6)] = True
        assert torch.equal(masks[row], inside)
    assert torch.equal(told.masks.full()[4], before.masks.full()[2])
    assert told.dense is before.dense


def test_told_masks_are_certain() -> None:
    before = found((3, 0.9, (0, 0, 4, 4)), (4, 0.6, (8, 0, 12, 4)))
    assert before.masks is not None
    told = true_masks(before.masks, before, whole([(DOG, (0, 0, 4, 5))]))
    expected = torch.zeros(SIZE)
    expected[:5, :4] = 1
    assert torch.equal(told.full().sigmoid()[0], expected)
    assert torch.equal(told.full()[1], before.masks.full()[1])


def test_told_maps_are_made_when_they_are_asked_for() -> None:
    before = found((3, 0.9, (0, 0, 4, 4))).dense
    assert before is not None
    target = torch.zeros(SIZE, dtype=torch.int64)
    target[:3], target[3:, :4], target[7, 11] = SKY, DOG, 255
    told = TrueScores.of(before, target)
    assert told.maps.flatten().tolist() == [1, 1, 1, 1, 0, 0]
    assert told.presence is before.presence
    expected = torch.stack([(target == label).float() for label in ASKED.labels])
    assert torch.equal(told.full(), expected)
    assert torch.equal(told.full(torch.tensor([4, 2])), expected[[4, 2]])


def striped(seed: int, background: bool) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    lowest = 0 if background else 1
    labels = torch.randint(lowest, 4, (5, 4), generator=dice)
    labels = labels.repeat_interleave(4, 0).repeat_interleave(6, 1)
    labels[0, 0] = 255
    return labels


class Doubtful(ScriptedConcepts):
    """Takes nothing to be quite absent."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        return [self._doubted(found) for found in super().forward(images, selections)]

    @staticmethod
    def _doubted(found: Detections) -> Detections:
        assert found.dense is not None and found.dense.presence is not None
        presence = found.dense.presence.clamp(min=0.1)
        return replace(found, dense=replace(found.dense, presence=presence))


@pytest.mark.parametrize(
    ("evidence", "presence", "background"),
    [*itertools.product(EVIDENCE, PRESENCE, BACKGROUND)],
)
def test_told_everything_the_truth_comes_out(evidence: str, presence: str, background: str) -> None:
    """Whatever the detector says, and however it is fused."""
    for stuff in ("beside things", "under things"):
        if evidence == "instances" and stuff == "under things":
            continue  # stuff is then read from nothing
        fusion = ThingsAndStuff(evidence, presence, background, stuff=stuff)  # type: ignore[arg-type]
        system = ZeroShotSegmenter(
            CLASSES,
            AllClasses(),
            Doubtful({"dog": (0, 0, 0.5, 0.5), "tree": (0, 0, 1, 1), "clouds": (0, 0, 1, 1)}),
            DetectorMasks(),
            fusion=fusion,
        )
        told = OracleSegmenter(system, tellable(system))
        for seed in range(2):
            target = striped(seed, background != "never")
            sample = Sample(torch.zeros(3, *target.shape, dtype=torch.uint8), target, "a")
            [result] = told.segment_samples([sample])
            assert isinstance(result, Segmentation)
            known = target != 255
            assert torch.equal(result.label_map[known], target[known])


def test_what_can_be_told_follows_from_the_system() -> None:
    every = ("presence", "boxes", "masks", "dense")
    assert tellable(build()) == every
    for options, left in (
        ({"evidence": "instances"}, ("presence", "boxes", "masks")),
        ({"evidence": "dense"}, ("presence", "dense")),
        ({"presence": "never"}, ("labels", "boxes", "masks", "dense")),
    ):
        assert tellable(build(fusion=ThingsAndStuff(**options))) == left  # type: ignore[arg-type]
    assert tellable(build(fusion=None)) == ("labels", "boxes", "masks")
