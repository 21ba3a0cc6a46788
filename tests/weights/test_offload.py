"""Weights that stay on the host: where they are before, during and after a call."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from zeroseg import GroundingDino, RamPlus, Sam, Selection, ZeroShotSegmenter
from zeroseg.detection.detector import Detector
from zeroseg.masking import TopLogits
from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.presets import load_preset
from zeroseg.recognition.blip2 import Blip2
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.testing import (
    CaptionerContract,
    DetectorContract,
    MaskPredictorContract,
    TaggerContract,
    boxed,
    noise,
)
from zeroseg.values import Detections, Masks, Tag
from zeroseg.weights.offload import offload


class Seen(Tagger):
    """Notes where its weights are when it is called, and fails where it is told to."""

    constant: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.tied = self.layer
        self.register_buffer("constant", torch.ones(3))
        self.seen: list[tuple[str, ...]] = []
        self.fails = False

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        tensors: tuple[Tensor, ...] = (self.layer.weight, self.tied.bias, self.constant)
        self.seen.append(tuple(tensor.device.type for tensor in tensors))
        if self.fails:
            raise RuntimeError("out of memory")
        return [() for _ in images]


class Encoding(MaskPredictor):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.seen: list[tuple[str, str]] = []

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        self.seen.append(("forward", self.weight.device.type))
        assert encodings is not None
        return []

    def encode(self, images: Sequence[Tensor]) -> Encodings:
        self.seen.append(("encode", self.weight.device.type))
        return (self.weight,)


def devices(part: nn.Module) -> set[str]:
    return {tensor.device.type for tensor in (*part.parameters(), *part.buffers())}


def test_weights_visit_the_device_and_stay_on_the_host() -> None:
    part = Seen()
    before = [tensor.data_ptr() for tensor in (*part.parameters(), *part.buffers())]
    offloaded = offload(part).to("meta")
    assert offloaded([noise()]) == [()]
    assert part.seen == [("meta", "meta", "meta")]
    assert devices(part) == {"cpu"}
    assert [t.data_ptr() for t in (*part.parameters(), *part.buffers())] == before
    assert all(isinstance(tensor, nn.Parameter) for tensor in part.parameters())


def test_weights_come_home_when_a_call_fails() -> None:
    part = Seen()
    part.fails = True
    with pytest.raises(RuntimeError, match="out of memory"):
        offload(part).to("meta")([noise()])
    assert devices(part) == {"cpu"}


def test_precision_is_passed_on_and_the_device_is_not() -> None:
    part = Seen()
    offloaded = offload(part).to("meta", torch.bfloat16)
    assert {tensor.dtype for tensor in part.parameters()} == {torch.bfloat16}
    assert devices(part) == {"cpu"}
    assert offloaded.place.type == "meta"
    offloaded([noise()])
    assert part.seen == [("meta", "meta", "meta")]


def test_a_mask_predictor_visits_for_each_half_of_its_work() -> None:
    part = Encoding()
    offloaded = offload(part).to("meta")
    encodings = offloaded.encode([noise()])
    offloaded([noise()], [boxed()], encodings)
    assert part.seen == [("encode", "meta"), ("forward", "meta")]
    assert offloaded.encoder is part.encoder


def test_weights_are_saved_like_any_other() -> None:
    offloaded = offload(Seen())
    assert "layer.weight" in offloaded.state_dict()
    assert offloaded.state_dict().keys() == Seen().state_dict().keys()


class TestTagger(TaggerContract):
    def part(self) -> Tagger:
        return offload(RamPlus.from_pretrained("tiny:ram_plus"))


class TestCaptioner(CaptionerContract):
    def part(self) -> Captioner:
        return offload(Blip2.from_pretrained("tiny:blip2"))


class TestDetector(DetectorContract):
    def part(self) -> Detector:
        return offload(GroundingDino.from_pretrained("tiny:grounding_dino"))


class TestMaskPredictor(MaskPredictorContract):
    def part(self) -> MaskPredictor:
        return offload(Sam.from_pretrained("tiny:sam", TopLogits(3)))


def test_a_component_keeps_its_type_and_travels() -> None:
    part = offload(Sam.from_pretrained("tiny:sam", TopLogits(3)))
    assert offload(part) is part
    assert isinstance(part, Sam) and type(part).__name__ == "Sam"
    for other in (copy.deepcopy(part), pickle.loads(pickle.dumps(part)), part.with_points(None)):
        assert type(other) is type(part)
        assert other.to("meta").place.type == "meta"
        assert devices(other.model) == {"cpu"}


def test_answers_are_those_of_the_component() -> None:
    image = noise(90, 120)
    plain = GroundingDino.from_pretrained("tiny:grounding_dino", box_threshold=0.01)
    asked = [Selection(("dog", "boat"), (0, 1))]
    [expected] = plain([image], asked)
    [found] = offload(plain)([image], asked)
    assert len(expected)
    assert torch.equal(found.boxes, expected.boxes)
    assert torch.equal(found.scores, expected.scores)


FOLDERS = {
    "tagger": "recognition",
    "captioner": "recognition",
    "detector": "detection",
    "mask_predictor": "masking",
}
"""Where the contract of each slot's components lies."""


def test_a_preset_offloads_every_network() -> None:
    config = load_preset("large-low-memory")
    large = load_preset("large")
    for slot, folder in FOLDERS.items():
        assert config[slot]["class_path"] == f"zeroseg.{folder}.{slot}.offload_{slot}"
        offloaded = config[slot]["init_args"]["part"]
        assert offloaded["class_path"] == large[slot]["class_path"]
        assert offloaded["init_args"]["checkpoint"] == large[slot]["init_args"]["checkpoint"]
    assert {k: v for k, v in config.items() if k not in (*FOLDERS, "batch_size")} == {
        k: v for k, v in large.items() if k not in FOLDERS
    }


def test_a_segmenter_of_offloaded_components_gives_the_same_map() -> None:
    config = load_preset("tiny")
    offloaded = dict(config)
    for slot, folder in FOLDERS.items():
        path = f"zeroseg.{folder}.{slot}.offload_{slot}"
        offloaded[slot] = {"class_path": path, "init_args": {"part": config[slot]}}
    image = noise(64, 80)
    plain = ZeroShotSegmenter.from_config(config).segment(image)
    other = ZeroShotSegmenter.from_config(offloaded).segment(image)
    assert torch.equal(plain.label_map, other.label_map)
    assert plain.description == other.description
