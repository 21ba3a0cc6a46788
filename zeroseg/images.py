"""The door for pictures: whatever a user brings becomes a uint8 tensor (3, H, W), once."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from zeroseg.errors import ImageError
from zeroseg.find_images import is_url, shown
from zeroseg.pixels import from_array, from_colors, from_tensor, on_white
from zeroseg.regular_file import open_regular

ImageLike: TypeAlias = (
    "str | Path | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray | Tensor"
)
"""A file; the bytes of one, or an open one; a PIL image; an array (H, W, 3) or (H, W); or a tensor
(3, H, W)."""

MINIMUM_SIDE = 8
"""Pictures with a side shorter than this many pixels hold nothing to segment."""

_REFUSED = ("EPS",)
"""Formats that Pillow gives to another program (Ghostscript) to run."""

_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of an EXIF orientation upright."""


def read_image(source: ImageLike, turn: bool = True) -> Tensor:
    """Convert a picture to a uint8 tensor (3, H, W), RGB, of its own.

    EXIF orientation is applied unless `turn` is False (masks of benchmarks are in the order of
    the pixels in the file), palettes, CMYK and grey are converted, and transparent pixels are
    laid on white. Of an animation in a file, the first frame is taken; a PIL image is the frame
    that it stands at, and stays as it is, as does an open file. In pictures deeper than 8 bits, of
    whole or floating point numbers, the brightest value tells what white is, or they are refused:
    see `zeroseg.pixels.from_array`.

    Raises:
        ImageError: The source is no picture, cannot be read, or is smaller than 8 x 8 pixels.
            Whatever a decoder raises becomes this.

    Example:
        >>> from zeroseg import read_image
        >>> image = read_image("picture.png")
        >>> image.shape, image.dtype
        (torch.Size([3, 128, 128]), torch.uint8)
    """
    with _called(_name(source)):
        image = _convert(source, turn)
        height, width = image.shape[1:]
        if min(height, width) < MINIMUM_SIDE:
            raise ImageError(
                f"is {width} x {height} pixels; at least {MINIMUM_SIDE} x {MINIMUM_SIDE} are needed"
            )
    return image


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The content of a picture's file.

    Raises:
        ImageError: There is none, or it cannot be read.
    """
    with _called(_name(path)), _open_file(path) as file:
        return file.read()


def _convert(source: Any, turn: bool) -> Tensor:
    if isinstance(source, Tensor):
        return from_tensor(source)
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, Image.Image):
        return _from_pil(source, turn, own=False)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(io.BytesIO(source), turn)
    if hasattr(source, "read"):
        return _decode(io.BytesIO(_content(source)), turn)
    if isinstance(source, str | os.PathLike):
        with _open_file(source) as file:
            return _decode(file, turn)
    raise ImageError("is no picture; give a path, bytes, an open file, a PIL image or an array")


def _name(source: Any) -> str:
    """What errors call a source."""
    if isinstance(source, Tensor):
        return "the tensor"
    if isinstance(source, np.ndarray):
        return "the array"
    if isinstance(source, Image.Image):
        return "the PIL image"
    if isinstance(source, bytes | bytearray | memoryview):
        return "the encoded picture"
    if hasattr(source, "read"):
        return "the open file"
    path = path_text(source)
    return f"the {type(source).__name__}" if path is None else f"the file '{shown(path)}'"


def path_text(source: object) -> str | None:
    """A path as text; None for what is no path, or an object that cannot say which it is."""
    if not isinstance(source, str | os.PathLike):
        return None
    try:
        return os.fsdecode(source)
    except Exception:  # a path object of somebody else's; reading it says what is wrong
        return None


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Have whatever goes wrong with a source be an ImageError that names it."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name} {error}") from error.__cause__
    except FileNotFoundError as error:
        raise ImageError(f"{name} cannot be read: there is no file of that name") from error
    except Image.DecompressionBombError as error:
        advice = (
            "a GeoTIFF of any size goes through `zeroseg segment` or zeroseg.tiling; where such "
            "pictures can be trusted, raise PIL.Image.MAX_IMAGE_PIXELS"
        )
        raise ImageError(f"{name} is not read: {error}; {advice}") from error
    except Exception as error:  # the one boundary: decoders raise errors of every kind
        raise ImageError(f"{name} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    kind, text = type(error).__name__, " ".join(str(error).split())
    return f"{text} ({kind})" if text else kind


def _open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a picture's file; "~" is the user's folder where nothing is called so."""
    text = os.fsdecode(path)
    if is_url(text):
        raise ImageError("is a URL: fetch it first, or give it to `zeroseg batch`")
    if not os.path.lexists(text):
        text = os.path.expanduser(text)
    return open_regular(text)


