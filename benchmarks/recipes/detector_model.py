"""The tiny Grounding DINO: its configuration, its initialisation, and a fast way to train it.

The network is transformers' `GroundingDinoForObjectDetection`, unchanged in what it computes. While
it trains, two of its parts are exchanged for ones that compute the same in less time on a CPU:
deformable attention as a sparse matrix (`TapAttention`) and batch norm folded into the convolution
(`FoldedConvLayer`). Neither has parameters of its own, so checkpoints are the stock model's.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    ResNetBackbone,
    ResNetConfig,
)
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoFrozenBatchNorm2d,
    GroundingDinoMultiscaleDeformableAttention,
)
from transformers.models.resnet.modeling_resnet import ResNetConvLayer, ResNetShortCut

SIDE = 160
"""Height and width of the detector's input in pixels."""
MAX_TEXT = 128
"""Longest prompt in tokens, [CLS] and [SEP] included."""


def backbone_config(*stages: str) -> ResNetConfig:
    """A narrow ResNet with basic blocks whose strides are 4, 8, 16 and 32."""
    return ResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 128, 192],
        depths=[1, 2, 3, 2],
        layer_type="basic",
        out_features=list(stages),
    )


def detector_config(vocabulary: int) -> GroundingDinoConfig:
    """4 million parameters: two encoder and three decoder layers of width 128, 45 queries."""
    return GroundingDinoConfig(
        backbone_config=backbone_config("stage3", "stage4"),
        text_config=BertConfig(
            vocab_size=vocabulary,
            hidden_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=192,
            max_position_embeddings=MAX_TEXT,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=0,
        ),
        num_queries=45,
        num_feature_levels=2,
        d_model=128,
        encoder_layers=2,
        encoder_ffn_dim=256,
        encoder_attention_heads=4,
        decoder_layers=3,
        decoder_ffn_dim=256,
        decoder_attention_heads=4,
        dropout=0.0,
        fusion_dropout=0.0,
        fusion_droppath=0.0,
        text_enhancer_dropout=0.0,
        max_text_len=MAX_TEXT,
        auxiliary_loss=True,
        disable_custom_kernels=True,
    )


def build_detector(vocabulary: int, backbone: dict[str, Tensor]) -> GroundingDinoForObjectDetection:
    """The untrained detector on a trained backbone, ready to be trained.

    Freshly built, the class logits of this architecture are large and random, and its fusion layers
    pass nothing. Here the text features start near one common direction u and the query features
    near -5.5 u, so every score starts near 0.01, and the fusion layers start open.
    """
    model = GroundingDinoForObjectDetection(detector_config(vocabulary))
    model.model.backbone.conv_encoder.model.load_state_dict(backbone, strict=False)
    model.model.unfreeze_backbone()
    core = model.model
    direction = F.normalize(torch.randn(core.config.d_model), dim=0)
    with torch.no_grad():
        text_norm = core.encoder.layers[-1].text_enhancer_layer.layer_norm_after
        text_norm.weight.fill_(0.1)
        text_norm.bias.copy_(0.8 * direction)
        for norm in (core.decoder.layer_norm, core.enc_output_norm):
            norm.bias.copy_(-5.5 * direction)
        for layer in core.encoder.layers:
            layer.fusion_layer.vision_param.fill_(0.2)
            layer.fusion_layer.text_param.fill_(0.02)
        core.query_position_embeddings.weight.normal_(0, 0.5)
        core.text_backbone.embeddings.word_embeddings.weight.normal_(0, 0.3)
    return model


