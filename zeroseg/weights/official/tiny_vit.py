"""TinyViT (Wu et al., 2022) as Light HQ-SAM's image encoder, which transformers does not have.

Modules have the names of the authors' keys, so that published weights need no map. Maps of features
are (B, C, h, w) from end to end; h and w are those of the pixels through the stride so far.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.sam_hq.modeling_sam_hq import SamHQVisionEncoderOutput

EXPANSION = 4
"""How many times wider than their map the convolutions' and MLPs' hidden layers are."""


class TinyVit(nn.Module):
    """One stage of convolutions, three of windowed attention, and SAM's neck.

    It takes the place of a SAM-HQ's `vision_encoder`. As the authors of MobileSAM and Light HQ-SAM
    have it, and unlike the classifier of the paper, the last stage keeps the third one's
    resolution, so that the embedding has SAM's stride of 16.

    Args:
        widths: Channels of the four stages.
        depths: Blocks of the four stages.
        heads: Attention heads of the last three stages.
        windows: Sides of their attention windows, in cells.
        channels: Channels of the image embedding.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        heads: Sequence[int],
        windows: Sequence[int],
        channels: int,
    ) -> None:
        super().__init__()
        stem = nn.Sequential(
            ConvNorm(3, widths[0] // 2, kernel=3, stride=2),
            nn.GELU(),
            ConvNorm(widths[0] // 2, widths[0], kernel=3, stride=2),
        )
        self.patch_embed = nn.Sequential(OrderedDict(seq=stem))
        convolved = [ConvBlock(widths[0]) for _ in range(depths[0])]
        attended = [
            [Block(width, count, window) for _ in range(depth)]
            for width, depth, count, window in zip(
                widths[1:], depths[1:], heads, windows, strict=True
            )
        ]
        self.layers = nn.Sequential(
            _stage(convolved, Merging(widths[0], widths[1], stride=2)),
            _stage(attended[0], Merging(widths[1], widths[2], stride=2)),
            _stage(attended[1], Merging(widths[2], widths[3], stride=1)),
            _stage(attended[2]),
        )
        self.neck = nn.Sequential(
            nn.Conv2d(widths[3], channels, kernel_size=1, bias=False),
            ChannelNorm(channels, eps=1e-6),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            ChannelNorm(channels, eps=1e-6),
        )

    def forward(self, pixel_values: Tensor) -> SamHQVisionEncoderOutput:
        """Encode images.

        Args:
            pixel_values: (B, 3, S, S) float, normalised as for SAM.

        Returns:
            `last_hidden_state`, (B, channels, S / 16, S / 16), and as the only one of the
            `intermediate_embeddings` what the third stage is given,
            (B, S / 16, S / 16, widths[2]): Light HQ-SAM's decoder reads its details there.
        """
        early = self.layers[:2](self.patch_embed(pixel_values))
        return SamHQVisionEncoderOutput(
            last_hidden_state=self.neck(self.layers[2:](early)),
            intermediate_embeddings=[early.movedim(1, -1)],
        )


class ConvNorm(nn.Sequential):
    """A convolution, `c`, and what normalises its channels, `bn`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        super().__init__(OrderedDict(c=convolution, bn=nn.BatchNorm2d(outputs)))


class ConvBlock(nn.Module):
    """An inverted bottleneck: widen, mix each channel with its neighbours, narrow, add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = EXPANSION * width
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, kernel=3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """From (B, width, h, w) to the same."""
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(hidden))


class Merging(nn.Module):
    """From one stage's width and resolution to those of the next."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs)
        self.conv2 = ConvNorm(outputs, outputs, kernel=3, stride=stride, groups=outputs)
        self.conv3 = ConvNorm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """From (B, inputs, h, w) to (B, outputs, h / stride, w / stride)."""
        merged: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return merged


class Block(nn.Module):
    """Attention within windows, a convolution across their borders, and an MLP."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(width, heads, window)
        self.local_conv = ConvNorm(width, width, kernel=3, groups=width)
        self.mlp = nn.Sequential(
            OrderedDict(
                norm=nn.LayerNorm(width),
                fc1=nn.Linear(width, EXPANSION * width),
                act=nn.GELU(),
                fc2=nn.Linear(EXPANSION * width, width),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """From (B, width, h, w) to the same; h and w need not be multiples of the window."""
        x = self.local_conv(x + self._attended(x))
        return x + self.mlp(x.movedim(1, -1)).movedim(-1, 1)

    def _attended(self, x: Tensor) -> Tensor:
        """What each cell of (B, C, h, w) reads within its window."""
        height, width = x.shape[2:]
        side = self.window
        # The zeros that fill the last windows are read like any cell: so the network was trained.
        padded = F.pad(x, (0, -width % side, 0, -height % side))
        tiles = padded.unflatten(3, (-1, side)).unflatten(2, (-1, side)).permute(0, 2, 4, 3, 5, 1)
        read = self.attn(tiles.flatten(3, 4).flatten(0, 2)).view(tiles.shape)
        return read.permute(0, 5, 1, 3, 2, 4).reshape(padded.shape)[..., :height, :width]


class Attention(nn.Module):
    """Self-attention over the cells of a window, with a learned bias for each distance.

    `attention_biases` (heads, window * window) are by distance down and distance across, row by
    row; they know no sides.
    """

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: Tensor) -> Tensor:
        """From windows (n, window * window, C) to the same."""
        heads = len(self.attention_biases)
        # Each head's query, key and value lie together.
        by_head = self.qkv(self.norm(x)).unflatten(2, (heads, -1)).transpose(1, 2)
        query, key, value = by_head.chunk(3, dim=-1)
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=self._biases())
        mixed: Tensor = self.proj(read.transpose(1, 2).flatten(2))
        return mixed

    def _biases(self) -> Tensor:
        """Of every pair of cells, (heads, window * window, window * window)."""
        line = torch.arange(self.window, device=self.attention_biases.device)
        apart = (line[:, None] - line).abs()
        distance = self.window * apart[:, None, :, None] + apart[None, :, None, :]
        return self.attention_biases[:, distance.flatten(2).flatten(0, 1)]


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        """From (B, C, h, w) to the same."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _stage(blocks: Sequence[nn.Module], merging: Merging | None = None) -> nn.Sequential:
    stage = nn.Sequential(OrderedDict(blocks=nn.Sequential(*blocks)))
    if merging is not None:
        stage.add_module("downsample", merging)
    return stage
