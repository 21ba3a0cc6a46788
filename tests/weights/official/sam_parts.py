"""The published layouts of SAM and its relatives, stated by the rules of their names."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zeroseg.weights.official.sam_checkpoint import DecoderSizes, Renames, SamSizes, origins
from zeroseg.weights.official.sam_hq_checkpoint import LightSizes

SMALL = SamSizes(
    width=32,
    depth=3,
    heads=2,
    mlp_width=48,
    patch=8,
    grid=8,
    window=3,
    global_blocks=(1,),
    channels=32,
    mask_channels=4,
    decoder_mlp_width=40,
    iou_width=16,
)


def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def mlp(name: str, inputs: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return (
        linear(f"{name}.layers.0", inputs, hidden)
        | linear(f"{name}.layers.1", hidden, hidden)
        | linear(f"{name}.layers.2", hidden, outputs)
    )


def attention(name: str, channels: int, inner: int) -> dict[str, tuple[int, ...]]:
    keys = linear(f"{name}.out_proj", inner, channels)
    for part in "qkv":
        keys |= linear(f"{name}.{part}_proj", channels, inner)
    return keys


def conv_norm(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.c.weight": (outputs, inputs, kernel, kernel),
        **norm(f"{name}.bn", outputs),
        f"{name}.bn.running_mean": (outputs,),
        f"{name}.bn.running_var": (outputs,),
        f"{name}.bn.num_batches_tracked": (),
    }


def neck(width: int, channels: int) -> dict[str, tuple[int, ...]]:
    return {
        "image_encoder.neck.0.weight": (channels, width, 1, 1),
        **norm("image_encoder.neck.1", channels),
        "image_encoder.neck.2.weight": (channels, channels, 3, 3),
        **norm("image_encoder.neck.3", channels),
    }


def published(sizes: SamSizes) -> dict[str, tuple[int, ...]]:
    """Every key of a published SAM and its shape, from the rules by which they are named."""
    width, grid = sizes.width, sizes.grid
    keys = published_decoder(sizes)
    keys |= {
        "image_encoder.pos_embed": (1, grid, grid, width),
        "image_encoder.patch_embed.proj.weight": (width, 3, sizes.patch, sizes.patch),
        "image_encoder.patch_embed.proj.bias": (width,),
        **neck(width, sizes.channels),
    }
    for i in range(sizes.depth):
        block = f"image_encoder.blocks.{i}"
        reach = grid if i in sizes.global_blocks else sizes.window
        keys |= norm(f"{block}.norm1", width) | norm(f"{block}.norm2", width)
        keys |= linear(f"{block}.attn.qkv", width, 3 * width)
        keys |= linear(f"{block}.attn.proj", width, width)
        keys |= linear(f"{block}.mlp.lin1", width, sizes.mlp_width)
        keys |= linear(f"{block}.mlp.lin2", sizes.mlp_width, width)
        for axis in "hw":
            keys[f"{block}.attn.rel_pos_{axis}"] = (2 * reach - 1, width // sizes.heads)
    return keys


def published_light(sizes: LightSizes) -> dict[str, tuple[int, ...]]:
    """The same of a published Light HQ-SAM, without what its decoder adds to SAM's."""
    widths = sizes.widths
    keys = published_decoder(sizes) | neck(widths[3], sizes.channels)
    keys |= conv_norm("image_encoder.patch_embed.seq.0", widths[0] // 2, 3, 3)
    keys |= conv_norm("image_encoder.patch_embed.seq.2", widths[0], widths[0] // 2, 3)
    for i, (width, depth) in enumerate(zip(widths, sizes.depths, strict=True)):
        layer = f"image_encoder.layers.{i}"
        for j in range(depth):
            block = f"{layer}.blocks.{j}"
            if i == 0:
                keys |= conv_norm(f"{block}.conv1", 4 * width, width, 1)
                keys |= conv_norm(f"{block}.conv2", 4 * width, 1, 3)
                keys |= conv_norm(f"{block}.conv3", width, 4 * width, 1)
                continue
            distances = sizes.windows[i - 1] ** 2
            keys[f"{block}.attn.attention_biases"] = (sizes.heads[i - 1], distances)
            keys |= norm(f"{block}.attn.norm", width) | norm(f"{block}.mlp.norm", width)
            keys |= linear(f"{block}.attn.qkv", width, 3 * width)
            keys |= linear(f"{block}.attn.proj", width, width)
            keys |= linear(f"{block}.mlp.fc1", width, 4 * width)
            keys |= linear(f"{block}.mlp.fc2", 4 * width, width)
            keys |= conv_norm(f"{block}.local_conv", width, 1, 3)
        if i < 3:
            after = widths[i + 1]
            keys |= conv_norm(f"{layer}.downsample.conv1", after, width, 1)
            keys |= conv_norm(f"{layer}.downsample.conv2", after, 1, 3)
            keys |= conv_norm(f"{layer}.downsample.conv3", after, after, 1)
    return keys


def classifier(width: int) -> dict[str, tuple[int, ...]]:
    """What a published Light HQ-SAM carries along: the head of ImageNet's thousand classes."""
    return norm("image_encoder.norm_head", width) | linear("image_encoder.head", width, 1000)


def published_decoder(sizes: DecoderSizes) -> dict[str, tuple[int, ...]]:
    """What does not depend on the image encoder."""
    c = sizes.channels
    keys: dict[str, tuple[int, ...]] = {
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": (2, c // 2),
        "prompt_encoder.mask_downscaling.0.weight": (sizes.mask_channels // 4, 1, 2, 2),
        "prompt_encoder.mask_downscaling.0.bias": (sizes.mask_channels // 4,),
        **norm("prompt_encoder.mask_downscaling.1", sizes.mask_channels // 4),
        "prompt_encoder.mask_downscaling.3.weight": (
            sizes.mask_channels,
            sizes.mask_channels // 4,
            2,
            2,
        ),
        "prompt_encoder.mask_downscaling.3.bias": (sizes.mask_channels,),
        **norm("prompt_encoder.mask_downscaling.4", sizes.mask_channels),
        "prompt_encoder.mask_downscaling.6.weight": (c, sizes.mask_channels, 1, 1),
        "prompt_encoder.mask_downscaling.6.bias": (c,),
        "mask_decoder.iou_token.weight": (1, c),
        "mask_decoder.mask_tokens.weight": (4, c),
        "mask_decoder.output_upscaling.0.weight": (c, c // 4, 2, 2),
        **norm("mask_decoder.output_upscaling.1", c // 4),
        "mask_decoder.output_upscaling.0.bias": (c // 4,),
        "mask_decoder.output_upscaling.3.weight": (c // 4, c // 8, 2, 2),
        "mask_decoder.output_upscaling.3.bias": (c // 8,),
        **mlp("mask_decoder.iou_prediction_head", c, sizes.iou_width, 4),
        **attention("mask_decoder.transformer.final_attn_token_to_image", c, c // 2),
        **norm("mask_decoder.transformer.norm_final_attn", c),
    }
    for name in (
        "no_mask_embed",
        "not_a_point_embed",
        *(f"point_embeddings.{i}" for i in range(4)),
    ):
        keys[f"prompt_encoder.{name}.weight"] = (1, c)
    for i in range(4):
        keys |= mlp(f"mask_decoder.output_hypernetworks_mlps.{i}", c, c, c // 8)
    for i in range(2):
        layer = f"mask_decoder.transformer.layers.{i}"
        keys |= attention(f"{layer}.self_attn", c, c)
        keys |= attention(f"{layer}.cross_attn_token_to_image", c, c // 2)
        keys |= attention(f"{layer}.cross_attn_image_to_token", c, c // 2)
        keys |= linear(f"{layer}.mlp.lin1", c, sizes.decoder_mlp_width)
        keys |= linear(f"{layer}.mlp.lin2", sizes.decoder_mlp_width, c)
        for j in range(1, 5):
            keys |= norm(f"{layer}.norm{j}", c)
    return keys


def on_meta(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def parameters(weights: Mapping[str, Tensor], renames: Renames) -> dict[str, tuple[int, ...]]:
    """The parameters that published keys fill."""
    return {name: tuple(weights[key].shape) for name, key in origins(weights, renames).items()}
