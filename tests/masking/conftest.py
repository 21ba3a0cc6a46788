"""Very small networks of the real classes, with random weights that do something."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import (
    SamConfig,
    SamHQConfig,
    SamHQMaskDecoderConfig,
    SamHQModel,
    SamHQPromptEncoderConfig,
    SamHQVisionConfig,
    SamImageProcessor,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

SIDE, PATCH = 64, 8
VISION = {
    "hidden_size": 32,
    "output_channels": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
    "window_size": 4,
    "global_attn_indexes": [1],
    "num_pos_feats": 16,
    "mlp_dim": 32,
}
PROMPT = {"hidden_size": 32, "image_size": SIDE, "patch_size": PATCH, "mask_input_channels": 4}
DECODER = {"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16}


def lively(model: nn.Module) -> nn.Module:
    """Fill the weights: the default initialisation of SAM's encoder is all but zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
        scale = 1.5 / fan_in**0.5 if parameter.ndim > 1 else 0.1
        noise = torch.randn(parameter.shape, generator=generator) * scale
        keep = parameter.data if parameter.ndim == 1 else torch.zeros(())
        parameter.data = keep + noise
    shared = model.shared_image_embedding.positional_embedding
    shared.data = torch.randn(shared.shape, generator=generator)
    model.prompt_encoder.shared_embedding.positional_embedding.data = shared.data.clone()
    return model.eval()


@pytest.fixture(scope="session")
def processor() -> SamImageProcessor:
    return SamImageProcessor(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})


@pytest.fixture(scope="session")
def sam_model() -> SamModel:
    config = SamConfig(
        vision_config=SamVisionConfig(**VISION),
        prompt_encoder_config=SamPromptEncoderConfig(**PROMPT),
        mask_decoder_config=SamMaskDecoderConfig(**DECODER),
    )
    return lively(SamModel(config))


@pytest.fixture(scope="session")
def sam_hq_model() -> SamHQModel:
    config = SamHQConfig(
        vision_config=SamHQVisionConfig(**VISION),
        prompt_encoder_config=SamHQPromptEncoderConfig(**PROMPT),
        mask_decoder_config=SamHQMaskDecoderConfig(**DECODER, vit_dim=32),
    )
    return lively(SamHQModel(config))
