"""The baseline as a whole: what is painted where, and the loop that it shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor
from transformers import SamImageProcessor, SamModel

from tests.baselines.conftest import counted, proposals_of
from tests.baselines.test_closed_set_vote import halves, scripted
from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.baselines.mask_classifier import MaskClassifier, Votes
from zeroseg.baselines.semantic_segment_anything import SemanticSegmentAnything
from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.errors import PresetError, ZerosegError
from zeroseg.masking.everything import EverythingMasks
from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.masking.sam import Sam
from zeroseg.presets import load_preset
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import blank, noise
from zeroseg.values import Failure, Masks
from zeroseg.vocabulary import Vocabulary

PETS = Vocabulary.from_names(["background", "dog", "cat", "potted-plant"])


class Rectangles(MaskProposer):
    """Proposes given rectangles, in shares of the image; fails for images 13 pixels high."""

    def __init__(self, boxes: list[list[float]]) -> None:
        super().__init__()
        self.boxes = boxes

    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        if any(image.shape[1] == 13 for image in images):
            raise RuntimeError("thirteen")
        return [self._scaled(*image.shape[1:]) for image in images]

    def _scaled(self, height: int, width: int) -> Proposals:
        frame = (width, height, width, height)
        boxes = [[v * side for v, side in zip(box, frame, strict=True)] for box in self.boxes]
        return proposals_of(boxes, height, width)


class Given(MaskClassifier):
    """Gives masks the labels that it is told, and the rest of every image one label."""

    def __init__(self, labels: list[int], rest: int = 0) -> None:
        super().__init__()
        self.labels, self.rest = labels, rest

    def forward(
        self, images: Sequence[Tensor], masks: Sequence[Masks], vocabulary: Vocabulary
    ) -> list[Votes]:
        rests = [torch.full(mask.size, self.rest) for mask in masks]
        return [Votes(torch.tensor(self.labels, dtype=torch.int64), rest) for rest in rests]


def system(
    boxes: list[list[float]], labels: list[int], rest: int = 0, batch_size: int = 8
) -> SemanticSegmentAnything:
    return SemanticSegmentAnything(PETS, Rectangles(boxes), Given(labels, rest), batch_size)


WHOLE, LEFT, CORNER = [0.0, 0, 1, 1], [0.0, 0, 0.5, 1], [0.0, 0, 0.25, 0.5]


def test_parts_lie_over_wholes_whatever_their_scores() -> None:
    for boxes, labels in (
        ([WHOLE, LEFT, CORNER], [1, 2, 3]),
        ([CORNER, LEFT, WHOLE], [3, 2, 1]),
        ([LEFT, WHOLE, CORNER], [2, 1, 3]),
    ):
        result = system(boxes, labels).segment(blank(32, 48))
        assert bool((result.label_map[:16, :12] == 3).all())
        assert counted(result.label_map) == {1: 24 * 32, 2: 24 * 32 - 12 * 16, 3: 12 * 16}


def test_background_masks_are_painted_and_the_rest_shows_where_there_is_none() -> None:
    result = system([LEFT, CORNER], [2, 0], rest=3).segment(blank(32, 48))
    assert counted(result.label_map) == {0: 12 * 16, 2: 24 * 32 - 12 * 16, 3: 24 * 32}


def test_without_masks_only_the_rest_is_left() -> None:
    result = system([], [], rest=2).segment(blank(32, 48))
    assert counted(result.label_map) == {2: 32 * 48}
    assert len(result.detections) == 0


def test_named_masks_are_its_detections() -> None:
    result = system([WHOLE, LEFT, CORNER], [0, 2, 3]).segment(blank(32, 48))
    assert result.detections.phrases == ("cat", "potted plant")
    assert result.detections.labels.tolist() == [2, 3]
    assert result.detections.boxes.tolist() == [[0, 0, 24, 32], [0, 0, 12, 16]]
    assert result.labels_before is None
    assert set(result.trace.seconds) == {"masks", "classes", "fusion"}


def test_its_instances_have_the_masks_that_were_named() -> None:
    result = system([WHOLE, LEFT, CORNER], [0, 2, 3]).segment(blank(32, 48), instances=True)
    assert [(one.class_name, one.area) for one in result.instances()] == [
        ("cat", 24 * 32),
        ("potted-plant", 12 * 16),
    ]
    with pytest.raises(ZerosegError, match="cannot give confidence"):
        system([WHOLE], [1]).segment(blank(32, 48), confidence=True)


def test_a_failing_image_fails_alone() -> None:
    part = system([WHOLE], [1], batch_size=3)
    good, bad = blank(32, 48).permute(1, 2, 0).numpy(), blank(13, 48).permute(1, 2, 0).numpy()
    results = list(part.stream([good, bad, good, good]))
    assert [isinstance(result, Failure) for result in results] == [False, True, False, False]
    assert results[1] == Failure("1", "masks", "RuntimeError: thirteen")


def test_many_masks_are_painted_in_chunks() -> None:
    boxes = [[0.0, 0, (40 - i) / 48, 1] for i in range(40)]
    labels = [1 + i % 3 for i in range(40)]
    result = system(boxes, labels).segment(blank(32, 48))
    columns = [labels[39 - max(x, 0)] for x in range(40)]
    assert result.label_map[0].tolist() == columns + [0] * 8


def test_with_a_network_that_sees_everything_it_scores_that_networks_map() -> None:
    proposer = Rectangles([[0.0, 0, 1 / 3, 1], [0.5, 0, 1, 0.5]])
    part = SemanticSegmentAnything(PETS, proposer, scripted(halves(3, 1)))
    result = part.segment(noise(32, 48))
    assert counted(result.label_map) == {1: 32 * 32, 2: 16 * 32}


def test_it_runs_under_the_trainer_with_real_masks(
    sam_model: SamModel, processor: SamImageProcessor
) -> None:
    proposer = EverythingMasks(
        Sam(sam_model, processor),
        points_per_side=3,
        iou_threshold=-9.0,
        stability_threshold=0.0,
    )
    data = DrawnScenes("drawn", count=3, size=(48, 64), batch_size=2)
    animals = [data.vocabulary.names[i] for i in data.vocabulary.classes]
    part = SemanticSegmentAnything(
        data.vocabulary, proposer, scripted(halves(1, 2), ["wall", *animals[:5]])
    )
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    [scores] = trainer.test(part, data, verbose=False)
    assert scores["failures"] == 0
    assert 0 <= scores["miou"] < 0.5
    seen = part.segment(data.dataset[0].image)
    assert set(counted(seen.label_map)) <= {data.vocabulary.index(name) for name in animals[:2]}


HERE = "tests.baselines.test_semantic_segment_anything"
CONFIG = {
    "class_path": "zeroseg.baselines.semantic_segment_anything.SemanticSegmentAnything",
    "vocabulary": ["background", "dog", "cat"],
    "proposer": {"class_path": f"{HERE}.Rectangles", "init_args": {"boxes": [LEFT]}},
    "classifier": {"class_path": f"{HERE}.Given", "init_args": {"labels": [2]}},
}


def test_it_is_built_from_class_paths_and_written_down(tmp_path: Path) -> None:
    first = BaseSegmenter.from_config(CONFIG, batch_size=3)
    assert isinstance(first, SemanticSegmentAnything)
    first.to_yaml(tmp_path / "a.yaml")
    second = BaseSegmenter.from_yaml(tmp_path / "a.yaml")
    assert isinstance(second, SemanticSegmentAnything)
    assert second.batch_size == 3
    assert second.config == first.config
    assert counted(second.segment(blank(32, 48)).label_map) == {0: 24 * 32, 2: 24 * 32}
    assert isinstance(SemanticSegmentAnything.from_config(CONFIG), SemanticSegmentAnything)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere.System", "there is no class 'nowhere.System'"),
        ("zeroseg.errors.Nothing", "there is no class"),
        ("System", "there is no class"),
        ("zeroseg.errors.ZerosegError", "is not a BaseSegmenter"),
    ],
)
def test_a_system_that_is_none_is_refused(path: str, says: str) -> None:
    with pytest.raises(PresetError, match=says):
        BaseSegmenter.from_config({**CONFIG, "class_path": path})


def test_another_systems_configuration_is_refused() -> None:
    with pytest.raises(PresetError, match="is not a ZeroShotSegmenter"):
        ZeroShotSegmenter.from_config(CONFIG)


def test_a_part_in_the_wrong_slot_is_refused() -> None:
    with pytest.raises(TypeError, match="a MaskProposer is expected where Given was given"):
        SemanticSegmentAnything(PETS, Given([]), Given([]))  # type: ignore[arg-type]
    with pytest.raises(PresetError, match="not correspond to a subclass of MaskProposer"):
        BaseSegmenter.from_config({**CONFIG, "proposer": CONFIG["classifier"]})


@pytest.mark.parametrize("name", ["ssa", "ssa-clip"])
def test_presets_name_all_that_is_missing(name: str) -> None:
    with pytest.raises(PresetError, match="proposer: checkpoint") as caught:
        BaseSegmenter.from_config(load_preset(name))
    assert "classifier: checkpoint" in str(caught.value)


def test_proposals_that_disagree_are_refused() -> None:
    good = proposals_of([(0, 0, 5, 5)])
    with pytest.raises(ValueError, match="1 masks, but 1 boxes, 1 scores, 0 areas"):
        Proposals(good.masks, good.boxes, good.scores, good.areas[:0])
