"""Words and patches of CLIP, SigLIP and TIPSv2: what transformers' own networks say of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from tests.encoders.encoder_parts import ENCODERS, LENGTH, PATCH, SIDE
from zeroseg.encoders.image_text_encoder import ImageTextEncoder, WordVectors
from zeroseg.encoders.published import (
    ClipEncoder,
    SiglipEncoder,
    Tipsv2Encoder,
    encoder_of,
    load_encoder,
)
from zeroseg.encoders.templates import TEMPLATES, templates_of
from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.testing import noise

WORDS = ["dog", "potted plant", "sky"]


@pytest.fixture(scope="module", params=list(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> ImageTextEncoder:
    return encoder_of(*ENCODERS[request.param]())


@torch.no_grad()
def projected(encoder: ImageTextEncoder, pixels: Tensor) -> Tensor:
    hidden = encoder.tokens(pixels)
    return encoder.project(encoder.last.whole(hidden, None))


@torch.no_grad()
@pytest.mark.parametrize("size", [(SIDE, SIDE), (PATCH, 5 * PATCH), (48, 24)])
def test_tokens_are_the_networks_own_at_any_size(
    encoder: ImageTextEncoder, size: tuple[int, int]
) -> None:
    pixels = encoder.pixels([noise(*size), noise(*size, seed=1)], size)
    model: Any = encoder.model
    interpolated = {} if isinstance(encoder, Tipsv2Encoder) else {"interpolate_pos_encoding": True}
    theirs = model.vision_model(pixels, **interpolated)
    hidden = encoder.last.whole(encoder.tokens(pixels), None)
    assert hidden.shape[1] == encoder.special + size[0] * size[1] // PATCH**2
    if isinstance(encoder, ClipEncoder):  # its last norm is for the class token
        expected = model.visual_projection(
            model.vision_model.post_layernorm(theirs.last_hidden_state)
        )
        pooled = model.get_image_features(pixels, interpolate_pos_encoding=True).pooler_output
        torch.testing.assert_close(projected(encoder, pixels)[:, 0], pooled)
    elif isinstance(encoder, SiglipEncoder):
        patches = theirs.last_hidden_state
        expected = torch.stack([model.vision_model.head(own[:, None]) for own in patches])
    else:
        expected = theirs.last_hidden_state
        torch.testing.assert_close(projected(encoder, pixels)[:, 0], theirs.pooler_output)
    torch.testing.assert_close(projected(encoder, pixels), expected, atol=1e-5, rtol=1e-4)


def test_pixels_of_a_fitting_picture_are_the_processors_own(encoder: ImageTextEncoder) -> None:
    image = noise(SIDE, SIDE)
    theirs = encoder.processor.image_processor(
        image, input_data_format="channels_first", return_tensors="pt"
    )["pixel_values"]
    torch.testing.assert_close(encoder.pixels([image], (SIDE, SIDE)), theirs)


@torch.no_grad()
def test_a_word_is_the_unit_mean_of_its_sentences(encoder: ImageTextEncoder) -> None:
    templates = ("a {}.", "the {}", "many {}s")
    vectors = WordVectors(templates, 10).encode(encoder, WORDS, at_once=2)
    for word in WORDS:
        sentences = [template.format(word) for template in templates]
        whole = {"padding": "max_length", "max_length": LENGTH}
        padding = whole if isinstance(encoder, SiglipEncoder) else {"padding": True}
        inputs = encoder.processor(text=sentences, return_tensors="pt", **padding)
        if isinstance(encoder, SiglipEncoder):
            del inputs["attention_mask"]  # its own tokenizer gives none
        theirs = F.normalize(encoder.model.get_text_features(**inputs).pooler_output, dim=-1)
        expected = F.normalize(theirs.mean(0), dim=0)
        torch.testing.assert_close(vectors[word], expected, atol=1e-5, rtol=1e-4)
    assert float(vectors["dog"] @ vectors["sky"]) < 0.99


def test_words_are_read_once_until_weights_change(encoder: ImageTextEncoder) -> None:
    words = WordVectors(("{}",), kept=2)
    with torch.no_grad():
        first = words.encode(encoder, WORDS, at_once=8)
        again = words.encode(encoder, WORDS, at_once=8)
        assert again["sky"] is first["sky"]
        assert again["dog"] is not first["dog"]  # only the last two are kept
        encoder.weight.mul_(1.0)
        fresh = words.encode(encoder, ["sky"], at_once=8)
    assert fresh["sky"] is not first["sky"]
    torch.testing.assert_close(fresh["sky"], first["sky"])


def test_what_is_too_long_is_refused(encoder: ImageTextEncoder) -> None:
    with pytest.raises(ValueError, match="has 72 tokens, but the network reads at most 48"):
        encoder.read(["dog", "z" * 70])


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_saved_parts_load_as_a_checkpoint(kind: str, tmp_path: Path) -> None:
    parts = ENCODERS[kind]()
    for part in parts:
        part.save_pretrained(tmp_path)
    before, after = encoder_of(*parts), encoder_of(*load_encoder(tmp_path, "Me"))
    image = noise(40, 56)
    with torch.no_grad():
        pixels = after.pixels([image], (40, 56))
        torch.testing.assert_close(pixels, before.pixels([image], (40, 56)))
        torch.testing.assert_close(projected(after, pixels), projected(before, pixels))
        torch.testing.assert_close(after.read(WORDS), before.read(WORDS))


def test_other_networks_are_refused(tmp_path: Path) -> None:
    other = SegformerForSemanticSegmentation(
        SegformerConfig(hidden_sizes=[8] * 4, depths=[1] * 4, decoder_hidden_size=8)
    )
    with pytest.raises(TypeError, match="SegformerForSemanticSegmentation is no image-text"):
        encoder_of(other, None)
    other.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is a segformer, expected a clip or siglip or"):
        load_encoder(tmp_path, "PatchScorer")
    with pytest.raises(CheckpointNotFound, match="PatchScorer needs the checkpoint"):
        load_encoder(tmp_path / "nowhere", "PatchScorer")


def test_templates_are_known_by_name_or_given() -> None:
    assert templates_of("tcl9") == TEMPLATES["tcl9"]
    assert len(templates_of("tcl9")) == 9
    assert templates_of("a drawing of a {}") == ("a drawing of a {}",)
    assert templates_of(["{}", "a {}"]) == ("{}", "a {}")
    for wrong in ("imagenet80", [], ["a {}", "a photo"]):
        with pytest.raises(ValueError, match="expected one of"):
            templates_of(wrong)
