"""SAM-HQ's weights as its authors publish them: SAM's keys, and those of the high-quality mask."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import SamHQConfig, SamHQModel, SamImageProcessor

from zeroseg.errors import CheckpointError
from zeroseg.weights.official.sam_checkpoint import (
    DECODER_RENAMES,
    HQ_TOKEN,
    TINY_VIT,
    VIT_RENAMES,
    DecoderSizes,
    Renames,
    SamSizes,
    decoder_sizes,
    filled,
    shape_of,
)
from zeroseg.weights.official.tiny_vit import TinyVit
from zeroseg.weights.official.weights import naming, read_weights

LIGHT_RENAMES: Renames = (
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
    *DECODER_RENAMES,
)
"""Light HQ-SAM's; its image encoder goes by the published names."""

HQ_RENAMES: Renames = (*VIT_RENAMES, *LIGHT_RENAMES)

CLASSIFIER = re.compile(r"image_encoder\.(norm_head|head)\.(weight|bias)")
"""Keys of Light HQ-SAM that no parameter needs: its encoder was first trained as a classifier."""

_STEM = "image_encoder.patch_embed.seq.2.c.weight"
_BLOCK = re.compile(r"image_encoder\.layers\.\d+\.blocks\.\d+\.")


@dataclass(frozen=True)
class LightSizes(DecoderSizes):
    """How large a Light HQ-SAM is, read off its published weights; see `TinyVit`.

    Nothing in them tells the frame: it is SAM's, 64 cells of 16 pixels.

    Attributes:
        widths: Channels of the image encoder's four stages, `depths` their blocks.
        heads: Attention heads of the last three, and `windows` the sides of theirs.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> LightSizes:
        """Read the sizes off published weights.

        Raises:
            CheckpointError: A key that tells a size is missing, or heads do not share a stage's
                channels evenly.
        """
        layer = "image_encoder.layers.{}.{}"
        merged = [layer.format(i, "downsample.conv1.c.weight") for i in range(3)]
        biases = [layer.format(i, "blocks.0.attn.attention_biases") for i in range(1, 4)]
        blocks = {match[0] for key in weights if (match := _BLOCK.match(key))}
        widths = [shape_of(weights, key, 4)[0] for key in (_STEM, *merged)]
        reach = [shape_of(weights, key, 2) for key in biases]
        for width, key, (heads, distances) in zip(widths[1:], biases, reach, strict=True):
            if not heads or not distances or width % heads:
                raise CheckpointError(
                    f"{key} is of shape {(heads, distances)} for {width} channels"
                )
        return cls(
            patch=16,
            grid=64,
            widths=tuple(widths),
            depths=tuple(
                sum(name.startswith(layer.format(i, "blocks.")) for name in blocks)
                for i in range(4)
            ),
            heads=tuple(heads for heads, _ in reach),
            windows=tuple(math.isqrt(distances) for _, distances in reach),
            **decoder_sizes(weights),
        )

    def config(self) -> dict[str, dict[str, Any]]:
        """The three parts of a `SamHQConfig` for `LightSamHq`."""
        parts = super().config()
        # The ViT that is replaced is left as small as it gets.
        parts["vision_config"] |= {"num_hidden_layers": 0, "use_abs_pos": False, "hidden_size": 2}
        parts["vision_config"]["tiny_vit"] = {
            "widths": self.widths,
            "depths": self.depths,
            "heads": self.heads,
            "windows": self.windows,
            "channels": self.channels,
        }
        parts["mask_decoder_config"]["vit_dim"] = self.widths[2]
        return parts


class LightSamHq(SamHQModel):
    """transformers' SAM-HQ around a TinyViT: Light HQ-SAM.

    Args:
        config: Its `vision_config` has the arguments of `TinyVit` as `tiny_vit`.
    """

    def __init__(self, config: SamHQConfig) -> None:
        super().__init__(config)
        self.vision_encoder = TinyVit(**config.vision_config.tiny_vit)


def read_sam_hq(file: str | Path) -> tuple[SamHQModel, SamImageProcessor]:
    """Read a SAM-HQ as published: `sam_hq_vit_b.pth`, `_l`, `_h`, or Light HQ-SAM's `_tiny`.

    Args:
        file: Its name does not matter.

    Returns:
        The network in float32 on the CPU, and what prepares its images.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It does not hold exactly one SAM-HQ; the keys are named.
    """
    weights = read_weights(file, "SamHq")
    with naming(file, "SamHq"):
        return sam_hq_of(weights)


def sam_hq_of(weights: Mapping[str, Tensor]) -> tuple[SamHQModel, SamImageProcessor]:
    """The same from weights in hand, by published key; see `read_sam_hq`."""
    if HQ_TOKEN in weights and TINY_VIT in weights:
        return _light_of(weights)
    sizes = SamSizes.of(weights)
    if HQ_TOKEN not in weights:
        raise CheckpointError("these are weights of SAM, not of SAM-HQ: load them with Sam")
    config = sizes.config()
    config["mask_decoder_config"]["vit_dim"] = sizes.width
    model = filled(SamHQModel, SamHQConfig(**config), weights, HQ_RENAMES)
    return model, sizes.image_processor()


def _light_of(weights: Mapping[str, Tensor]) -> tuple[LightSamHq, SamImageProcessor]:
    sizes = LightSizes.of(weights)
    used = {key: value for key, value in weights.items() if not CLASSIFIER.fullmatch(key)}
    model = filled(LightSamHq, SamHQConfig(**sizes.config()), used, LIGHT_RENAMES)
    return model, sizes.image_processor()
