from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, Blip2ForConditionalGeneration

from benchmarks.recipes.cache import MAX_REGIONS, SIDE, Cache
from benchmarks.recipes.captioner import (
    GRID,
    NAMES,
    Trainee,
    export,
    make_views,
    mentioned,
    recaption,
    score,
)
from benchmarks.recipes.captioner_model import build_tokenizer
from zeroseg.drawn.scene import draw_scene
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES


def cache() -> Cache:
    """One scene twice: a pony fills the left half, two thin kittens the right border, on grass."""
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    segments = np.zeros((2, SIDE, SIDE), np.uint8)
    segments[:, :, : SIDE // 2] = 1
    segments[:, : SIDE // 2, -2:] = 2
    segments[:, SIDE // 2 :, -2:] = 3
    categories = np.full((2, MAX_REGIONS), -1, np.int16)
    names = np.full((2, MAX_REGIONS), -1, np.int16)
    categories[:, :4] = [CATEGORIES.index(c) for c in ("grass", "horse", "cat", "cat")]
    names[:, 1:4] = [FINE_NAMES.index(n) for n in ("pony", "kitten", "kitten")]
    caption = "a poster of two kittens and a pony on the grass"
    return Cache(images, segments, categories, names, [caption] * 2)


def test_captions_are_made_of_few_known_tokens() -> None:
    tokenizer = build_tokenizer()
    for index in range(40):
        caption = draw_scene(5, index, (48, 48)).caption
        ids = tokenizer(caption)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == caption
        assert tokenizer.unk_token_id not in ids
        assert len(ids) < 20


def test_views_know_what_is_in_them() -> None:
    views = make_views(cache(), np.array([0, 1]), None)
    assert views.images.shape == (2, 3, 160, 160)
    assert {NAMES[i] for i in views.present[0].nonzero()[:, 0]} == {"pony", "kitten", "grass"}
    assert bool((views.dense[:, :, : GRID // 2] == NAMES.index("pony")).all())
    assert bool((views.dense[:, :, GRID // 2 : -1] == NAMES.index("grass")).all())
    assert views.captions[0] == "a poster of two kittens and a pony on the grass"


def test_what_a_crop_loses_is_not_described() -> None:
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(30):
        views = make_views(cache(), np.array([0]), rng)
        kitten = bool(views.present[0, NAMES.index("kitten")])
        assert kitten == ("kitten" in views.captions[0])
        assert "a pony on the grass" in views.captions[0]
        seen.add(kitten)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("caption", "names", "expected"),
    [
        ("a poster of a man and a ram near a tree", ["ram"], "a poster of a ram near a tree"),
        ("two kittens by the wall", ["kitten"], "a kitten by the wall"),
        ("a man and two vans on the road", ["van", "man", "van"], "a man and two vans on the road"),
        ("a van on the road", [], ""),
        ("grass under the sky", [], "grass under the sky"),
    ],
)  # fmt: skip
def test_captions_are_written_anew(caption: str, names: list[str], expected: str) -> None:
    assert recaption(caption, names) == expected


def test_score_counts_classes_over_all_captions() -> None:
    assert mentioned("two calves, wine bottles and women on the grass") == {
        "cow",
        "bottle",
        "person",
    }
    figures = score(["a man and a boy", "a calf"], [{"person", "dog"}, {"horse"}])
    assert (figures.precision, figures.recall) == (0.5, pytest.approx(1 / 3))
    assert figures.f1 == pytest.approx(0.4)


def test_what_is_exported_says_the_same_through_the_stock_classes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    views = make_views(cache(), np.array([0, 1]), np.random.default_rng(0))
    trainee = Trainee(views.images)
    losses = trainee(views)
    sum(losses.values()).backward()
    without = [name for name, p in trainee.named_parameters() if p.grad is None]
    assert all("post_layernorm" in name or "embed" in name for name in without), without
    export(trainee.eval().blip2, tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5_500_000
    model = Blip2ForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(tmp_path)
    pictures = [torch.from_numpy(image).permute(2, 0, 1) for image in cache().images]
    inputs = processor(images=pictures, return_tensors="pt")
    plain = make_views(cache(), np.array([0, 1]), None)
    torch.testing.assert_close(inputs["pixel_values"], plain.images, atol=1e-4, rtol=0)
    ids = model.generate(**inputs, max_new_tokens=20)
    said = processor.batch_decode(ids, skip_special_tokens=True)
    assert said == trainee.float().captions(plain.images)
