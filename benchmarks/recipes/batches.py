"""Random, augmented batches from a cache of drawn scenes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.recipes.cache import Cache

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Batch:
    """B scenes of S x S pixels with their R = MAX_REGIONS region slots.

    Attributes:
        images: (B, 3, S, S) float32, normalised with ImageNet mean and std.
        segments: (B, S, S) int64 in [0, R), the region of each pixel.
        categories: (B, R) int64, index into `CATEGORIES`, -1 for an empty slot.
        names: (B, R) int64, index into `FINE_NAMES`, -1 for stuff and empty slots.
        boxes: (B, R, 4) float32, x1 y1 x2 y2 in [0, 1]; zeros where no pixel is left.
        areas: (B, R) int64, pixels left of each region.
        kept: (B, R) float32, share of the region's pixels that the crop left.
    """

    images: Tensor
    segments: Tensor
    categories: Tensor
    names: Tensor
    boxes: Tensor
    areas: Tensor
    kept: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))

    def category_map(self) -> Tensor:
        """The category index of each pixel, (B, S, S) int64."""
        return self.categories.gather(1, self.segments.flatten(1)).view_as(self.segments)


def _areas(segments: Tensor, slots: int) -> Tensor:
    areas = torch.zeros(len(segments), slots, dtype=torch.int64)
    flat = segments.flatten(1)
    return areas.scatter_add_(1, flat, torch.ones_like(flat))


def _boxes(segments: Tensor, slots: int) -> Tensor:
    count, height, width = segments.shape
    base = torch.arange(count)[:, None, None] * slots
    present_x = torch.zeros(count * slots * width, dtype=torch.bool)
    present_y = torch.zeros(count * slots * height, dtype=torch.bool)
    present_x[((base + segments) * width + torch.arange(width)).flatten()] = True
    present_y[((base + segments) * height + torch.arange(height)[:, None]).flatten()] = True

    def extent(present: Tensor, length: int) -> tuple[Tensor, Tensor]:
        line = present.view(count, slots, length).float()
        first = line.argmax(-1).float()
        last = length - line.flip(-1).argmax(-1).float()
        return first / length, last / length * line.any(-1)

    (x1, x2), (y1, y2) = extent(present_x, width), extent(present_y, height)
    return torch.stack([x1, y1, x2, y2], -1)


def _augmentation(rng: np.random.Generator, count: int, stretch: float) -> Tensor:
    """Affine maps (B, 2, 3) of flip, zoom, stretch and shift.

    The window never leaves the scene: what a border would mirror has no true box.
    """
    flipped = torch.from_numpy(rng.random(count) < 0.5)
    zoom = np.exp(rng.uniform(-0.3, 0.1, (count, 1)) + rng.uniform(-stretch, stretch, (count, 2)))
    zoom = zoom.clip(max=1)
    theta = torch.zeros(count, 2, 3)
    theta[:, [0, 1], [0, 1]] = torch.from_numpy(zoom).float()
    theta[:, 0, 0] *= torch.where(flipped, -1.0, 1.0)
    theta[:, :, 2] = torch.from_numpy(rng.uniform(-1, 1, (count, 2)) * (1 - zoom)).float()
    return theta


def make_batch(
    cache: Cache,
    indices: np.ndarray,
    size: int,
    rng: np.random.Generator | None = None,
    stretch: float = 0.1,
) -> Batch:
    """Read scenes, augment them if `rng` is given, and bring them to `size` x `size` pixels.

    `stretch` is the largest logarithm by which augmentation stretches each axis on its own.
    """
    indices = np.sort(indices)
    images = torch.from_numpy(cache.images[indices]).permute(0, 3, 1, 2).float().div_(255)
    segments = torch.from_numpy(cache.segments[indices])[:, None]
    count, slots = len(indices), cache.categories.shape[1]
    before = _areas(segments[:, 0].long(), slots)
    total = segments[0].numel()
    if rng is None:
        images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        segments = F.interpolate(segments, (size, size), mode="nearest-exact")
        zoom = torch.ones(count)
    else:
        theta = _augmentation(rng, count, stretch)
        zoom = theta[:, 0, 0].abs() * theta[:, 1, 1]
        grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
        images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        segments = F.grid_sample(
            segments.float(), grid, "nearest", padding_mode="reflection", align_corners=False
        )
        gain = torch.from_numpy(rng.uniform(0.8, 1.2, (count, 3, 1, 1))).float()
        offset = torch.from_numpy(rng.uniform(-0.08, 0.08, (count, 1, 1, 1))).float()
        images = (images * gain + offset).clamp_(0, 1)
    regions = segments[:, 0].long()
    areas = _areas(regions, slots)
    scale = size * size / total / zoom[:, None]
    mean, std = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_STD)
    return Batch(
        images=(images - mean[:, None, None]) / std[:, None, None],
        segments=regions,
        categories=torch.from_numpy(cache.categories[indices]).long(),
        names=torch.from_numpy(cache.names[indices]).long(),
        boxes=_boxes(regions, slots),
        areas=areas,
        kept=areas / (before * scale).clamp(min=1),
    )
