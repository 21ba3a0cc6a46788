"""Tensors between host and device with as little waiting as can be, and images of one size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

ASYNCHRONOUS = ("cuda", "xpu")
"""Devices that take copies from the host without anybody waiting; others wait for the work that
came before, or read memory that may be gone by then."""


def upload(images: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """The images on a device.

    Where copies need not be waited for they go by way of pinned memory: the next picture is staged
    while the last one travels, and kernels queue up behind it. Images that are there already, as on
    a CPU, are passed on as they are.
    """
    return [
        image.pin_memory().to(device, non_blocking=True)
        if device.type in ASYNCHRONOUS and image.device.type == "cpu"
        else image.to(device)
        for image in images
    ]


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A small tensor, such as indices, on a device: what runs there is not waited for."""
    return tensor.to(device, non_blocking=device.type in ASYNCHRONOUS)


def download(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors of one dtype and one device on the CPU, in a single transfer."""
    if not tensors or tensors[0].device.type == "cpu":
        return list(tensors)
    together = torch.cat([tensor.flatten() for tensor in tensors]).cpu()
    parts = together.split([tensor.numel() for tensor in tensors])
    # Copies: whoever keeps one of them shall not keep them all.
    return [part.view(own.shape).clone() for part, own in zip(parts, tensors, strict=True)]


def wait_for(device: torch.device) -> None:
    """Return when a device has done all its work; a CPU always has."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device.index)


def by_size(images: Sequence[Tensor]) -> list[list[int]]:
    """The positions of images of the same shape, one list a shape, in order of appearance."""
    groups: dict[torch.Size, list[int]] = defaultdict(list)
    for position, image in enumerate(images):
        groups[image.shape].append(position)
    return list(groups.values())
