"""SAM 3 networks of a few numbers, with weights that depend on nothing but their names."""

from __future__ import annotations

import string
import zlib
from typing import Any

import torch
from torch import nn
from transformers import (
    CLIPTokenizer,
    Sam3Config,
    Sam3ImageProcessor,
    Sam3LiteTextConfig,
    Sam3LiteTextModel,
    Sam3Model,
    Sam3Processor,
)

SIDE, PATCH, MASK = 48, 8, 12
WORDS = ("dog", "cat", "potted", "plant", "person", "boat", "sky", "grass")
_ENDS = ("<|startoftext|>", "<|endoftext|>")
_LETTERS = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
ROWS = len(_LETTERS) + len(_ENDS)
_WIDTH = {"hidden_size": 16, "num_attention_heads": 2}
_NARROW = {**_WIDTH, "intermediate_size": 16, "dropout": 0.0}
VISION: dict[str, Any] = {
    "backbone_config": {
        "model_type": "sam3_vit_model", **_WIDTH, "intermediate_size": 32, "num_hidden_layers": 2,
        "image_size": SIDE, "patch_size": PATCH, "window_size": 3, "global_attn_indexes": [1],
        "pretrain_image_size": SIDE,
    },
    "fpn_hidden_size": 16,
    "scale_factors": [2.0, 1.0, 0.5],
    "backbone_feature_sizes": [[12, 12], [6, 6], [3, 3]],
}  # fmt: skip
TEXT = {**_WIDTH, "intermediate_size": 16, "projection_dim": 16, "num_hidden_layers": 1,
        "vocab_size": ROWS, "max_position_embeddings": 32}  # fmt: skip
CLIP_TEXT = {"model_type": "clip_text_model", "bos_token_id": ROWS - 2, "eos_token_id": ROWS - 1}
PARTS = {
    "geometry_encoder_config": {**_NARROW, "num_layers": 1, "roi_size": 3},
    "detr_encoder_config": {**_NARROW, "num_layers": 1},
    "detr_decoder_config": {**_NARROW, "num_layers": 3, "num_queries": 10},
    "mask_decoder_config": {**_WIDTH, "num_upsampling_stages": 1},
}


def tokenizer() -> CLIPTokenizer:
    """Every letter is a token."""
    words = {word: i for i, word in enumerate([*_LETTERS, *_ENDS])}
    return CLIPTokenizer(vocab=words, merges=[], model_max_length=32)


def processor() -> Sam3Processor:
    images = Sam3ImageProcessor(
        size={"height": SIDE, "width": SIDE}, mask_size={"height": MASK, "width": MASK}
    )
    return Sam3Processor(images, tokenizer())


@torch.no_grad()
def lively(model: nn.Module) -> nn.Module:
    """Weights of which the answers to different pictures and words differ."""
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            dice = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            weight.normal_(0, 1.3 * weight[0].numel() ** -0.5, generator=dice)
    return model.eval()


def config() -> Sam3Config:
    return Sam3Config(vision_config=VISION, text_config={**TEXT, **CLIP_TEXT}, **PARTS)


def sam3_model() -> Sam3Model:
    return lively(Sam3Model(config()))


def lite_model() -> Sam3LiteTextModel:
    vision = {"model_type": "sam3_vision_model", **VISION}
    return lively(
        Sam3LiteTextModel(Sam3LiteTextConfig(vision_config=vision, text_config=TEXT, **PARTS))
    )
