"""A cheap look first: what it says, what it admits, and what it leaves as it was."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Sam3Config, Sam3Model, Sam3VisionConfig, Sam3VisionModel

from tests.detection.sam3_parts import (
    CLIP_TEXT,
    PARTS,
    SIDE,
    TEXT,
    VISION,
    lite_model,
    processor,
    sam3_model,
)
from zeroseg.detection import presence_preview
from zeroseg.detection.concept_texts import ConceptTexts
from zeroseg.detection.detector import Detector
from zeroseg.detection.presence_preview import PresencePreview, admitted
from zeroseg.detection.prompted_image import PromptedImage
from zeroseg.detection.sam3 import Sam3
from zeroseg.testing import DetectorContract, noise
from zeroseg.values import DISTRACTOR, DenseScores, Detections, Selection
from zeroseg.weights.offload import offload

PROMPTS = ("dog", "potted plant", "person", "sky", "a boat", "cat", "grass")
ASKED = Selection(PROMPTS, tuple(range(10, 17)))


def make(model: Any, **options: Any) -> Sam3:
    defaults = {"score_threshold": 0.1, "chunk_size": 2, "preview": "always"}
    return Sam3(model, processor(), **{**defaults, **options})


def small(model: Any, **options: Any) -> Sam3:
    """With a picture of 2 x 2 cells for the preview."""
    part = make(model, **options)
    part._preview = PresencePreview(model, 16)
    return part


class TestContract(DetectorContract):
    @pytest.fixture(autouse=True)
    def _half_are_admitted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(presence_preview, "ADMITTED", 0.35)

    def part(self) -> Detector:
        return small(sam3_model())


def pixels(image: Tensor, side: int) -> Tensor:
    size = {"height": side, "width": side}
    prepared: Tensor = processor().image_processor([image], size=size, return_tensors="pt")[
        "pixel_values"
    ]
    return prepared


@torch.no_grad()
def judged(model: Any, side: int, image: Tensor) -> Tensor:
    texts = ConceptTexts(processor().tokenizer, 0).encode(model, PROMPTS, 10)
    preview = PresencePreview(model, side)
    seen = PromptedImage(model, preview.look(model, pixels(image, side)))
    return preview.judge(seen, [texts[prompt] for prompt in PROMPTS], 3)


@torch.no_grad()
def stock(model: Any, side: int, image: Tensor) -> Tensor:
    words = processor()(text=list(PROMPTS), return_tensors="pt")
    picture = pixels(image, side).expand(len(PROMPTS), -1, -1, -1)
    output = model(
        pixel_values=picture,
        input_ids=words["input_ids"],
        attention_mask=words["attention_mask"],
    )
    presence: Tensor = output.presence_logits[:, 0].sigmoid()
    return presence


@pytest.mark.parametrize("make_model", [sam3_model, lite_model])
def test_at_full_size_with_all_layers_it_is_the_networks_presence(
    make_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_preview, "LAYERS", 3)
    model, image = make_model(), noise(40, 56)
    torch.testing.assert_close(judged(model, SIDE, image), stock(model, SIDE, image))


def test_a_smaller_picture_is_seen_as_a_network_of_that_size_sees_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(presence_preview, "LAYERS", 3)
    model, image, side = sam3_model(), noise(40, 56), 16
    vision = copy.deepcopy(VISION)
    vision["backbone_config"]["image_size"] = side
    network = Sam3Model(
        Sam3Config(vision_config=vision, text_config={**TEXT, **CLIP_TEXT}, **PARTS)
    ).eval()
    network.load_state_dict(model.state_dict())
    torch.testing.assert_close(judged(model, side, image), stock(network, side, image))
    assert not torch.allclose(judged(model, side, image), stock(model, SIDE, image), atol=1e-3)


def test_fewer_layers_and_queries_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model, image = sam3_model(), noise(40, 56)
    seen: list[tuple[int, int]] = []
    for place, layer in enumerate(model.detr_decoder.layers):
        layer.register_forward_hook(
            lambda _, given, __, place=place: seen.append((place, given[0].shape[1]))
        )
    monkeypatch.setattr(presence_preview, "QUERIES", 4)
    judged(model, 16, image)
    assert set(seen) == {(0, 5), (1, 5)}  # with the token of presence
    seen.clear()
    stock(model, SIDE, image)
    assert set(seen) == {(0, 11), (1, 11), (2, 11)}  # the network is as it was


def test_it_has_no_weights_of_its_own() -> None:
    part = make(sam3_model())
    own = list(part._preview._encoder.parameters())
    assert own and all(weight.is_meta for weight in own)
    assert sum(1 for _ in part.parameters()) == sum(1 for _ in part.model.parameters())
    assert set(part.state_dict()) == {f"model.{name}" for name in part.model.state_dict()}


@pytest.mark.parametrize(
    ("image", "patch", "side"),
    [(1008, 14, 336), (160, 8, 160), (48, 8, 48), (256, 8, 192), (2016, 14, 672)],
)
def test_the_small_picture_has_cells_enough(image: int, patch: int, side: int) -> None:
    vision = copy.deepcopy(VISION)
    vision["backbone_config"] |= {"image_size": image, "patch_size": patch}
    with torch.device("meta"):
        encoder = Sam3VisionModel(Sam3VisionConfig(**vision))
    preview = PresencePreview(SimpleNamespace(vision_encoder=encoder))
    assert preview.side == side
    assert preview.smaller == (side < image)


def test_a_picture_that_is_no_smaller_is_not_encoded_twice() -> None:
    part, calls = make(sam3_model()), []
    part.model.vision_encoder.backbone.register_forward_hook(lambda *_: calls.append(1))
    other = small(part.model)
    other._preview._encoder.backbone.register_forward_hook(lambda *_: calls.append(16))
    for own, expected in ((part, [1]), (other, [1, 16])):
        calls.clear()
        own([noise(40, 56)], [ASKED])
        assert calls == expected


def dense(found: Detections) -> tuple[DenseScores, Tensor]:
    assert found.dense is not None
    assert found.dense.presence is not None
    return found.dense, found.dense.presence


def assert_equal(one: Detections, other: Detections) -> None:
    assert one.phrases == other.phrases
    assert one.masks is not None and other.masks is not None
    (scores, presence), (theirs, their_presence) = dense(one), dense(other)
    assert torch.equal(one.boxes, other.boxes) and torch.equal(one.scores, other.scores)
    assert torch.equal(one.prompt_index, other.prompt_index)
    assert torch.equal(one.masks.logits, other.masks.logits)
    assert torch.equal(scores.maps, theirs.maps) and torch.equal(presence, their_presence)


def test_where_nothing_is_pruned_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_preview, "ADMITTED", 0.0)
    model, images = sam3_model(), [noise(40, 56, 1), noise(56, 40, 2)]
    with_it, without = (
        small(model, preview=how)(images, [ASKED, ASKED]) for how in ("always", "never")
    )
    for one, other in zip(with_it, without, strict=True):
        assert len(one) > 0
        assert_equal(one, other)


def test_what_is_pruned_is_nowhere_and_the_rest_is_as_if_asked_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, image = sam3_model(), noise(40, 56)
    preview = judged(model, 16, image)
    monkeypatch.setattr(presence_preview, "ADMITTED", float(preview.median()))
    asked = [i for i in range(len(PROMPTS)) if preview[i] >= preview.median()]
    assert 0 < len(asked) < len(PROMPTS)
    [found] = small(model)([image], [ASKED])
    [alone] = make(model, preview="never")([image], [ASKED.keep(asked)])
    (scores, presence), (theirs, their_presence) = dense(found), dense(alone)
    assert len(found) == len(alone) > 0
    assert found.phrases == alone.phrases and torch.equal(found.labels, alone.labels)
    assert found.prompt_index.tolist() == [asked[i] for i in alone.prompt_index.tolist()]
    assert torch.equal(scores.maps[asked], theirs.maps)
    assert torch.equal(presence[asked], their_presence)
    gone = [i for i in range(len(PROMPTS)) if i not in asked]
    assert float(scores.maps[gone].abs().sum()) == 0 and scores.labels == ASKED.labels
    torch.testing.assert_close(presence[gone], preview[gone])


@pytest.mark.parametrize(
    ("presence", "always", "expected"),
    [
        ([0.05, 0.2, 0.1, 0.0], [], [1, 2]),
        ([0.05, 0.02, 0.0, 0.07], [], [3]),  # the likeliest where none is
        ([0.05, 0.02, 0.0, 0.9], [3], [0, 3]),  # of those that are no distractors
        ([0.0, 0.0], [0, 1], [0, 1]),
        ([0.2, 0.0, 0.0], [1], [0, 1]),
    ],
)
def test_admission(presence: Sequence[float], always: list[int], expected: list[int]) -> None:
    assert admitted(torch.tensor(presence), always) == expected


def test_distractors_are_always_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_preview, "ADMITTED", 1.0)
    labels = (1, 2, 3, DISTRACTOR, DISTRACTOR, 4, 5)
    [found] = make(sam3_model())([noise(40, 56)], [Selection(PROMPTS, labels)])
    looked = dense(found)[0].maps.flatten(1).sum(1) > 0
    assert looked[3] and looked[4] and int(looked.sum()) == 3


@pytest.mark.parametrize(("count", "looks"), [(40, 0), (41, 1)])
def test_long_lists_are_previewed_by_themselves(
    count: int, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    see = PresencePreview.judge
    monkeypatch.setattr(PresencePreview, "judge", lambda *given: calls.append(1) or see(*given))
    prompts = tuple(a + b for a in "abcdefgh" for b in "abcdefgh")[:count]
    part = make(sam3_model(), preview="auto", chunk_size=16)
    [found] = part([noise(40, 56)], [Selection(prompts, tuple(range(count)))])
    assert len(calls) == looks
    assert len(dense(found)[0]) == count


def test_weights_that_change_or_stay_elsewhere_are_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(presence_preview, "ADMITTED", 0.35)
    part = small(sam3_model())
    [expected] = part([noise(40, 56)], [ASKED])
    with torch.inference_mode():
        [away] = offload(small(sam3_model()))([noise(40, 56)], [ASKED])
    torch.testing.assert_close(dense(away)[1], dense(expected)[1])
    [half] = copy.deepcopy(part).to(torch.bfloat16)([noise(40, 56)], [ASKED])
    torch.testing.assert_close(dense(half)[1], dense(expected)[1], atol=0.1, rtol=0)
    for weight in part.model.vision_encoder.parameters():
        weight.data.mul_(0.9)
    [changed] = part([noise(40, 56)], [ASKED])
    assert not torch.allclose(dense(changed)[1], dense(expected)[1], atol=1e-3)
