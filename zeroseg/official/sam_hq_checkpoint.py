"""SAM-HQ's weights as its authors publish them: SAM's keys, and those of the high-quality mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor
from transformers import SamHQConfig, SamHQModel, SamImageProcessor

from zeroseg.errors import CheckpointError
from zeroseg.official.sam_checkpoint import (
    HQ_TOKEN,
    RENAMES,
    Renames,
    SamSizes,
    filled,
    naming,
)
from zeroseg.official.weights import read_weights

HQ_RENAMES: Renames = (
    (r"\.hf_token\.", ".hq_token."),
    (r"\.hf_mlp\.", ".hq_mask_mlp."),
    (r"\.compress_vit_feat\.0\.", ".compress_vit_conv1."),
    (r"\.compress_vit_feat\.1\.", ".compress_vit_norm."),
    (r"\.compress_vit_feat\.3\.", ".compress_vit_conv2."),
    (r"\.embedding_encoder\.0\.", ".encoder_conv1."),
    (r"\.embedding_encoder\.1\.", ".encoder_norm."),
    (r"\.embedding_encoder\.3\.", ".encoder_conv2."),
    (r"\.embedding_maskfeature\.0\.", ".mask_conv1."),
    (r"\.embedding_maskfeature\.1\.", ".mask_norm."),
    (r"\.embedding_maskfeature\.3\.", ".mask_conv2."),
    *RENAMES,
)


def read_sam_hq(file: str | Path) -> tuple[SamHQModel, SamImageProcessor]:
    """Read a SAM-HQ as published: `sam_hq_vit_b.pth`, `sam_hq_vit_l.pth` or `sam_hq_vit_h.pth`.

    `sam_hq_vit_tiny.pth` has another image encoder, a TinyViT, and is refused.

    Args:
        file: Its name does not matter.

    Returns:
        The network in float32 on the CPU, and what prepares its images.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It does not hold exactly one SAM-HQ; the keys are named.
    """
    weights = read_weights(file, "SamHq")
    with naming(file):
        return sam_hq_of(weights)


def sam_hq_of(weights: Mapping[str, Tensor]) -> tuple[SamHQModel, SamImageProcessor]:
    """The same from weights in hand, by published key; see `read_sam_hq`."""
    sizes = SamSizes.of(weights)
    if HQ_TOKEN not in weights:
        raise CheckpointError("these are weights of SAM, not of SAM-HQ: load them with Sam")
    config = sizes.config()
    config["mask_decoder_config"]["vit_dim"] = sizes.width
    model = filled(SamHQModel, SamHQConfig(**config), weights, HQ_RENAMES)
    return model, sizes.image_processor()
