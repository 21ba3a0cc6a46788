"""Grounding DINO's weights as published: `groundingdino_swint_ogc.pth` and its Swin-B sibling.

A published weight is a parameter of transformers' model under another name, or three of them on top
of one another. Nothing is left over on either side: a key that is neither known nor known to be of
no use is refused by name, and so is a parameter that got no weight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SwinConfig,
)

from zeroseg.errors import CheckpointError
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.official.weights import load_strictly, read_weights

_SPLIT = ("query", "key", "value")
_PATCHES = "backbone.0.patch_embed.proj.weight"
_SWIN = "model.backbone.conv_encoder.model."
_PARTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        r"backbone\.0\.layers\.(\d+)\.blocks\.(\d+)\.",
        _SWIN + r"encoder.layers.\1.blocks.\2.",
        {
            "attn.qkv.": "attention.self.{}.",
            "attn.proj.": "attention.output.dense.",
            "attn.relative": "attention.self.relative",
            "mlp.fc1.": "intermediate.dense.",
            "mlp.fc2.": "output.dense.",
            "norm1.": "layernorm_before.",
            "norm2.": "layernorm_after.",
        },
    ),
    (
        r"backbone\.0\.",
        _SWIN,
        {
            "layers.": "encoder.layers.",
            "patch_embed.proj.": "embeddings.patch_embeddings.projection.",
            "patch_embed.norm.": "embeddings.norm.",
            # The authors count stages from 0, transformers from 1.
            "norm1.": "hidden_states_norms.stage2.",
            "norm2.": "hidden_states_norms.stage3.",
            "norm3.": "hidden_states_norms.stage4.",
        },
    ),
    (
        r"transformer\.encoder\.layers\.(\d+)\.",
        r"model.encoder.layers.\1.deformable_layer.",
        {
            "norm1.": "self_attn_layer_norm.",
            "norm2.": "final_layer_norm.",
            "linear1.": "fc1.",
            "linear2.": "fc2.",
        },
    ),
    (
        r"transformer\.encoder\.text_layers\.(\d+)\.",
        r"model.encoder.layers.\1.text_enhancer_layer.",
        {
            "self_attn.in_proj_": "self_attn.{}.",
            "norm1.": "layer_norm_before.",
            "norm2.": "layer_norm_after.",
            "linear1.": "fc1.",
            "linear2.": "fc2.",
        },
    ),
    (
        r"transformer\.encoder\.fusion_layers\.(\d+)\.",
        r"model.encoder.layers.\1.fusion_layer.",
        {
            "gamma_v": "vision_param",
            "gamma_l": "text_param",
            "layer_norm_v.": "layer_norm_vision.",
            "layer_norm_l.": "layer_norm_text.",
            "attn.v_proj.": "attn.vision_proj.",
            "attn.l_proj.": "attn.text_proj.",
            "attn.values_v_proj.": "attn.values_vision_proj.",
            "attn.values_l_proj.": "attn.values_text_proj.",
            "attn.out_v_proj.": "attn.out_vision_proj.",
            "attn.out_l_proj.": "attn.out_text_proj.",
        },
    ),
    (
        r"transformer\.decoder\.layers\.(\d+)\.",
        r"model.decoder.layers.\1.",
        {
            "self_attn.in_proj_": "self_attn.{}.",
            "norm2.": "self_attn_layer_norm.",
            "ca_text.in_proj_": "encoder_attn_text.{}.",
            "ca_text.": "encoder_attn_text.",
            "catext_norm.": "encoder_attn_text_layer_norm.",
            "cross_attn.": "encoder_attn.",
            "norm1.": "encoder_attn_layer_norm.",
            "norm3.": "final_layer_norm.",
            "linear1.": "fc1.",
            "linear2.": "fc2.",
        },
    ),
    (
        r"transformer\.",
        "model.",
        {
            "tgt_embed.": "query_position_embeddings.",
            "decoder.norm.": "decoder.layer_norm.",
            "decoder.ref_point_head.": "decoder.reference_points_head.",
            "enc_out_bbox_embed.": "encoder_output_bbox_embed.",
        },
    ),
    (r"bert\.", "model.text_backbone.", {}),
    (r"feat_map\.", "model.text_projection.", {}),
    (r"input_proj\.", "model.input_proj_vision.", {}),
)
"""The beginning of a published key, what takes its place, and what takes the place of what follows
it; the first that fits counts. {} stands for `_SPLIT`, whose weights are published as one."""

UNUSED = {
    r"label_enc\.weight": "classes of the denoising task that only training poses",
    r"bert\.pooler\.dense\.(weight|bias)": "a feature of the whole text; the detector reads tokens",
    r"bert\.embeddings\.position_ids": "0, 1, 2, ...: the network counts itself",
    r"backbone\.0\..+\.relative_position_index": "follows from the size of the window",
}
"""Published keys that transformers' model does without, and why."""

