"""Image-text encoders of a few numbers, with weights that depend on nothing but their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    Tipsv2Config,
    Tipsv2ImageProcessor,
    Tipsv2Model,
    Tipsv2Processor,
)

from tests.detection.prompt_parts import clip_words
from tests.detection.sam3_parts import lively

SIDE, PATCH, LENGTH = 32, 8, 48
_WIDTH = {"hidden_size": 16, "num_attention_heads": 2}
_DEEP = {**_WIDTH, "intermediate_size": 32, "num_hidden_layers": 3}
VISION = {**_DEEP, "image_size": SIDE, "patch_size": PATCH}
SIZE = {"height": SIDE, "width": SIDE}


def text(**more: Any) -> dict[str, Any]:
    """A text encoder's configuration."""
    return {
        **_DEEP,
        "vocab_size": len(clip_words(LENGTH)),
        "max_position_embeddings": LENGTH,
        **more,
    }


def seeded(kind: Callable[[Any], nn.Module], config: Any) -> nn.Module:
    """A network of a configuration, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return lively(kind(config))


def clip() -> tuple[Any, Any]:
    last = len(clip_words(LENGTH)) - 1
    ends = {"bos_token_id": last - 1, "eos_token_id": last}
    config = CLIPConfig(text_config=text(**ends), vision_config=VISION, projection_dim=12)
    images = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIZE)
    return seeded(CLIPModel, config), CLIPProcessor(images, clip_words(LENGTH))


def siglip() -> tuple[Any, Any]:
    ends = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0, "projection_size": 16}
    config = SiglipConfig(text_config=text(**ends), vision_config=VISION)
    return seeded(SiglipModel, config), SiglipProcessor(
        SiglipImageProcessor(size=SIZE), clip_words(LENGTH)
    )


def tipsv2() -> tuple[Any, Any]:
    vision = {**_WIDTH, "num_hidden_layers": 3, "image_size": SIDE, "patch_size": PATCH}
    config = Tipsv2Config(
        text_config=text(), vision_config={**vision, "mlp_ratio": 2, "num_register_tokens": 2}
    )
    return seeded(Tipsv2Model, config), Tipsv2Processor(
        Tipsv2ImageProcessor(size=SIZE), clip_words(LENGTH)
    )


ENCODERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "clip": clip,
    "siglip": siglip,
    "tipsv2": tipsv2,
}
