"""Pictures from outside: what is sent, and those of a folder that the server offers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from zeroseg.errors import ImageError
from zeroseg.find_images import search
from zeroseg.images import read_image


class TooLarge(ImageError):
    """A picture of more pixels than are worked on."""


def read_sent(content: bytes, megapixels: float) -> Tensor:
    """The pixels of a picture that was sent, (3, H, W) uint8; its size is looked at first.

    Raises:
        TooLarge: It has more pixels than are allowed.
        ImageError: It cannot be read.
    """
    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
    except Exception:  # `read_image` says what is wrong with it, or knows more formats
        width = height = 0
    _check_size(width, height, megapixels)
    image = read_image(content)
    _check_size(image.shape[2], image.shape[1], megapixels)
    return image


def _check_size(width: int, height: int, megapixels: float) -> None:
    if width * height > megapixels * 1e6:
        raise TooLarge(
            f"the picture is {width} x {height} pixels; up to {megapixels:g} megapixels are "
            f"worked on here, send a smaller one"
        )


class OfferedPictures:
    """The pictures of a folder, as they were when the server began.

    Clients name them by their place in the list, so that no path ever comes from outside.

    Args:
        folder: Searched to its depths; None for no pictures.

    Raises:
        ImageError: It is not there, or holds no pictures.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.names: Sequence[str] = ()
        self.files: Sequence[Path] = ()
        if folder is not None:
            found = search(folder)
            self.names, self.files = found.names, found.files