_BOX_HEAD = re.compile(r"(?:transformer\.decoder\.)?bbox_embed\.\d+\.")


def swin_t() -> GroundingDinoConfig:
    """The configuration of `groundingdino_swint_ogc.pth`."""
    return _config(embed_dim=96, depth=6, heads=3, window_size=7, image_size=224)


def swin_b() -> GroundingDinoConfig:
    """The configuration of `groundingdino_swinb_cogcoor.pth`."""
    return _config(embed_dim=128, depth=18, heads=4, window_size=12, image_size=384)


def _config(
    embed_dim: int, depth: int, heads: int, window_size: int, image_size: int
) -> GroundingDinoConfig:
    backbone = SwinConfig(
        embed_dim=embed_dim,
        depths=[2, 2, depth, 2],
        num_heads=[heads, 2 * heads, 4 * heads, 8 * heads],
        window_size=window_size,
        image_size=image_size,
        out_features=["stage2", "stage3", "stage4"],
    )
    return GroundingDinoConfig(backbone_config=backbone, text_config=BertConfig())


def read_grounding_dino(
    file: str | Path, component: str
) -> tuple[GroundingDinoConfig, dict[str, Tensor]]:
    """Read a published file and recognise which of the two networks it is, by its weights.

    Args:
        file: Its name does not matter.
        component: Name of the class that asks, for the message.

    Returns:
        The network's configuration, and the weights by published key.

    Raises:
        CheckpointNotFound: There is no such file.
        CheckpointError: It does not hold a Grounding DINO of Swin-T or Swin-B.
    """
    weights = read_weights(file, component)
    width = len(weights[_PATCHES]) if _PATCHES in weights else None
    for config in (swin_t(), swin_b()):
        if width == config.backbone_config.embed_dim:
            return config, weights
    raise CheckpointError(
        f"{component} cannot use '{file}': it is not a published Grounding DINO of Swin-T or "
        f"Swin-B: expected a patch embedding ({_PATCHES}) of 96 or 128 channels, found {width}"
    )


def to_transformers(
    config: GroundingDinoConfig, weights: Mapping[str, Tensor]
) -> GroundingDinoForObjectDetection:
    """Transformers' network with published weights.

    Args:
        config: Of the network that the weights belong to.
        weights: By published key, any precision; they become float32.

    Raises:
        CheckpointError: A key is not used, a parameter gets no weight, shapes differ, or the heads
            that predict boxes, which are one and the same, differ.
    """
    _require_one_box_head(weights)
    named: dict[str, Tensor] = {}
    origins = {}
    for key, value in weights.items():
        if any(re.fullmatch(pattern, key) for pattern in UNUSED):
            continue
        names = _names(key)
        # Copies: three views of one tensor could not be saved or moved apart.
        pieces = [p.clone() for p in value.chunk(3)] if len(names) > 1 else [value]
        for name, piece in zip(names, pieces, strict=False):
            named[name] = piece.float()
            origins[name] = key
    return load_strictly(GroundingDinoForObjectDetection, config, named, origins)


def authors_processor(tokenizer: str | Path, component: str) -> GroundingDinoProcessor:
    """What prepares images and text for the published networks.

    Images are brought to a shorter side of 800 pixels, or a longer one of at most 1333, and
    normalised by ImageNet's mean.

    Args:
        tokenizer: Hub name or folder of BERT's tokenizer, which the published files lack.
        component: Name of the class that asks, for the message.

    Raises:
        CheckpointNotFound: The tokenizer is neither here nor within reach.
    """
    images = GroundingDinoImageProcessor(size={"shortest_edge": 800, "longest_edge": 1333})
    words = load_pretrained(BertTokenizer, tokenizer, component, argument="tokenizer")
    return GroundingDinoProcessor(images, words)


def _names(key: str) -> list[str]:
    """What transformers' hub checkpoints call a published weight: one name, or three."""
    for pattern, prefix, leaves in _PARTS:
        if part := re.match(pattern, key):
            rest = key[part.end() :]
            old = next((leaf for leaf in leaves if rest.startswith(leaf)), "")
            new, tail = leaves.get(old, ""), rest[len(old) :]
            kinds = _SPLIT if "{}" in new else ("",)
            return [part.expand(prefix) + new.replace("{}", kind) + tail for kind in kinds]
    return [key]


def _require_one_box_head(weights: Mapping[str, Tensor]) -> None:
    """Every decoder layer uses the same head, and the file repeats it for each of them, twice."""
    heads = [key for key in weights if _BOX_HEAD.match(key)]
    differing = [
        key
        for key in heads
        if not torch.equal(weights[key], weights.get(_BOX_HEAD.sub("bbox_embed.0.", key), Tensor()))
    ]
    if differing:
        raise CheckpointError(
            f"the decoder's layers share one head for boxes, but {len(differing)} of its copies' "
            f"tensors are not those of bbox_embed.0 ({differing[0]}); fetch the weights again"
        )
