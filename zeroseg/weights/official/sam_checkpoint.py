"""SAM's weights as its authors publish them: `sam_vit_b_01ec64.pth` and its larger siblings.

A key of the published layout is a parameter of transformers' `SamModel` under another name, of the
same shape. Nothing is left over on either side: what does not fit is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import SamConfig, SamImageProcessor, SamModel

from zeroseg.errors import CheckpointError
from zeroseg.weights.official.weights import load_strictly, naming, read_weights

HQ_TOKEN = "mask_decoder.hf_token.weight"
"""The key that only SAM-HQ has."""

TINY_VIT = "image_encoder.patch_embed.seq.0.c.weight"
"""A key that only image encoders have that are a TinyViT: MobileSAM's and Light HQ-SAM's."""

UNUSED = {
    "pixel_mean": "the image processor normalises",
    "pixel_std": "the image processor normalises",
}
"""Keys that some published files carry and no parameter needs, and why."""

Renames = Sequence[tuple[str, str]]
"""Patterns and replacements, all applied, in this order."""

VIT_RENAMES: Renames = (
    (r"\.blocks\.", ".layers."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
)
"""What is particular to the image encoder."""

DECODER_RENAMES: Renames = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.norm(\d|_final_attn)\.", r".layer_norm\1."),
    (
        r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$",
        "shared_image_embedding.positional_embedding",
    ),
    (r"\.point_embeddings\.", ".point_embed."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (r"(_head|_mlps\.\d+|_mlp)\.layers\.0\.", r"\1.proj_in."),
    (r"(_head|_mlps\.\d+|_mlp)\.layers\.1\.", r"\1.layers.0."),
    (r"(_head|_mlps\.\d+|_mlp)\.layers\.2\.", r"\1.proj_out."),
)
"""What SAM and its relatives share, whatever their image encoder."""

RENAMES: Renames = (*VIT_RENAMES, *DECODER_RENAMES)


@dataclass(frozen=True)
class DecoderSizes:
    """How large is what SAM and its relatives share, whatever their image encoder.

    Attributes:
        patch: Pixels to a side of a cell of the image embedding.
        grid: Cells to a side of the frame.
        channels: Channels of the image embedding, the prompts and the mask decoder.
        mask_channels: Channels of an embedded mask prompt.
        decoder_mlp_width: Hidden channels of the mask decoder's MLPs.
        iou_width: Hidden channels of the head that predicts each mask's IoU.
    """

    patch: int
    grid: int
    channels: int
    mask_channels: int
    decoder_mlp_width: int
    iou_width: int

    @property
    def frame(self) -> int:
        """Side of the padded input in pixels."""
        return self.grid * self.patch

    def config(self) -> dict[str, dict[str, Any]]:
        """The three parts of a `SamConfig` or `SamHQConfig`; the first lacks the encoder's own."""
        return {
            "vision_config": {
                "output_channels": self.channels,
                "image_size": self.frame,
                "patch_size": self.patch,
                "num_pos_feats": self.channels // 2,
            },
            "prompt_encoder_config": {
                "hidden_size": self.channels,
                "image_size": self.frame,
                "patch_size": self.patch,
                "mask_input_channels": self.mask_channels,
            },
            # The published decoder's layer norms divide with 1e-5; transformers' default is 1e-6.
            "mask_decoder_config": {
                "hidden_size": self.channels,
                "mlp_dim": self.decoder_mlp_width,
                "iou_head_hidden_dim": self.iou_width,
                "layer_norm_eps": 1e-5,
            },
        }

    def image_processor(self) -> SamImageProcessor:
        """What prepares images: longest side to the frame, ImageNet's mean, zeros as padding."""
        return SamImageProcessor(
            size={"longest_edge": self.frame},
            pad_size={"height": self.frame, "width": self.frame},
        )


