"""The door for mask files: whole numbers, one a pixel, in any depth a file may have."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroseg.errors import ImageError

_DEPTHS = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes of grey and indexed pictures of 1 to 16 bits, and what Pillow reads 16 bits as."""

_SPREAD = {"L;2": 85, "L;4": 17}
"""Grey of 2 and 4 bits, which Pillow spreads over 0..255, and by how much."""

_LOSSY = ("JPEG", "MPO", "JPEG2000")
"""Formats that change numbers, whatever the file is called."""


class MissingMask(ImageError):
    """A picture without its mask."""


def read_ids(path: Path | None, what: str = "mask") -> Tensor:
    """The numbers in a grey or indexed picture, as (H, W) int64; of a palette, the indices.

    Args:
        path: The file.
        what: What errors call it.

    Raises:
        MissingMask: There is no such file.
        ImageError: The file cannot be read, or holds colours or other things than numbers.
    """
    named = f"{what} '{path}'"
    try:
        there = path is not None and path.is_file()
    except OSError as error:  # a name that no file can have
        raise ImageError(f"the {named} cannot be read: {error.strerror}") from error
    if path is None or not there:
        raise MissingMask(f"there is no {named}")
    return _ids(path, named)


def ids_in(content: bytes, named: str) -> Tensor:
    """The same of the content of a file, (H, W) int64.

    Args:
        content: A grey or indexed picture, encoded.
        named: What errors call it, such as "mask 'x.png'".

    Raises:
        ImageError: It cannot be read, or holds colours or other things than numbers.
    """
    return _ids(io.BytesIO(content), named)


def _ids(file: Path | BinaryIO, named: str) -> Tensor:
    try:
        with Image.open(file) as picture:
            _want_ids(named, picture.mode, picture.format)
            spread = _SPREAD.get(_stored(picture), 1)
            numbers = np.array(picture)
    except ImageError:
        raise
    except Exception as error:  # whatever any decoder raises is a problem of this file alone
        said = str(error) or type(error).__name__
        raise ImageError(f"the {named} cannot be read: {said}") from error
    return torch.from_numpy(numbers.astype(np.int64)) // spread


def is_whole_mask(file: Path | BinaryIO, size: tuple[int, int]) -> bool:
    """Whether a PNG is there and undamaged, by its own checksums; no pixel is decoded.

    Args:
        file: A path, or an open file.
        size: The (height, width) that it is to have.
    """
    try:
        with Image.open(file) as picture:
            height, width = picture.height, picture.width
            _want_ids("mask", picture.mode, picture.format)
            picture.verify()
    except Exception:  # whatever any decoder raises, the file is not whole
        return False
    return (height, width) == size


def _want_ids(named: str, mode: str, kind: str | None) -> None:
    """Refuse a picture that can hold no ids, before any of its pixels are read."""
    if mode not in _DEPTHS:
        raise ImageError(
            f"the {named} is a picture of mode {mode}: it holds colours, not ids; save ids as a "
            f"grey or indexed PNG of one channel"
        )
    if kind in _LOSSY:
        raise ImageError(f"the {named} is a {kind}, which changes ids; save it as PNG")


def _stored(picture: Image.Image) -> str:
    """How the pixels lie in the file, such as "L;4"; "" where the decoder does not say."""
    tiles = getattr(picture, "tile", None)  # only pictures from files have it
    stored = tiles[0][3] if tiles else ""
    return str(stored[0] if isinstance(stored, tuple) and stored else stored)
