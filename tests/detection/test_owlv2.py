from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.detection.prompt_parts import owlv2
from zeroseg.detection.detector import Detector
from zeroseg.detection.owlv2 import Owlv2
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import Detections, Selection
from zeroseg.weights.needs import Checkpoint

PROMPTS = ("dog", "potted plant", "person")


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return owlv2()


def make(parts: tuple[Any, Any], **options: Any) -> Owlv2:
    return Owlv2(*parts, **{"box_threshold": 0.5, "nms_threshold": 1.0, **options})


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


@pytest.mark.parametrize("size", [(40, 56), (131, 97), (64, 64)])
def test_detections_are_those_of_transformers_own_processing(
    parts: tuple[Any, Any], size: tuple[int, int]
) -> None:
    model, processor = parts
    image = noise(*size)
    texts = [[f"a photo of a {prompt}" for prompt in PROMPTS]]
    inputs = processor(text=texts, images=image, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    [stock] = processor.post_process_grounded_object_detection(
        output, threshold=0.5, target_sizes=[size]
    )
    order = stock["scores"].argsort(descending=True)
    limit = torch.tensor([size[1], size[0], size[1], size[0]])
    boxes = stock["boxes"][order].clamp(min=0).minimum(limit)  # zeroseg cuts off what is outside
    seen = (boxes[:, 2:] > boxes[:, :2]).all(1)
    [found] = make(parts)([image], [ask(*PROMPTS)])
    assert 0 < len(found) == int(seen.sum()) < 16
    torch.testing.assert_close(found.scores, stock["scores"][order][seen], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.boxes, boxes[seen], atol=1e-2, rtol=1e-4)
    assert torch.equal(found.prompt_index, stock["labels"][order][seen])
    assert found.labels.tolist() == [10 + i for i in found.prompt_index.tolist()]


def test_prompts_know_nothing_of_each_other(parts: tuple[Any, Any]) -> None:
    image = noise(40, 56)
    [together] = make(parts)([image], [ask(*PROMPTS)])
    assert together.queries is not None
    for i, prompt in enumerate(PROMPTS):
        [alone] = make(parts)([image], [ask(prompt)])
        assert alone.queries is not None
        torch.testing.assert_close(
            alone.queries.scores[:, 0], together.queries.scores[:, i], atol=1e-5, rtol=1e-4
        )


def test_batch_equals_singles_whatever_sizes_and_prompts(parts: tuple[Any, Any]) -> None:
    images = [noise(40, 56, 1), noise(90, 30, 3), noise(40, 56, 2), noise(40, 56, 4)]
    asked = [ask("dog"), ask("person", "potted plant", "boat"), Selection(), ask("cat", "dog")]
    part = make(parts, batch_size=2)
    together = part(images, asked)
    assert sum(map(len, together)) > 0
    for image, selection, found in zip(images, asked, together, strict=True):
        assert_same(part([image], [selection])[0], found)


def test_many_prompts_are_read_in_parts(
    parts: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = make(parts)([noise(40, 56)], [ask(*PROMPTS)])
    monkeypatch.setattr("zeroseg.detection.owlv2.TEXTS", 2)
    [other] = make(parts)([noise(40, 56)], [ask(*PROMPTS)])
    assert_same(one, other)


def test_overlaps_are_thinned_out_over_all_prompts(parts: tuple[Any, Any]) -> None:
    [every] = make(parts, box_threshold=0.1)([noise(40, 56)], [ask(*PROMPTS)])
    thinning = make(parts, box_threshold=0.1, nms_threshold=0.02)
    [thin] = thinning([noise(40, 56)], [ask(*PROMPTS)])
    assert 0 < len(thin) < len(every)


def test_a_prompt_that_cannot_be_read_is_refused(parts: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="has 72 tokens, but the network reads at most 40"):
        make(parts, template="{}")([noise()], [ask("dog", "z" * 70)])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(dtype: torch.dtype) -> None:
    fresh = owlv2()
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
    loaded = Owlv2.from_pretrained(tmp_path, box_threshold=0.5, nms_threshold=1.0)
    image, asked = noise(40, 56), ask(*PROMPTS)
    assert_same(loaded([image], [asked])[0], make(parts)([image], [asked])[0])


def test_what_cannot_be_meant_is_refused(tmp_path: Path, parts: tuple[Any, Any]) -> None:
    with pytest.raises(CheckpointNotFound, match="no such file or folder"):
        Owlv2.from_pretrained(tmp_path / "nothing")
    with pytest.raises(ValueError, match="box_threshold is 1"):
        make(parts, box_threshold=1.5)
    with pytest.raises(ValueError, match="batch_size is 0"):
        make(parts, batch_size=0)
    with pytest.raises(ValueError, match="template is 'a photo'"):
        make(parts, template="a photo")
    assert list(Owlv2.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