def _content(file: Any) -> bytes:
    """All bytes of an open file, which is left at the position where it was."""
    seekable = hasattr(file, "seekable") and file.seekable()
    before = file.tell() if seekable else 0
    if seekable:
        file.seek(0)
    content = file.read()
    if seekable:
        file.seek(before)
    if isinstance(content, str):
        raise ImageError("is open as text; open it as 'rb'")
    return bytes(content)


def _decode(file: BinaryIO, turn: bool) -> Tensor:
    if not (head := file.read(16)):
        raise ImageError("is empty")
    _prepare_pillow()
    try:
        picture = Image.open(file, formats=[f for f in Image.ID if f not in _REFUSED])
    except UnidentifiedImageError as error:
        is_heif = head[4:8] == b"ftyp" and head[8:11] in (b"hei", b"hev", b"mif", b"msf")
        hint = ': pip install "zeroseg[heif]"' if is_heif and "HEIF" not in Image.OPEN else ""
        raise ImageError(f"is not a picture that can be read{hint}") from error
    with picture:
        return _from_pil(picture, turn, own=True)


def _from_pil(picture: Image.Image, turn: bool, own: bool) -> Tensor:
    """The pixels of a PIL image.

    Args:
        picture: The image.
        turn: Whether to turn it as its EXIF orientation says.
        own: Whether it is nobody else's, and may be changed.
    """
    tiles = getattr(picture, "tile", None)  # how the pixels lie in the file, until they are loaded
    halved = picture.mode in ("RGB", "RGBA") and ";16" in str(tiles)
    orientation = _load(picture, own)
    pixels = _pixels(picture, orientation if turn else 1)
    if halved and int(pixels.max()) < 16:
        raise ImageError(
            "is black in the higher 8 of its 16 bits, and of pictures in colour only these are "
            "read; save it with 8 bits"
        )
    return pixels


@cache
def _prepare_pillow() -> None:
    """Load all decoders, and keep Pillow from printing about large pictures and damaged EXIF."""
    Image.init()
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.", append=True)
    with suppress(ImportError):  # optional, and where it is broken, other pictures are read
        from pillow_heif import register_heif_opener

        register_heif_opener()


def _load(picture: Image.Image, own: bool) -> int:
    """Load the pixels, and tell the EXIF orientation in which they are."""
    if picture.format != "TIFF" or not own:
        picture.load()
        return _orientation(picture)
    orientation = _orientation(picture)
    _forget_exif(picture)  # else Pillow turns it by itself, and reads all of a damaged EXIF
    picture.load()
    return orientation


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where there is none."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF, of which parsers raise all kinds, does not cost the picture
        return 1


def _forget_exif(picture: Image.Image) -> None:
    """Take all EXIF off a picture that is open."""
    try:
        exif = picture.getexif()
        for tag in list(exif):
            del exif[tag]
    except Exception:  # see `_orientation`
        return


def _pixels(picture: Image.Image, orientation: int) -> Tensor:
    """The pixels of a PIL image, which is left as it is."""
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    if picture.mode.startswith("I") or picture.mode == "F":
        return from_array(np.asarray(picture))
    if picture.mode in _TRANSPARENT or "transparency" in picture.info:
        picture = on_white(picture)
    return from_colors(picture)
