from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.detection.prompt_parts import omdet_turbo
from zeroseg.detection.detector import Detector
from zeroseg.detection.omdet_turbo import OmDetTurbo, _Network
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import Detections, Selection
from zeroseg.weights.needs import Checkpoint, Package

PROMPTS = ("dog", "potted plant", "person")


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return omdet_turbo()


def make(parts: tuple[Any, Any], **options: Any) -> OmDetTurbo:
    return OmDetTurbo(*parts, **{"box_threshold": 0.6, "nms_threshold": 1.0, **options})


def ask(*prompts: str) -> Selection:
    return Selection(prompts, tuple(range(10, 10 + len(prompts))))


def assert_same(one: Detections, other: Detections) -> None:
    assert one.phrases == other.phrases
    assert torch.equal(one.labels, other.labels)
    torch.testing.assert_close(one.boxes, other.boxes, atol=1e-2, rtol=1e-4)
    torch.testing.assert_close(one.scores, other.scores, atol=1e-4, rtol=1e-4)


class TestContract(DetectorContract):
    @pytest.fixture(autouse=True)
    def _parts(self, parts: tuple[Any, Any]) -> None:
        self.parts = parts

    def part(self) -> Detector:
        return make(self.parts)


@pytest.mark.parametrize("overlap", [1.0, 0.3])
@pytest.mark.parametrize("size", [(40, 56), (131, 97), (64, 64)])
def test_detections_are_those_of_transformers_own_processing(
    parts: tuple[Any, Any], size: tuple[int, int], overlap: float
) -> None:
    model, processor = parts
    image = noise(*size)
    inputs = processor(images=image, text=list(PROMPTS), return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    [stock] = processor.post_process_grounded_object_detection(
        output, threshold=0.6, nms_threshold=overlap, target_sizes=[size]
    )
    [found] = make(parts, nms_threshold=overlap)([image], [ask(*PROMPTS)])
    assert 0 < len(found) == len(stock["scores"]) <= 12
    torch.testing.assert_close(found.scores, stock["scores"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.boxes, stock["boxes"], atol=1e-2, rtol=1e-4)
    assert torch.equal(found.prompt_index, stock["labels"])
    assert found.labels.tolist() == [10 + i for i in found.prompt_index.tolist()]


def test_a_candidate_may_answer_several_prompts(parts: tuple[Any, Any]) -> None:
    [found] = make(parts, box_threshold=0.3)([noise(40, 56)], [ask(*PROMPTS)])
    boxes = [tuple(box) for box in found.boxes.tolist()]
    assert len(set(boxes)) < len(boxes)


def test_prompts_beyond_the_task_are_looked_for(parts: tuple[Any, Any]) -> None:
    prompts = tuple(a + b for a in "abcdefgh" for b in "klmnopqr")
    [found] = make(parts, box_threshold=0.0)([noise(40, 56)], [ask(*prompts)])
    assert found.queries is not None and found.queries.scores.shape == (12, 64)
    assert max(found.prompt_index.tolist()) > 30  # the 77 tokens of the task end before


def test_texts_read_in_full_precision_are_not_kept(parts: tuple[Any, Any]) -> None:
    """The network's own forward would hand them to the network in half precision."""
    fresh = omdet_turbo()
    part = make(fresh)
    part([noise(40, 56)], [ask("dog")])
    [found] = part.to(torch.bfloat16)([noise(40, 56)], [ask("dog")])
    assert found.queries is not None and bool(found.queries.scores.isfinite().all())


def test_batch_equals_singles_whatever_sizes_and_prompts(parts: tuple[Any, Any]) -> None:
    images = [noise(40, 56, 1), noise(90, 30, 3), noise(40, 56, 2), noise(40, 56, 4)]
    asked = [ask("dog"), ask("person", "potted plant", "boat"), Selection(), ask("cat", "dog")]
    part = make(parts, batch_size=2)
    together = part(images, asked)
    assert sum(map(len, together)) > 0
    for image, selection, found in zip(images, asked, together, strict=True):
        assert_same(part([image], [selection])[0], found)


def test_a_prompt_that_cannot_be_read_is_refused(parts: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="has 92 tokens, but the network reads at most 77"):
        make(parts)([noise()], [ask("dog", "z" * 90)])


def test_of_the_published_configuration_the_hub_is_asked_nothing(tmp_path: Path) -> None:
    """It names its image encoder as timm does, which transformers would look for at the hub."""
    sizes = {"always_partition": True, "img_size": 640, "out_indices": [1, 2, 3]}
    published = {
        "model_type": "omdet-turbo",
        "backbone": "swin_tiny_patch4_window7_224",
        "backbone_config": None,
        "backbone_kwargs": sizes,
        "use_timm_backbone": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(published))
    config = _Network.config_class.from_pretrained(tmp_path)
    assert config.backbone_config.model_type == "timm_backbone"
    assert config.backbone_config.backbone == published["backbone"]
    assert config.backbone_config.out_indices == [1, 2, 3]
    assert config.timm_kwargs == {"always_partition": True, "img_size": 640}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(dtype: torch.dtype) -> None:
    fresh = omdet_turbo()
    [exact] = make(fresh)([noise(40, 56)], [ask("dog", "person")])
    [found] = make(fresh).to(dtype)([noise(40, 56)], [ask("dog", "person")])
    assert found.boxes.dtype == found.scores.dtype == torch.float32
    assert float(found.scores[0]) == pytest.approx(float(exact.scores[0]), abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (300, 3)])
def test_odd_shapes_are_read(parts: tuple[Any, Any], size: tuple[int, int]) -> None:
    [found] = make(parts, box_threshold=0.0)([noise(*size)], [ask("dog")])
    limit = torch.tensor([size[1], size[0], size[1], size[0]])
    assert bool((found.boxes >= 0).all() and (found.boxes <= limit).all())


def test_saved_parts_load_as_a_checkpoint(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    for part in parts:
        part.save_pretrained(tmp_path)
    loaded = OmDetTurbo.from_pretrained(tmp_path, box_threshold=0.6, nms_threshold=1.0)
    image, asked = noise(40, 56), ask(*PROMPTS)
    assert_same(loaded([image], [asked])[0], make(parts)([image], [asked])[0])


def test_what_cannot_be_meant_is_refused(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        OmDetTurbo.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="box_threshold is 1"):
        make(parts, box_threshold=1.5)
    with pytest.raises(ValueError, match="batch_size is 0"):
        make(parts, batch_size=0)
    assert list(OmDetTurbo.needs({"checkpoint": "a/b"})) == [
        Package("timm", "zeroseg[timm]"),
        Checkpoint("a/b"),
    ]
