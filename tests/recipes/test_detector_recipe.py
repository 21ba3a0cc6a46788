from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoFrozenBatchNorm2d,
    MultiScaleDeformableAttention,
)
from transformers.models.resnet.modeling_resnet import ResNetConvLayer

from benchmarks.recipes.batches import Batch
from benchmarks.recipes.detector_loss import Targets, generalised_iou, set_loss
from benchmarks.recipes.detector_model import FoldedConvLayer, TapAttention
from benchmarks.recipes.detector_prompts import Phrase, Prompter, sample_prompt
from benchmarks.recipes.detector_score import DetectionScore
from benchmarks.recipes.words import build_tokenizer, phrases
from zeroseg.drawn.world import CATEGORIES, CATEGORY_OF, FINE_NAMES, STUFF

REGIONS: list[tuple[int, str, str | None]] = [
    *((i, name, None) for i, name in enumerate(STUFF)),
    *((i + 9, CATEGORY_OF[name], name) for i, name in enumerate(FINE_NAMES)),
]


def test_every_phrase_of_the_world_is_read_in_whole_words() -> None:
    tokenizer = build_tokenizer()
    for phrase in phrases():
        assert tokenizer.tokenize(phrase) == phrase.split()
    assert tokenizer.tokenize("Dogs") == ["dog", "##s"]
    assert tokenizer("cat. dog?")["input_ids"][::2] == [101, 1012, 1029]


def test_no_region_answers_two_phrases_of_a_prompt() -> None:
    rng = np.random.default_rng(0)
    answered = 0
    for _ in range(300):
        prompt = sample_prompt(rng, REGIONS)
        texts = [phrase.text for phrase in prompt]
        assert len(set(texts)) == len(texts)
        for _, category, name in REGIONS:
            own = [phrase.text for phrase in prompt if phrase.answers(category, name)]
            assert len(own) <= 1, own
            answered += len(own)
    assert answered > 3000


def test_targets_are_the_tokens_of_the_phrase_that_a_region_answers() -> None:
    segments = torch.zeros(1, 160, 160, dtype=torch.int64)
    segments[:, 40:80, 20:100] = 1
    segments[:, 100:140, 20:60] = 2
    kinds = [CATEGORIES.index(kind) for kind in ("grass", "dog", "potted plant")]
    batch = Batch(
        images=torch.zeros(1, 3, 160, 160),
        segments=segments,
        categories=torch.tensor([[*kinds, -1]]),
        names=torch.tensor([[-1, FINE_NAMES.index("puppy"), FINE_NAMES.index("vase"), -1]]),
        boxes=torch.tensor(
            [[[0, 0, 1, 1], [0.125, 0.25, 0.625, 0.5], [0.125, 0.625, 0.375, 0.875], [0] * 4]]
        ),
        areas=torch.tensor([[20800, 3200, 1600, 0]]),
        kept=torch.ones(1, 4),
    )
    prompt = [
        Phrase("potted plant", frozenset({"potted plant"})),
        Phrase("hound", names=frozenset({"hound"})),
        Phrase("puppy", names=frozenset({"puppy"})),
    ]
    asked = Prompter(build_tokenizer()).ask(batch, [prompt])
    assert asked.spans.tolist() == [[-1, 0, 0, -1, 1, -1, 2, -1, -1]]
    assert asked.counts == [2]
    assert asked.tokens[0].nonzero().tolist() == [[0, 6], [1, 1], [1, 2]]
    torch.testing.assert_close(asked.boxes[0, 0], torch.tensor([0.375, 0.375, 0.5, 0.25]))
    assert asked.regions[0].nonzero().tolist() == [[1, 6], [2, 1], [2, 2]]


def test_tap_attention_equals_the_library() -> None:
    torch.manual_seed(0)
    shapes = [(5, 4), (3, 2)]
    spatial = torch.tensor(shapes)
    start = torch.tensor([0, 20])
    value = torch.randn(2, 26, 3, 8)
    places = torch.rand(2, 7, 3, 2, 4, 2) * 1.4 - 0.2
    weights = torch.rand(2, 7, 3, 2, 4)
    theirs = MultiScaleDeformableAttention()(value, spatial, shapes, start, places, weights, 64)
    ours = TapAttention()(value, spatial, shapes, start, places, weights, 64)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_folded_convolution_equals_the_library() -> None:
    torch.manual_seed(0)
    layer = ResNetConvLayer(3, 8, stride=2)
    norm = GroundingDinoFrozenBatchNorm2d(8)
    for buffer in norm.buffers():
        buffer.uniform_(0.5, 2)
    layer.normalization = norm
    image = torch.randn(2, 3, 9, 9)
    expected = layer(image)
    layer.__class__ = FoldedConvLayer
    torch.testing.assert_close(layer(image), expected, atol=1e-5, rtol=1e-4)


def test_perfect_predictions_cost_nothing_in_any_order() -> None:
    boxes = torch.tensor([[[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.4], [0, 0, 0, 0]]])
    tokens = torch.tensor([[[0.0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]])
    targets = Targets(boxes, tokens, [2], torch.ones(1, 4, dtype=torch.bool))
    logits = tokens[:, [2, 1, 0]] * 40 - 20
    right = set_loss(logits, boxes[:, [2, 1, 0]], targets)
    assert right.tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    wrong = set_loss(logits, boxes[:, [2, 0, 1]], targets)
    assert float(wrong.sum()) > 0.5


def test_generalised_iou_of_known_boxes() -> None:
    one = torch.tensor([0.25, 0.25, 0.5, 0.5])
    far = torch.tensor([0.875, 0.125, 0.25, 0.25])
    assert float(generalised_iou(one, one)) == pytest.approx(1, abs=1e-5)
    union, hull = 0.25 + 0.0625, 0.5
    assert float(generalised_iou(one, far)) == pytest.approx(-(hull - union) / hull, abs=1e-5)


def test_average_precision_by_hand() -> None:
    score = DetectionScore(("dog", "cat"))
    there = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    miss = torch.tensor([[50.0, 50, 60, 60]])
    candidates = torch.cat([there[:1], miss, there[1:], there[:1]])
    scores = torch.tensor([[0.9, 0.0], [0.8, 0.4], [0.7, 0.0], [0.6, 0.0]])
    score.add(candidates, scores, there, torch.tensor([0, 0]))
    assert score.average_precision(0) == pytest.approx(0.5 + 0.5 * 2 / 3)
    summary = score.summary()
    assert summary["AP50"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert (summary["false"], summary["found"]) == (1.0, 1.0)


def test_wider_words_of_one_prompt_have_no_common_member() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        prompt = sample_prompt(rng, REGIONS)
        for one, other in combinations(prompt, 2):
            assert not one.categories & other.categories
