"""Patches against words: the contract, the equation, windows, words, sizes and memory."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.baselines.conftest import proposals_of
from tests.dense.dense_parts import ODD, PROMPTS, ask, assert_same, check_any_company
from tests.encoders.encoder_parts import ENCODERS, PATCH, SIDE, clip, siglip, tipsv2
from tests.masking.test_sam import LargestTensor
from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.dense.patch_scorer import PatchScorer
from zeroseg.errors import CheckpointNotFound
from zeroseg.testing import DenseScorerContract, noise
from zeroseg.values import DISTRACTOR, Selection
from zeroseg.weights.needs import Checkpoint
from zeroseg.weights.offload import offload


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return clip()


def make(parts: tuple[Any, Any], **options: Any) -> PatchScorer:
    return PatchScorer(*parts, **{"templates": "photo", **options})


class TestClipContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return make(clip())


class TestSiglipContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return make(siglip())


class TestTipsv2Contract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return make(tipsv2())


class TestOffloadedContract(DenseScorerContract):
    def part(self) -> DenseScorer:
        return offload(make(clip()))


@torch.no_grad()
def cosines(parts: tuple[Any, Any], pixels: Tensor, words: list[str]) -> Tensor:
    """Of the patches of one window, as CLIP itself has them, with each word: (P, rows, columns)."""
    model, processor = parts
    vision = model.vision_model
    tokens = vision(pixels, interpolate_pos_encoding=True).last_hidden_state[0, 1:]
    patches = F.normalize(model.visual_projection(vision.post_layernorm(tokens)), dim=-1)
    sentences = [f"a photo of a {word}." for word in words]
    inputs = processor(text=sentences, padding=True, return_tensors="pt")
    texts = F.normalize(model.get_text_features(**inputs).pooler_output, dim=-1)
    rows = pixels.shape[2] // PATCH
    return (texts @ patches.T).unflatten(1, (rows, -1))


def seen(parts: tuple[Any, Any], image: Tensor) -> Tensor:
    """A picture whose sides are whole patches, as the processor prepares it."""
    return parts[1].image_processor(
        image, do_resize=False, do_center_crop=False,
        input_data_format="channels_first", return_tensors="pt",
    )["pixel_values"]  # fmt: skip


def test_one_window_with_the_networks_attention_is_the_network_itself(
    parts: tuple[Any, Any],
) -> None:
    image = noise(SIDE, SIDE)
    [found] = make(parts, attention="own", short_side=SIDE)([image], [ask(*PROMPTS)])
    logits = 40 * cosines(parts, seen(parts, image), [*PROMPTS, "background"])
    torch.testing.assert_close(found.maps, logits.softmax(0)[:-1], atol=1e-5, rtol=1e-4)
    assert float(found.maps.std()) > 0.05  # places and words differ


def test_logits_of_overlapping_windows_are_averaged(parts: tuple[Any, Any]) -> None:
    """Softmax of the mean of cosines, window by window, of two rows of three windows."""
    image = noise(6 * PATCH, 8 * PATCH)
    part = make(parts, attention="own", short_side=6 * PATCH, window=4 * PATCH, stride=2 * PATCH)
    [found] = part([image], [ask(*PROMPTS)])
    total, count = torch.zeros(6, 6, 8), torch.zeros(6, 8)
    for y in (0, 2):
        for x in (0, 2, 4):
            shown = image[:, y * PATCH : (y + 4) * PATCH, x * PATCH : (x + 4) * PATCH]
            place = (slice(y, y + 4), slice(x, x + 4))
            own = cosines(parts, seen(parts, shown), [*PROMPTS, "background"])
            total[:, place[0], place[1]] += own
            count[place] += 1
    expected = (40 * total / count).softmax(0)[:-1]
    torch.testing.assert_close(found.maps, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_company_and_sizes_change_nothing(kind: str) -> None:
    check_any_company(make(ENCODERS[kind](), batch_size=3))


def test_the_usual_way_is_that_of_the_publications() -> None:
    for build, attention in ((clip, "naclip"), (siglip, "maskclip"), (tipsv2, "maskclip")):
        parts = build()
        image, asked = [noise(40, 56)], [ask("dog", "sky")]
        assert_same(make(parts)(image, asked)[0], make(parts, attention=attention)(image, asked)[0])
    framing = make(clip()).framing
    assert (framing.window, framing.stride, framing.short_side) == (SIDE, SIDE // 2, SIDE * 3 // 2)
    framing = make(tipsv2()).framing
    assert (framing.window, framing.stride, framing.short_side) == (SIDE, SIDE * 3 // 4, SIDE)


def test_words_share_a_place_with_distractors_and_others(parts: tuple[Any, Any]) -> None:
    image, asked = [noise(40, 56)], [Selection(("dog", "sky"), (1, DISTRACTOR))]
    [alone] = make(parts, others=())(image, [ask("dog")])
    assert bool((alone.maps == 1).all())  # the only word there is
    [closed] = make(parts, others=())(image, asked)
    torch.testing.assert_close(closed.maps.sum(0), torch.ones(closed.maps.shape[1:]))
    [open_] = make(parts, others=("wall", "dog"))(image, asked)  # one that is asked for counts once
    assert len(open_) == 2
    assert bool((open_.maps.sum(0) < 1).all())
    ratio = open_.maps[0] / closed.maps[0]
    torch.testing.assert_close(ratio, open_.maps[1] / closed.maps[1], atol=1e-3, rtol=1e-3)


def test_a_word_scores_by_its_sentences(parts: tuple[Any, Any]) -> None:
    image, asked = [noise(40, 56)], [ask("dog", "sky")]
    found = [make(parts, templates=own)(image, asked)[0] for own in ("none", "{}", "imagenet7")]
    assert_same(found[0], found[1])
    assert float((found[0].maps - found[2].maps).abs().max()) > 1e-3


def test_long_lists_and_large_pictures_take_bounded_memory(parts: tuple[Any, Any]) -> None:
    """1,203 words on 12 megapixels: no tensor is larger than the picture or the answer."""
    names = [f"{a}{b}{c}" for a in "abcdefghijk" for b in "lmnopqrstuv" for c in "abcdefghij"]
    image, asked = noise(3000, 4000), ask(*names[:1203])
    part = make(parts, templates="none")
    with LargestTensor() as watched:
        [found] = part([image], [asked])
    assert found.maps.shape == (1203, 6, 8)
    assert watched.size <= image.numel()  # a byte each


@pytest.mark.parametrize("size", ODD)
def test_maps_lie_where_the_picture_shows_it(parts: tuple[Any, Any], size: tuple[int, int]) -> None:
    [found] = make(parts)([noise(*size)], [ask("dog", "sky")])
    assert found.geometry.size == size
    assert found.full().shape == (2, *size)


def test_a_place_is_scored_by_what_is_there(parts: tuple[Any, Any]) -> None:
    """Halves that change places take their scores along; windows of one patch know no place."""
    left, right = noise(48, 48, 1), noise(48, 48, 2)
    part = make(parts, attention="maskclip", window=PATCH, stride=PATCH, short_side=48)
    one, other = part(
        [torch.cat([left, right], 2), torch.cat([right, left], 2)], [ask("dog", "sky")] * 2
    )
    torch.testing.assert_close(one.maps[..., :6], other.maps[..., 6:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(one.maps[..., 6:], other.maps[..., :6], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_region_knows_nothing_of_another_where_only_one_layer_mixes(kind: str) -> None:
    """Two windows over pictures whose right halves differ, the regions being the halves."""
    part = make(ENCODERS[kind](), attention="clearclip", others=())
    layers = part.encoder.vision.encoder.layers  # type: ignore[attr-defined]
    for layer in layers[:-1]:
        layer.forward = lambda hidden, mask: hidden
    left, right = noise(48, 48, 1), [noise(48, 48, 2), noise(48, 48, 3)]
    images = [torch.cat([left, own], 2) for own in right]
    proposals = [proposals_of([(0, 0, 48, 48), (48, 0, 96, 48)], 48, 96)] * 2
    alone, told = (
        [own.maps[:, :, :6] for own in found]
        for found in (
            part(images, [ask("dog", "sky")] * 2),
            part.within(images, [ask("dog", "sky")] * 2, proposals),
        )
    )
    torch.testing.assert_close(told[0], told[1], atol=1e-5, rtol=1e-4)
    assert float((alone[0] - alone[1]).abs().max()) > 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_full_precision_values(dtype: torch.dtype) -> None:
    image, asked = [noise(40, 56)], [ask("dog", "person", "sky")]
    exact = make(clip(), logit_scale=5)(image, asked)[0]
    [found] = make(clip(), logit_scale=5).to(dtype)(image, asked)
    assert found.maps.dtype == torch.float32
    assert float((found.maps - exact.maps).abs().mean()) < 0.05


def test_offloaded_weights_answer_the_same(parts: tuple[Any, Any]) -> None:
    images, asked = [noise(40, 56, 1), noise(56, 40, 2)], [ask(*PROMPTS), ask("dog")]
    away = offload(make(copy.deepcopy(parts)))
    for _ in range(2):  # with words that are kept, too
        with torch.inference_mode():
            answers = away(images, asked)
        for one, other in zip(make(parts)(images, asked), answers, strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_saved_parts_load_as_a_checkpoint(kind: str, tmp_path: Path) -> None:
    parts = ENCODERS[kind]()
    for part in parts:
        part.save_pretrained(tmp_path)
    loaded = PatchScorer.from_pretrained(tmp_path, templates="photo")
    image, asked = [noise(40, 56)], [ask(*PROMPTS)]
    assert_same(loaded(image, asked)[0], make(parts)(image, asked)[0])


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    assert list(PatchScorer.needs({"checkpoint": "a/b"})) == [Checkpoint("a/b")]
    with pytest.raises(CheckpointNotFound, match="PatchScorer needs the checkpoint"):
        PatchScorer.from_pretrained(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "dino"}, "attention is 'dino', expected one of"),
        ({"templates": "many"}, "templates are 'many', expected one of"),
        ({"logit_scale": 0}, "logit_scale is 0, expected a positive number"),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"kept_words": -1}, "kept_words is -1, expected at least 0"),
        ({"window": 12}, "window is 12, expected a multiple of 8"),
    ],
)
def test_wrong_options_are_refused(
    parts: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(parts, **options)


def test_bad_inputs_are_refused(parts: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="1 images but 2 selections"):
        make(parts)([noise()], [ask("dog"), ask("sky")])
    with pytest.raises(ValueError, match="reads at most 48"):
        make(parts)([noise()], [ask("z" * 70)])
    with pytest.raises(TypeError, match="no image-text encoder"):
        PatchScorer(torch.nn.Linear(1, 1), None)  # type: ignore[arg-type]