@dataclass(frozen=True)
class SamSizes(DecoderSizes):
    """How large a SAM is, read off its published weights and not off the file's name.

    Attributes:
        width: Channels of the image encoder, `depth` its blocks, `heads` theirs, and `mlp_width`
            the hidden channels of their MLPs.
        window: Patches to a side of an attention window, 0 if every block sees the whole frame.
        global_blocks: Blocks that see the whole frame.
    """

    width: int
    depth: int
    heads: int
    mlp_width: int
    window: int
    global_blocks: tuple[int, ...]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> SamSizes:
        """Read the sizes off published weights.

        Raises:
            CheckpointError: A key that tells a size is missing, or the image encoder is a TinyViT.
        """
        if TINY_VIT in weights:
            raise CheckpointError(
                "the image encoder is a TinyViT: of such checkpoints only sam_hq_vit_tiny can be "
                "loaded, with SamHq, and MobileSAM cannot; use a ViT-B, ViT-L or ViT-H checkpoint"
            )
        width, _, patch, _ = shape_of(weights, "image_encoder.patch_embed.proj.weight", 4)
        grid = shape_of(weights, "image_encoder.pos_embed", 4)[1]
        blocks = [re.match(r"image_encoder\.blocks\.(\d+)\.", key) for key in weights]
        depth = 1 + max((int(block[1]) for block in blocks if block), default=0)
        reach = [
            shape_of(weights, f"image_encoder.blocks.{i}.attn.rel_pos_h", 2) for i in range(depth)
        ]
        windows = {(length + 1) // 2 for length, _ in reach} - {grid}
        return cls(
            width=width,
            depth=depth,
            heads=max(width // max(reach[0][1], 1), 1),
            mlp_width=shape_of(weights, "image_encoder.blocks.0.mlp.lin1.bias", 1)[0],
            patch=patch,
            grid=grid,
            window=min(windows, default=0),
            global_blocks=tuple(i for i, (length, _) in enumerate(reach) if length == 2 * grid - 1),
            **decoder_sizes(weights),
        )

    def config(self) -> dict[str, dict[str, Any]]:
        """The three parts of a `SamConfig` or `SamHQConfig`."""
        parts = super().config()
        parts["vision_config"] |= {
            "hidden_size": self.width,
            "num_hidden_layers": self.depth,
            "num_attention_heads": self.heads,
            "window_size": self.window,
            "global_attn_indexes": list(self.global_blocks),
            "mlp_dim": self.mlp_width,
        }
        return parts


def read_sam(file: str | Path) -> tuple[SamModel, SamImageProcessor]:
    """Read a SAM as published, of any size: ViT-B, ViT-L or ViT-H.

    Args:
        file: `sam_vit_b_01ec64.pth` or another. Its name does not matter.

    Returns:
        The network in float32 on the CPU, and what prepares its images.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It does not hold exactly one SAM; the keys are named.
    """
    weights = read_weights(file, "Sam")
    with naming(file, "Sam"):
        return sam_of(weights)


def sam_of(weights: Mapping[str, Tensor]) -> tuple[SamModel, SamImageProcessor]:
    """The same from weights in hand, by published key; see `read_sam`."""
    refuse_hq(weights)
    sizes = SamSizes.of(weights)
    model = filled(SamModel, SamConfig(**sizes.config()), weights, RENAMES)
    return model, sizes.image_processor()


def refuse_hq(weights: Mapping[str, Tensor]) -> None:
    """Tell SAM-HQ's weights from SAM's.

    Raises:
        CheckpointError: They are SAM-HQ's.
    """
    if HQ_TOKEN in weights:
        raise CheckpointError("these are weights of SAM-HQ, not of SAM: load them with SamHq")


def origins(weights: Mapping[str, Tensor], renames: Renames) -> dict[str, str]:
    """The published key of each parameter that has one; those of `UNUSED` have none.

    Raises:
        CheckpointError: Two keys are the same parameter.
    """
    keys: dict[str, str] = {}
    for key in weights:
        name = key
        for pattern, replacement in renames:
            name = re.sub(pattern, replacement, name)
        if name in keys:
            raise CheckpointError(f"{keys[name]} and {key} are the same parameter")
        if key not in UNUSED:
            keys[name] = key
    return keys


def filled(kind: Any, config: Any, weights: Mapping[str, Tensor], renames: Renames) -> Any:
    """A network of transformers with published weights; see `load_strictly`."""
    keys = origins(weights, renames)
    return load_strictly(kind, config, {name: weights[key] for name, key in keys.items()}, keys)


def decoder_sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """Those of `DecoderSizes` that published weights tell whatever their image encoder.

    Raises:
        CheckpointError: A key that tells a size is missing.
    """
    mlp = "mask_decoder.transformer.layers.0.mlp.lin1.bias"
    return {
        "channels": shape_of(weights, "image_encoder.neck.0.weight", 4)[0],
        "mask_channels": shape_of(weights, "prompt_encoder.mask_downscaling.3.bias", 1)[0],
        "decoder_mlp_width": shape_of(weights, mlp, 1)[0],
        "iou_width": shape_of(weights, "mask_decoder.iou_prediction_head.layers.0.bias", 1)[0],
    }


def shape_of(weights: Mapping[str, Tensor], key: str, dimensions: int) -> tuple[int, ...]:
    """The shape of a published weight.

    Raises:
        CheckpointError: It is missing, or has another number of dimensions.
    """
    if key not in weights or weights[key].ndim != dimensions:
        found = f"of shape {tuple(weights[key].shape)}" if key in weights else "missing"
        raise CheckpointError(
            f"these are not weights of SAM as published: {key} is {found}, expected "
            f"{dimensions} dimensions"
        )
    return tuple(weights[key].shape)
