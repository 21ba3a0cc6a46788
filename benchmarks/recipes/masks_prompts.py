"""What a tiny SAM is asked for while it trains: regions of a batch, as boxes and points."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.recipes.batches import Batch
from zeroseg.drawn.world import THINGS

SMALLEST = 40
"""Pixels that a region must have to be asked for."""


@dataclass(frozen=True)
class Prompts:
    """N regions to segment, out of a batch of B images of S x S pixels.

    Attributes:
        image: (N,) int64 in [0, B).
        masks: (N, S, S) bool, the visible pixels of each region.
        boxes: (N, 4) float32, x1 y1 x2 y2 in pixels, tight around the mask.
        things: (N,) bool, False for stuff.
    """

    image: Tensor
    masks: Tensor
    boxes: Tensor
    things: Tensor


def letterboxed(batch: Batch, rng: np.random.Generator, share: float) -> Batch:
    """Cut some images short and fill up with zeros at the right or bottom, as SAM pads them.

    The last region slot, of no category, takes the padding. The batch is on the CPU.
    """
    side = batch.images.shape[-1]
    cut = rng.random(len(batch.images)) < share
    kept = torch.from_numpy(np.where(cut, rng.uniform(0.5, 1.0, len(cut)) * side, side)).long()
    across = torch.from_numpy(rng.random(len(cut)) < 0.5)
    line = torch.arange(side)
    beyond = line >= kept[:, None]
    padding = torch.where(across[:, None, None], beyond[:, None, :], beyond[:, :, None])
    last = batch.categories.shape[1] - 1
    limit = torch.where(across[:, None] == torch.tensor([True, False]), kept[:, None], side) / side
    categories = batch.categories.clone()
    categories[:, last] = -1
    return replace(
        batch,
        images=batch.images.masked_fill(padding[:, None], 0.0),
        segments=batch.segments.masked_fill(padding, last),
        categories=categories,
        boxes=torch.minimum(batch.boxes, limit.repeat(1, 2)[:, None]),
    )


def tight_boxes(masks: Tensor) -> Tensor:
    """The boxes (N, 4) around masks (N, H, W) that are not empty, in pixels."""

    def extent(present: Tensor) -> tuple[Tensor, Tensor]:
        line = present.float()
        return line.argmax(-1), line.shape[-1] - line.flip(-1).argmax(-1)

    (x1, x2), (y1, y2) = extent(masks.any(1)), extent(masks.any(2))
    return torch.stack([x1, y1, x2, y2], -1).float()


def choose_regions(
    batch: Batch, rng: np.random.Generator, most: int, stuff_share: float = 0.3
) -> Prompts:
    """Take the things of a batch and some of its stuff, `most` regions at random if too many."""
    count, slots = batch.categories.shape
    device, flat = batch.segments.device, batch.segments.flatten(1)
    areas = torch.zeros(count, slots, dtype=torch.int64, device=device)
    areas.scatter_add_(1, flat, torch.ones_like(flat))
    things = (batch.categories >= 0) & (batch.categories < len(THINGS))
    lucky = torch.from_numpy(rng.random((count, slots)) < stuff_share).to(device)
    wanted = (areas >= SMALLEST) & (batch.categories >= 0) & (things | lucky)
    chosen = wanted.nonzero()
    if len(chosen) > most:
        drawn = np.sort(rng.permutation(len(chosen))[:most])
        chosen = chosen[torch.from_numpy(drawn).to(device)]
    image, slot = chosen.unbind(1)
    masks = batch.segments[image] == slot[:, None, None]
    return Prompts(image, masks, tight_boxes(masks), things[image, slot])


def jittered(boxes: Tensor, rng: np.random.Generator, most: float, side: int) -> Tensor:
    """Move the edges of 60 % of the boxes by up to `most` of their width or height."""
    amount = rng.uniform(0, most, (len(boxes), 1)) * (rng.random((len(boxes), 1)) < 0.6)
    moves = torch.from_numpy(rng.uniform(-1, 1, boxes.shape) * amount).float().to(boxes.device)
    extent = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return (boxes + moves * extent).clamp(0, side)


def random_points(masks: Tensor, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Up to `count` pixels inside each mask, (N, count, 2), and their labels, 1 or -10."""
    side, device = masks.shape[-1], masks.device
    noise = torch.from_numpy(rng.random(masks.shape, dtype=np.float32)).flatten(1).to(device)
    best = noise.masked_fill_(~masks.flatten(1), -1.0).topk(count).indices
    points = torch.stack([best % side, best // side], -1).float()
    held = torch.from_numpy(rng.integers(1, count + 1, (len(masks), 1))).to(device)
    return points, torch.where(torch.arange(count, device=device) < held, 1, -10)


def top_points(logits: Tensor, boxes: Tensor, count: int, side: int) -> tuple[Tensor, Tensor]:
    """The pixels of highest logit in each box, as `TopLogits` takes them from the first pass."""
    full = F.interpolate(logits, (side, side), mode="bilinear")[:, 0]
    line = torch.arange(side, device=boxes.device) + 0.5
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    across, down = (line >= x1) & (line < x2), (line >= y1) & (line < y2)
    inside = down[:, :, None] & across[:, None, :]
    best = full.masked_fill(~inside, float("-inf")).flatten(1).topk(count).indices
    points = torch.stack([best % side, best // side], -1).float()
    return points, torch.ones_like(best)


def border_map(segments: Tensor, stride: int) -> Tensor:
    """Where neighbours belong to different regions, (B, S/stride, S/stride) in {0, 1}."""
    right = F.pad(segments[:, :, 1:] != segments[:, :, :-1], (0, 1))
    below = F.pad(segments[:, 1:] != segments[:, :-1], (0, 0, 0, 1))
    return F.max_pool2d((right | below).float()[:, None], stride)[:, 0]


def class_map(batch: Batch, stride: int) -> Tensor:
    """Categories of every `stride`-th pixel, (B, S/stride, S/stride), -1 in padding."""
    segments = batch.segments[:, stride // 2 :: stride, stride // 2 :: stride]
    return batch.categories.gather(1, segments.flatten(1)).view_as(segments)


def extent_map(batch: Batch, stride: int) -> Tensor:
    """How far every `stride`-th pixel is from its region's box edges, (B, 4, S/stride, S/stride).

    In shares of the frame, and positive: left, top, right, bottom.
    """
    segments = batch.segments[:, stride // 2 :: stride, stride // 2 :: stride]
    count, height, _ = segments.shape
    index = segments.flatten(1)[..., None].expand(-1, -1, 4)
    boxes = batch.boxes.gather(1, index).view(count, height, height, 4).permute(0, 3, 1, 2)
    line = (torch.arange(height, device=boxes.device) + 0.5) / height
    across = torch.stack(torch.meshgrid(line, line, indexing="xy")).repeat(2, 1, 1)
    return (boxes - across).abs()
