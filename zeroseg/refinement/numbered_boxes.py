"""Pictures with numbered boxes drawn on them, to ask a model that sees about regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import ImageDraw, ImageFont
from torch import Tensor

from zeroseg.chat.chat_model import Picture

_COLORS = ("#e6194b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#000075", "#f032e6")
_SMALLEST = 12
"""Pixels of the smallest digits."""
_LETTERS = 36
"""The longer side of a picture in heights of its digits."""


def with_numbers(
    image: Tensor, boxes: Sequence[Sequence[float]], longest_side: int | None
) -> Picture:
    """An image with boxes and their numbers from 1, drawn in the size that it is shown in.

    Args:
        image: (3, H, W) uint8, RGB.
        boxes: x1 y1 x2 y2 in pixels of the image; the first is drawn on top.
        longest_side: See `Picture`.
    """
    plain = Picture(image.cpu(), longest_side)
    if not boxes:
        return plain
    sheet = plain.image()
    scale = sheet.width / image.shape[2], sheet.height / image.shape[1]
    size = max(_SMALLEST, max(sheet.size) // _LETTERS)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for number, (x1, y1, x2, y2) in reversed(list(enumerate(boxes, start=1))):
        color = _COLORS[(number - 1) % len(_COLORS)]
        corner = (x1 * scale[0], y1 * scale[1])
        pen.rectangle(
            (*corner, x2 * scale[0], y2 * scale[1]), outline=color, width=max(2, size // 6)
        )
        place = (
            min(max(corner[0], 0), max(sheet.width - size, 0)),
            min(max(corner[1], 0), max(sheet.height - size, 0)),
        )
        pen.rectangle(pen.textbbox(place, str(number), font=font, anchor="lt"), fill=color)
        pen.text(place, str(number), fill="white", font=font, anchor="lt")
    pixels = torch.from_numpy(np.asarray(sheet).copy()).permute(2, 0, 1).contiguous()
    return Picture(pixels)
