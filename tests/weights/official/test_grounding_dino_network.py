"""The authors' network against transformers', with the same weights.

Both keep the best-ranked image tokens as proposals, and the rank of a proposal decides which
learned embedding it is joined with. Two tokens whose scores differ by less than rounding may change
places between the two, and rows of the output with them. Here transformers takes the proposals that
the package took, so that everything else has to agree.
"""

from __future__ import annotations

import sys

import pytest
import torch
from transformers import BatchEncoding

from benchmarks.parity_dino import (
    CLS,
    SEP,
    STOP,
    Pair,
    SpecialTokens,
    largest,
    noise_pixels,
    prompts,
    recorded_ranking,
    replayed_ranking,
    seeded_weights,
)
from tests.weights.official.dino_parts import small_config
from zeroseg.errors import CheckpointError, PackageNotFound, ZerosegError
from zeroseg.weights.official.grounding_dino_network import build_official, load_official

TEXTS = prompts(1060)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Pair.of(small_config())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("shape", [(96, 96), (160, 224), (250, 130)])
def test_networks_agree(pair: Pair, shape: tuple[int, int], text: list[int]) -> None:
    apart = pair.compare([shape], text)
    assert apart["logits"] < 1e-3
    assert apart["boxes"] < 1e-3


def test_networks_agree_on_a_padded_batch(pair: Pair) -> None:
    apart = pair.compare([(160, 100), (96, 224), (130, 130)], TEXTS["three prompts"])
    assert apart["logits"] < 1e-3
    assert apart["boxes"] < 1e-3


def test_a_batch_of_texts_agrees_with_the_package_image_by_image(pair: Pair) -> None:
    pixels = torch.stack([noise_pixels(96, 130), noise_pixels(96, 130).flip(2)])
    texts = [TEXTS["one prompt"], TEXTS["three prompts"]]
    length = max(len(text) for text in texts)
    ids = torch.tensor([text + [0] * (length - len(text)) for text in texts])
    batch = BatchEncoding({"input_ids": ids, "attention_mask": (ids > 0).long()})
    with torch.no_grad(), recorded_ranking() as taken:
        theirs = [
            pair.official(image[None], captions=BatchEncoding({k: v[None] for k, v in own.items()}))
            for image, text in zip(pixels, texts, strict=True)
            for own in [{"input_ids": torch.tensor(text), "attention_mask": torch.ones(len(text))}]
        ]
    with torch.no_grad(), replayed_ranking([torch.cat(taken)]):
        mine = pair.ours(pixel_values=pixels, **batch)
    for i, text in enumerate(texts):
        own = slice(len(text))
        assert largest(theirs[i]["pred_logits"][0, :, own], mine.logits[i, :, own]) < 1e-3
        assert largest(theirs[i]["pred_boxes"][0], mine.pred_boxes[i]) < 1e-3


def test_prompts_do_not_see_each_other(pair: Pair) -> None:
    a, b, c = 1040, 1045, 1050
    texts = [[CLS, a, STOP, b, STOP, SEP], [CLS, a, STOP, c, STOP, SEP]]
    ids = torch.tensor(texts)
    mask = torch.zeros(2, 6, 6, dtype=torch.bool)
    for start, stop in ((0, 1), (1, 3), (3, 5), (5, 6)):
        mask[:, start:stop, start:stop] = True
    with torch.no_grad():
        read = pair.official.bert(ids, mask, torch.tensor([[0, 0, 1, 0, 1, 0]] * 2))[0]
    torch.testing.assert_close(read[0, :3], read[1, :3])
    assert float((read[0, 3] - read[1, 3]).abs().max()) > 0.1


def test_weights_that_do_not_fit_the_package_are_named() -> None:
    config = small_config(encoder_layers=1, decoder_layers=1)
    weights = seeded_weights(config)
    for key, value, complaint in (
        ("feat_map.bias", None, "missing: feat_map.bias"),
        ("feat_map.bias", torch.zeros(3), "shape of feat_map.bias"),
        ("transformer.extra", torch.zeros(3), "unexpected: transformer.extra"),
    ):
        changed = {**weights, key: value}
        if value is None:
            del changed[key]
        with pytest.raises(CheckpointError, match=complaint):
            load_official(config, changed, SpecialTokens())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "groundingdino.models.GroundingDINO.groundingdino"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PackageNotFound, match=r'pip install "zeroseg\[official\]"') as caught:
        build_official(small_config(), SpecialTokens())
    assert isinstance(caught.value, ZerosegError) and isinstance(caught.value, ImportError)
