"""The recipe of the tiny CLIP: what is asked, what it costs, and that the library agrees."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import AutoProcessor, CLIPModel, Sam3Model

from benchmarks.recipes import cache, clip
from benchmarks.recipes.batches import Batch, make_batch
from benchmarks.recipes.cache import Cache, build
from benchmarks.recipes.clip import SMALL, export, losses
from benchmarks.recipes.clip_model import PATCH, SIDE, Trainee
from benchmarks.recipes.clip_score import WORDS, ClipScore, Cosines, look, names
from benchmarks.recipes.clip_texts import (
    OTHER_WORDS,
    encode,
    patch_truth,
    phrases,
    true_of,
    uncropped,
    whole_truth,
)
from benchmarks.recipes.detector_prompts import Phrase, visible
from benchmarks.recipes.sam3 import groups
from benchmarks.recipes.sam3_prompts import plain_phrases
from benchmarks.recipes.words import build_tokenizer, vocabulary
from zeroseg.drawn.scene import draw_scene
from zeroseg.drawn.world import CATEGORIES
from zeroseg.weights.checkpoints import locate


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "SIDE", 64)
        build(folder, 3, 6, 1)
    return Cache.open(folder)


@pytest.fixture(scope="module")
def batch(scenes: Cache) -> Batch:
    return make_batch(scenes, np.arange(3), SIDE)


@pytest.fixture
def model() -> Trainee:
    torch.manual_seed(0)
    return Trainee()


def test_the_training_forward_is_that_of_the_library(model: Trainee, batch: Batch) -> None:
    ids = encode(["dog", "a photo of a traffic light", "sky"])
    with torch.no_grad():
        seen = model.see(batch.images)
        ours = model.scale * seen.whole @ model.read(ids).T
        theirs = model.clip(
            pixel_values=batch.images, input_ids=ids, attention_mask=(ids > 0).long()
        )
        hidden = model.clip.vision_model(batch.images).last_hidden_state[:, 1:]
        hidden = model.clip.visual_projection(model.clip.vision_model.post_layernorm(hidden))
    torch.testing.assert_close(ours, theirs.logits_per_image, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(seen.patches, F.normalize(hidden, dim=-1), atol=1e-5, rtol=1e-4)
    assert seen.values.shape == seen.patches.shape == (3, (SIDE // PATCH) ** 2, 128)
    assert model.see(F.interpolate(batch.images, (SMALL, SMALL))).patches.shape[1] == 14**2


def test_values_are_patches_that_attend_to_themselves_alone(model: Trainee, batch: Batch) -> None:
    own = model.clip.vision_model.encoder.layers[-1].self_attn
    alone = deepcopy(model)
    last = alone.clip.vision_model.encoder.layers[-1].self_attn
    with torch.no_grad():
        last.q_proj.weight.zero_()
        last.q_proj.bias.zero_()
        last.v_proj.weight.zero_()  # every value is the bias, whatever is attended to
        own.v_proj.weight.zero_()
        seen, other = model.see(batch.images), alone.see(batch.images)
    torch.testing.assert_close(seen.values, seen.patches, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(other.values, seen.values, atol=1e-5, rtol=1e-4)


def test_it_starts_with_what_tiny_sam3_knows(model: Trainee, batch: Batch) -> None:
    sam3 = Sam3Model.from_pretrained(locate("tiny:sam3"), dtype=torch.float32).eval()
    ids = encode(["dog", "traffic light", "brick wall"])
    vision = model.clip.vision_model
    with torch.no_grad():
        theirs = sam3.vision_encoder.backbone(batch.images).last_hidden_state
        ours = vision(batch.images).last_hidden_state[:, 1:]
        read = model.clip.text_model(input_ids=ids).last_hidden_state
        known = sam3.text_encoder(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state
    alike = torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1]
    assert float(alike) > 0.5
    torch.testing.assert_close(read[ids > 0], known[ids > 0], atol=1e-4, rtol=1e-4)


def test_words_of_captions_and_templates_are_tokens_after_all_others() -> None:
    plain, more = vocabulary(), vocabulary(OTHER_WORDS)
    known = [token for token in plain if not token.startswith("[unused")]
    assert [token for token in more if token in set(known)] == known
    tokens = build_tokenizer(OTHER_WORDS).tokenize("An oil painting of two dogs under the sky")
    assert tokens == ["an", "oil", "painting", "of", "two", "dog", "##s", "under", "the", "sky"]


def test_phrases_are_true_of_what_they_mean(batch: Batch) -> None:
    asked = [*plain_phrases(), Phrase("elephant")]
    right = true_of(batch, asked)
    assert right.shape == (*batch.categories.shape, len(asked))
    assert not bool(right[..., -1].any())
    middle = batch.category_map()[:, PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].flatten(1)
    patches = patch_truth(batch, right, PATCH)
    assert torch.equal(patches[..., : len(CATEGORIES)].argmax(-1), middle)
    there, counted = whole_truth(batch, right)
    for index in range(3):
        kinds = {category for _, category, _ in visible(batch, index)}
        for position, category in enumerate(CATEGORIES):
            assert bool(there[index, position]) == (category in kinds)
            at_all = bool((batch.category_map()[index] == position).any())
            assert bool(counted[index, position]) == (category in kinds or not at_all)


def test_classes_come_first_and_half_of_all_in_a_sentence() -> None:
    asked = phrases(np.random.default_rng(0))
    assert [list(phrase.categories) for phrase in asked[: len(CATEGORIES)]] == [
        [category] for category in CATEGORIES
    ]
    plain = {phrase.text for phrase in asked if not re.search(r"\b(a|the|of)\b|\.", phrase.text)}
    assert 0.3 < len(plain) / len(asked) < 0.7


def test_a_caption_does_not_count_for_a_picture_that_lost_something(batch: Batch) -> None:
    assert uncropped(batch).tolist() == [1, 1, 1]
    things = (batch.names >= 0).any(1)
    cropped = replace(batch, kept=batch.kept * 0.1)
    assert uncropped(cropped).tolist() == (~things).float().tolist()


def test_what_is_trained_gets_a_gradient_and_all_is_trained(
    model: Trainee, batch: Batch, scenes: Cache
) -> None:
    asked = phrases(np.random.default_rng(0))
    costs = losses(model, batch, scenes.captions[:3], asked)
    torch.stack(list(costs.values())).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    trained = [p for group in groups(model, 1e-3, {"text_model": 0.5}) for p in group["params"]]
    assert len(trained) == len(set(trained)) == len(list(model.parameters()))


def test_a_few_steps_lower_every_loss(model: Trainee, batch: Batch, scenes: Cache) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    asked = phrases(np.random.default_rng(0))
    seen = []
    for _ in range(8):
        costs = losses(model, batch, scenes.captions[:3], asked)
        optimizer.zero_grad()
        torch.stack(list(costs.values())).sum().backward()
        optimizer.step()
        seen.append({name: float(cost.detach()) for name, cost in costs.items()})
    for name, first in seen[0].items():
        assert seen[-1][name] < first, name


def test_bfloat16_says_nearly_the_same_and_keeps_float32_weights(
    model: Trainee, batch: Batch
) -> None:
    quick = Trainee(quick=True)
    quick.load_state_dict(model.state_dict())
    with torch.no_grad():
        exact, near = model.see(batch.images), quick.see(batch.images)
    for name in ("whole", "patches", "values"):
        one, other = getattr(exact, name), getattr(near, name)
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert float((one * other).sum(-1).min()) > 0.97, name
    assert {p.dtype for p in quick.parameters()} == {torch.float32}


def test_the_truth_scores_full_marks_and_errors_cost_their_figure() -> None:
    right, wrong = ClipScore(), ClipScore()
    for index in range(6):
        scene = draw_scene(3, index, (48, 64))
        kinds = torch.tensor([WORDS.index(r.category) for r in scene.regions])
        labels = kinds[torch.from_numpy(scene.segments).long()]
        there = torch.isin(torch.arange(len(WORDS)), kinds).float()
        maps = F.one_hot(labels, len(WORDS)).movedim(-1, 0).float()
        limits = torch.full((len(WORDS),), 0.5)
        right.add(Cosines(there, {"patches": maps, "values": maps}), scene, limits)
        wrong.add(Cosines(1 - there, {"patches": maps, "values": -maps}), scene, limits)
    assert all(value == pytest.approx(1) for value in right.summary().values())
    assert wrong.summary()["presence F1"] == 0
    assert wrong.summary()["patches mIoU"] == pytest.approx(1)
    assert wrong.summary()["values mIoU"] < 0.1


def test_an_export_is_the_stock_model_in_half_precision(
    model: Trainee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {name.removeprefix("clip."): v for name, v in model.state_dict().items()}
    trained = {name: v for name, v in state.items() if not name.endswith("_bias")}
    monkeypatch.setattr(clip, "averaged", lambda run, part: trained)
    export(tmp_path / "out", tmp_path)
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) < 8_000_000
    loaded = CLIPModel.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    scene = draw_scene(3, 0, (96, 128))
    inputs = processor(images=scene.image, text=["traffic light"], return_tensors="pt")
    assert inputs.pixel_values.shape == (1, 3, SIDE, SIDE)
    with torch.no_grad():
        theirs = loaded(pixel_values=inputs.pixel_values, input_ids=inputs.input_ids)
        found = look(loaded, scene, names(loaded))
    assert float(theirs.logits_per_image.abs()) > 0
    assert found.maps["values"].shape == (len(WORDS), 96, 128)
    assert found.whole.shape == (len(WORDS),)
