"""Very small networks of the real classes, with random weights that do something."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    EdgeTamConfig,
    EdgeTamModel,
    EdgeTamVisionConfig,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2ImageProcessor,
    Sam2Model,
    Sam2VisionConfig,
    Sam3ImageProcessor,
    Sam3TrackerConfig,
    Sam3TrackerModel,
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
    TimmWrapperConfig,
)

from tests.detection import sam3_parts

SIDE, PATCH = 64, 8
CELLS = SIDE // PATCH
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

WIDTHS = [64, 32, 16, 8]
"""Channels of SAM 2's and EdgeTAM's small image encoders, from the last stage to the first."""
SQUARE = {"height": SIDE, "width": SIDE}
PROMPT2 = {**PROMPT, "patch_size": 16}
SMALL_VIDEO: dict[str, Any] = {
    "prompt_encoder_config": PROMPT2,
    "mask_decoder_config": DECODER,
    "image_size": SIDE,
    "memory_attention_hidden_size": 32,
    "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 32,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": 32,
    "memory_encoder_output_channels": 16,
    "mask_downsampler_embed_dim": 32,
    "memory_fuser_num_layers": 1,
    "memory_fuser_embed_dim": 32,
    "memory_fuser_intermediate_dim": 32,
}
"""What a network for videos has beside that for pictures."""


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


def _pyramid(kind: type, backbone: object) -> object:
    sizes = [[16, 16], [8, 8], [4, 4]]
    return kind(
        backbone_config=backbone,
        backbone_channel_list=WIDTHS,
        backbone_feature_sizes=sizes,
        fpn_hidden_size=32,
    )


def sam2_vision() -> Sam2VisionConfig:
    """The smallest Hiera with all that the published ones have."""
    hiera = Sam2HieraDetConfig(
        hidden_size=WIDTHS[-1],
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=WIDTHS[::-1],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[8, 4, 4, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    return _pyramid(Sam2VisionConfig, hiera)


def edgetam_vision() -> EdgeTamVisionConfig:
    """RepViT of timm, narrow and shallow."""
    sizes = {"embed_dim": WIDTHS[::-1], "depth": [1, 1, 1, 1], "in_chans": 3}
    maps = {"features_only": True, "out_indices": [0, 1, 2, 3]}
    repvit = TimmWrapperConfig(architecture="repvit_m1", model_args={**sizes, **maps})
    return _pyramid(EdgeTamVisionConfig, repvit)


@pytest.fixture(scope="session")
def squashing() -> Sam2ImageProcessor:
    return Sam2ImageProcessor(size=SQUARE, mask_size={"height": 16, "width": 16})


@pytest.fixture(scope="session")
def sam2_model() -> Sam2Model:
    config = Sam2Config(
        vision_config=sam2_vision(), prompt_encoder_config=PROMPT2, mask_decoder_config=DECODER
    )
    return lively(Sam2Model(config))


@pytest.fixture(scope="session")
def edgetam_model() -> EdgeTamModel:
    config = EdgeTamConfig(
        vision_config=edgetam_vision(), prompt_encoder_config=PROMPT2, mask_decoder_config=DECODER
    )
    return normed(lively(EdgeTamModel(config)))


def normed(model: nn.Module) -> nn.Module:
    """Have EdgeTAM's image encoder know the statistics of pictures."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # of all that was seen
    seen = torch.randn(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    model.vision_encoder.backbone.train()(seen)
    return model.eval()


def sam3_vision(scales: tuple[float, ...]) -> dict[str, Any]:
    """SAM 3's image encoder with maps of some scales."""
    backbone = {**sam3_parts.VISION["backbone_config"], "image_size": SIDE, "window_size": 4}
    return {
        "model_type": "sam3_vision_model",
        "backbone_config": {**backbone, "pretrain_image_size": SIDE},
        "fpn_hidden_size": 32,
        "scale_factors": list(scales),
        "backbone_feature_sizes": [[CELLS * scale] * 2 for scale in (4, 2, 1)],
    }


def tracker_of(*scales: float) -> Any:
    config = Sam3TrackerConfig(
        vision_config=sam3_vision(scales),
        prompt_encoder_config=PROMPT,
        mask_decoder_config=DECODER,
    )
    return lively(Sam3TrackerModel(config))


@pytest.fixture(scope="session")
def tracker_model() -> Sam3TrackerModel:
    """Without a map that is not read, so that transformers' own answers are right."""
    return tracker_of(4.0, 2.0, 1.0)


@pytest.fixture(scope="session")
def squares() -> Sam3ImageProcessor:
    return Sam3ImageProcessor(size=SQUARE, mask_size={"height": 16, "width": 16})
