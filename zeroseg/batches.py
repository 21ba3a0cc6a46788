"""Images of a batch: onto the device, and those of one size together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor


def upload(images: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """The images on a device.

    To a CUDA device they go by way of pinned memory, so that nothing waits for the copies: the
    next picture is staged while the last one travels, and kernels queue up behind it. Images that
    are there already, as on a CPU, are passed on as they are.
    """
    return [_upload(image, device) for image in images]


def _upload(image: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda" and image.device.type == "cpu":
        return image.pin_memory().to(device, non_blocking=True)
    return image.to(device)


def by_size(images: Sequence[Tensor]) -> list[list[int]]:
    """The positions of images of the same shape, one list a shape, in order of appearance."""
    groups: dict[torch.Size, list[int]] = defaultdict(list)
    for position, image in enumerate(images):
        groups[image.shape].append(position)
    return list(groups.values())