class TapAttention(nn.Module):
    """Deformable attention over few tokens: scatter the taps' weights, then one dense product.

    Equal to the library's `grid_sample` (bilinear, zeros outside), at a third of its time for the
    125 tokens we have.
    """

    def forward(
        self,
        value: Tensor,
        value_spatial_shapes: Tensor,
        value_spatial_shapes_list: list[tuple[int, int]],
        level_start_index: Tensor,
        sampling_locations: Tensor,
        attention_weights: Tensor,
        im2col_step: int,
    ) -> Tensor:
        """Sample `value` (B, S, heads, D) at (B, Q, heads, levels, points, 2) in [0, 1]."""
        batch, queries, heads, *_ = sampling_locations.shape
        size = value_spatial_shapes.flip(-1)[:, None].to(value.dtype)
        width, height = size.unbind(-1)
        place = sampling_locations * size - 0.5
        corner = place.detach().floor()
        x, y = corner.unbind(-1)
        right, low = (place - corner).unbind(-1)
        left = (1 - right) * ((x >= 0) & (x < width))
        right = right * ((x >= -1) & (x < width - 1))
        top = (1 - low) * ((y >= 0) & (y < height)) * attention_weights
        low = low * ((y >= -1) & (y < height - 1)) * attention_weights
        zero = torch.zeros((), device=value.device)
        columns = [(x + step).clamp(zero, width - 1) for step in (0, 1)]
        start = level_start_index[:, None]
        rows = [(y + step).clamp(zero, height - 1) * width + start for step in (0, 1)]
        taps = [
            rows[0] + columns[0],
            rows[0] + columns[1],
            rows[1] + columns[0],
            rows[1] + columns[1],
        ]
        indices = torch.stack(taps, -1).long().view(batch, queries, heads, -1)
        weights = torch.stack([left * top, right * top, left * low, right * low], -1)
        dense = value.new_zeros(batch, queries, heads, value.shape[1])
        dense = dense.scatter_add(-1, indices, weights.view(batch, queries, heads, -1))
        mixed = dense.transpose(1, 2) @ value.transpose(1, 2)
        return mixed.transpose(1, 2).flatten(2)


def _folded(convolution: nn.Conv2d, norm: GroundingDinoFrozenBatchNorm2d, images: Tensor) -> Tensor:
    scale = norm.weight * (norm.running_var + 1e-5).rsqrt()
    bias = norm.bias - norm.running_mean * scale
    weight = convolution.weight * scale[:, None, None, None]
    return F.conv2d(
        images,
        weight.to(images.dtype, memory_format=torch.channels_last),
        bias.to(images.dtype),
        convolution.stride,
        convolution.padding,
    )


class FoldedConvLayer(ResNetConvLayer):
    """Convolution, frozen batch norm and activation with the norm folded into the weights."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) features in their own precision."""
        return cast(Tensor, self.activation(_folded(self.convolution, self.normalization, input)))


class FoldedShortCut(ResNetShortCut):
    """The strided 1 x 1 convolution beside a block, likewise folded."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) features in their own precision."""
        return _folded(self.convolution, self.normalization, input)


def _half_backbone(images: nn.Module, arguments: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    pixels, mask = arguments
    return pixels.bfloat16().contiguous(memory_format=torch.channels_last), mask


def _full_features(
    module: nn.Module, arguments: tuple[Tensor, Tensor], output: list[tuple[Tensor, Tensor]]
) -> list[tuple[Tensor, Tensor]]:
    return [(features.float().contiguous(), mask) for features, mask in output]


def quicken(model: GroundingDinoForObjectDetection) -> None:
    """Exchange the slow parts for training, in place; the backbone then works in bfloat16."""
    for module in model.modules():
        if isinstance(module, GroundingDinoMultiscaleDeformableAttention):
            module.attn = TapAttention()
        elif isinstance(module, ResNetConvLayer):
            module.__class__ = FoldedConvLayer
        elif isinstance(module, ResNetShortCut):
            module.__class__ = FoldedShortCut
    encoder = model.model.backbone.conv_encoder
    encoder.register_forward_pre_hook(_half_backbone)
    encoder.register_forward_hook(_full_features)


class Segmenter(nn.Module):
    """The backbone with a head that names the category and the fine name at every 8th pixel.

    What it learns in minutes from whole label maps would take a detector hours from boxes.
    """

    def __init__(self, categories: int, names: int) -> None:
        super().__init__()
        self.backbone = ResNetBackbone(backbone_config("stage2", "stage3", "stage4"))
        channels, outputs = self.backbone.channels, categories + names
        self.laterals = nn.ModuleList(nn.Conv2d(count, 96, 1) for count in channels)
        self.mix = nn.Conv2d(96, 96, 3, padding=1)
        self.head = nn.Conv2d(96, outputs, 1)
        self.coarse = nn.ModuleList(nn.Conv2d(count, outputs, 1) for count in channels[1:])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Logits (B, categories + names, h, w) at strides 8, 16 and 32, of (B, 3, H, W) images."""
        features = self.backbone(images).feature_maps
        merged = self.laterals[-1](features[-1])
        for lateral, feature in zip(self.laterals[-2::-1], features[-2::-1], strict=True):
            merged = F.interpolate(merged, scale_factor=2.0) + lateral(feature)
        fine = self.head(F.relu(self.mix(F.relu(merged))))
        pairs = zip(self.coarse, features[1:], strict=True)
        return [fine, *(head(feature) for head, feature in pairs)]
