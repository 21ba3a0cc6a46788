"""Pictures resized by PIL on 8 bits, as the reference does for every network."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor


def resized(image: Tensor, size: tuple[int, int], by: Image.Resampling) -> Tensor:
    """An image (3, H, W) uint8 at `size` (height, width), bit for bit as PIL makes it.

    PIL rounds to 8 bits after each of its two passes; tensors are resized in floating point, by
    which a few values differ by a grey level. It works on the CPU, wherever the image is.
    """
    picture = Image.fromarray(image.permute(1, 2, 0).cpu().numpy())
    made = torch.frombuffer(bytearray(picture.resize(size[::-1], by).tobytes()), dtype=torch.uint8)
    return made.view(*size, 3).permute(2, 0, 1).contiguous().to(image.device)
