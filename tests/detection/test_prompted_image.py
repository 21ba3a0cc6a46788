"""One image and many prompts: what the whole network says, and what is done for it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import Sam3Config, Sam3Model

from tests.detection.sam3_parts import CLIP_TEXT, PARTS, TEXT, VISION, lively, processor
from zeroseg.detection.concept_texts import ConceptTexts, Texts, together
from zeroseg.detection.prompted_image import PromptedImage
from zeroseg.testing import noise

PROMPTS = ("dog", "potted plant", "person", "sky")


def network(layers: int, levels: list[float]) -> Any:
    """A SAM 3 with so many layers of the encoder, and masks at the first of the neck's levels."""
    parts, vision = copy.deepcopy(PARTS), copy.deepcopy(VISION)
    parts["detr_encoder_config"]["num_layers"] = layers
    parts["mask_decoder_config"]["num_upsampling_stages"] = len(levels) - 2
    vision |= {
        "scale_factors": levels,
        "backbone_feature_sizes": [[int(6 * level)] * 2 for level in levels],
    }
    return lively(
        Sam3Model(Sam3Config(vision_config=vision, text_config=TEXT | CLIP_TEXT, **parts))
    )


@torch.no_grad()
def asked(model: Any) -> tuple[PromptedImage, Texts, Any]:
    """An image, prompts, and the answers of the network as it is."""
    inputs = processor()(images=[noise(40, 56)] * 4, text=list(PROMPTS), return_tensors="pt")
    seen = model.get_vision_features(pixel_values=inputs["pixel_values"][:1])
    texts = ConceptTexts(processor().tokenizer, 0).encode(model, PROMPTS, 10)
    words = together([texts[prompt] for prompt in PROMPTS])
    return PromptedImage(model, seen), words, model(**inputs)


@pytest.mark.parametrize(
    ("layers", "levels"), [(0, [1.0, 0.5]), (1, [2.0, 1.0, 0.5]), (3, [4.0, 2.0, 1.0, 0.5])]
)
@torch.no_grad()
def test_it_says_what_the_whole_network_says(layers: int, levels: list[float]) -> None:
    image, words, expected = asked(network(layers, levels))
    answers = image.ask(words)
    prompts, queries = torch.ones(4, 10).nonzero().unbind(1)
    for own, theirs in (
        (answers.logits, expected.pred_logits),
        (answers.presence, expected.presence_logits[:, 0]),
        (answers.dense, expected.semantic_seg[:, 0]),
        (image.masks(answers, prompts, queries), expected.pred_masks.flatten(0, 1)),
    ):
        torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)
    some = torch.tensor([3, 11, 12, 39])
    masks = image.masks(answers, prompts[some], queries[some])
    torch.testing.assert_close(masks, expected.pred_masks.flatten(0, 1)[some], atol=1e-4, rtol=1e-4)
    assert image.masks(answers, prompts[:0], queries[:0]).shape == (0, *answers.dense.shape[1:])


@torch.no_grad()
def test_what_prompts_share_is_done_once() -> None:
    model = network(2, [2.0, 1.0, 0.5])
    image, words, _ = asked(model)
    calls: list[tuple[str, int]] = []
    for name in ("0.self_attn", "1.self_attn"):
        attention = model.detr_encoder.layers.get_submodule(name)
        attention.register_forward_hook(
            lambda _, __, output, name=name: calls.append((name, len(output[0])))
        )
    for _ in range(2):
        image.ask(words)
    assert calls == [("1.self_attn", 4)] * 2  # the first one's was asked when the image came
