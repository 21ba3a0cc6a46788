"""Writing a video: pictures at their times become an MP4."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zeroseg.errors import OutputError
from zeroseg.video.frames import pyav

ENCODERS = ("libx264", "mpeg4")
"""Which may be in a build of FFmpeg, the best first."""
FINEST = 60000
"""Ticks a second: the clock of MPEG-4 has at most 16 bits for them."""


def write_film(
    file: Path,
    pictures: Iterable[tuple[float, Image.Image]],
    rate: Fraction,
    time_base: Fraction,
) -> Iterator[float]:
    """Write pictures at their times, in H.264 or else MPEG-4; there whole or not at all.

    Sides that are odd get one more row or column, the last one again: the pixels' colours are
    stored for two by two.

    Args:
        file: Where to, an MP4.
        pictures: Seconds and picture, in order; all of one size.
        rate: Frames a second, on the average.
        time_base: The unit of the clock that the times are on, in seconds.

    Yields:
        The time of each picture that has been taken.

    Raises:
        OutputError: It cannot be written.
    """
    av = pyav("write_film")
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        with av.open(str(partial), "w", format="mp4") as container:
            yield from _encoded(av, container, pictures, rate, time_base)
        os.replace(partial, file)
    except (av.error.FFmpegError, OSError) as error:
        raise OutputError(f"cannot write '{file}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it has its name, or never came to be
            partial.unlink()


def _encoded(
    av: Any,
    container: Any,
    pictures: Iterable[tuple[float, Image.Image]],
    rate: Fraction,
    time_base: Fraction,
) -> Iterator[float]:
    stream: Any = None
    unit, last = time_base.limit_denominator(FINEST) or Fraction(1, FINEST), -1
    for time, picture in pictures:
        pixels = _even(np.asarray(picture.convert("RGB")))
        if stream is None:
            stream = _stream(av, container, pixels.shape, rate, unit)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        last = max(round(Fraction(time) / unit), last + 1)
        frame.pts, frame.time_base = last, unit
        container.mux(stream.encode(frame))
        yield time
    if stream is not None:
        container.mux(stream.encode(None))


def _stream(av: Any, container: Any, shape: tuple[int, ...], rate: Fraction, unit: Fraction) -> Any:
    encoder = next(name for name in ENCODERS if name in av.codecs_available)
    stream = container.add_stream(encoder, rate=rate.limit_denominator(FINEST))
    stream.height, stream.width, stream.pix_fmt = *shape[:2], "yuv420p"
    stream.codec_context.time_base = unit
    if encoder == "libx264":
        stream.options = {"rc-lookahead": "0"}  # with it, AVX-512 gives other bytes now and then
    if encoder == "mpeg4":
        stream.bit_rate = 4 * shape[0] * shape[1]
    return stream


def _even(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
