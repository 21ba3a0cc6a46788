"""What the recipes' vision transformers start from: principal components and sinusoids."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def image_patches(projection: nn.Conv2d, images: Tensor) -> Tensor:
    """The patches of all images (N, C, S, S) that a patch embedding reads, (N * L, D)."""
    patches = F.unfold(images, projection.kernel_size, stride=projection.stride)
    return patches.transpose(1, 2).flatten(0, 1)


def principal_components(patches: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Variances (count,) and directions (D, count) of the main components, the first one last."""
    variances, directions = torch.linalg.eigh(patches.T.cov())
    return variances[-count:], directions[:, -count:]


@torch.no_grad()
def start_projection(projection: nn.Conv2d, weight: Tensor, mean: Tensor) -> None:
    """Let a patch embedding compute `weight @ (patch - mean)`; weight (count, D), mean (D,)."""
    projection.weight.copy_(weight.view_as(projection.weight))
    assert projection.bias is not None
    projection.bias.copy_(-weight @ mean)


def sinusoids(side: int, width: int) -> Tensor:
    """Two-dimensional sine and cosine positions, (1, side, side, width)."""
    frequencies = 2.0 ** torch.linspace(0, math.log2(side), width // 4)
    angles = math.pi * (torch.arange(side) + 0.5)[:, None] / side * frequencies
    line = torch.cat([angles.sin(), angles.cos()], 1)
    rows = line[:, None].expand(side, side, -1)
    columns = line[None].expand(side, side, -1)
    return torch.cat([rows, columns], -1)[None]
