"""The pictures that were segmented: where they lie, and copies of them for other tools."""

from __future__ import annotations

import io
import os
import posixpath

from PIL import ExifTags, Image

from zeroseg.data.names import sample_names
from zeroseg.errors import ImageError
from zeroseg.find_images import shown
from zeroseg.images import read_image
from zeroseg.plotting import picture
from zeroseg.scale.archive import content_of, list_pictures

_EVERYWHERE = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""What the tools that take copies read."""


class Originals:
    """Finds pictures by the names of their results.

    Args:
        place: Folder of the pictures, a path or URL; by default they are where results say.

    Raises:
        ZerosegError: There is no such folder, or no picture in it.
    """

    def __init__(self, place: str | None = None) -> None:
        self._by_name: dict[str, str] | None = None
        if place is not None:
            works = list_pictures(place).works
            names = sample_names([work.name for work in works])
            self._by_name = {work.name: work.source for work in works}
            self._by_name.update(
                (name, work.source) for name, work in zip(names, works, strict=True)
            )

    def find(self, name: str, told: str) -> str:
        """Where a picture lies; "" where that is not known.

        Args:
            name: Of its result.
            told: Where its result says that it lies.
        """
        if self._by_name is None:
            return told
        last = posixpath.basename(name)
        return self._by_name.get(name) or self._by_name.get(last, "")


def original(source: str) -> bytes:
    """The content of a picture's file.

    Raises:
        ImageError: It is not known where it lies, or it cannot be read.
    """
    if not source:
        raise ImageError("nothing tells where the picture itself lies: name its folder, --pictures")
    try:
        return content_of(source)
    except OSError as error:
        raise ImageError(f"the picture '{shown(source)}' cannot be read: {error}") from error


def upright(content: bytes, suffix: str) -> tuple[bytes, str]:
    """A picture's file as results lie on it, and its suffix.

    A file that is turned by EXIF, which results follow and not every tool does, or is of a rare
    format, is written anew as PNG; any other stays as it is.
    """
    if suffix.lower() in _EVERYWHERE:
        with Image.open(io.BytesIO(content)) as opened:
            turned = opened.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1)
        if not turned:
            return content, suffix
    encoded = io.BytesIO()
    picture(read_image(content)).save(encoded, "PNG")
    return encoded.getvalue(), ".png"


def local_path(source: str) -> str | None:
    """The absolute path of a picture on this machine; None for one of a store."""
    path = source.removeprefix("file://")
    return None if not path or "://" in path else os.path.abspath(path)
