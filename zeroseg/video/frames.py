"""The door for videos: frames one after the other, upright, with their times."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from zeroseg.errors import ImageError, PackageNotFound, VideoError
from zeroseg.images import MINIMUM_SIDE, ImageLike, read_image
from zeroseg.video.decoded import decoded

VideoLike: TypeAlias = "str | Path | VideoFile | Pictures | Iterable[ImageLike]"
"""A file that FFmpeg reads, or pictures one after the other."""

SHORT = 0.02
"""Share of the frames that a file says it has which may be missing: edit lists leave some out."""
PAUSE = 1.0
"""Seconds for which the last frame may be shown."""


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: Its number, from 0.
        time: Seconds on the video's own clock at which it is shown.
        image: (3, H, W) uint8, RGB, upright.
        lost: Why the frame cannot be decoded, and has the picture of the one before, or of the
            first that can be; "" of all others.
    """

    index: int
    time: float
    image: Tensor
    lost: str = ""


class VideoFile:
    """A video in a file, read by PyAV (FFmpeg) when it is iterated; memory is that of one frame.

    Frames come in the order they are shown in, at their own times: a rate that varies is kept.
    A video that is stored on its side is turned upright. A frame that cannot be decoded is `lost`,
    and the others go on; what its neighbours took from it, the decoder makes up.

    Args:
        path: The file.

    Attributes:
        rate: Frames a second, on the average.
        time_base: The unit of its clock, in seconds.
        count: How many frames the file says it has; None where it does not say.

    Raises:
        VideoError: It cannot be opened, or holds no video.
        PackageNotFound: PyAV is not installed.

    Example:
        >>> from zeroseg.video import VideoFile
        >>> video = VideoFile("clip.mp4")
        >>> [frame.time for frame in video][:3], tuple(next(iter(video)).image.shape)
        ([0.0, 0.08333333333333333, 0.16666666666666666], (3, 128, 128))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with _opened(self.path) as (container, stream):
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.time_base = Fraction(stream.time_base or 1 / self.rate)
            self.count: int | None = stream.frames or None
            alone = len(container.streams) == 1  # else it may be sound that goes on
            self._end = container.duration / 1e6 if alone and container.duration else None

    def __iter__(self) -> Iterator[Frame]:
        """The frames.

        Raises:
            VideoError: The file cannot be read on or is cut short, its frames change their size,
                none can be decoded, or it is turned by another angle than a right one; the frames
                before that have come.
        """
        count, time = 0, 0.0
        with _opened(self.path) as (container, stream):
            for frame in _filled(self.path, self._read(container, stream)):
                yield frame
                count, time = frame.index + 1, frame.time
        if not count:
            raise VideoError(f"the video '{self.path}' holds no frame")
        self._check_end(count, time)

    def _read(self, container: Any, stream: Any) -> Iterator[tuple[float, Tensor | None, str]]:
        """Time and picture of each frame; none, and the reason, of one that is lost."""
        index = 0
        error = pyav("VideoFile").error.FFmpegError
        try:
            for index, own in enumerate(decoded(container, stream, error)):
                image = None if own.frame is None else _upright(self.path, own.frame, index)
                place = index / self.rate if own.pts is None else own.pts * self.time_base
                yield float(place), image, own.problem
        except error as problem:
            raise VideoError(
                f"the video '{self.path}' is damaged or cut short: behind frame {index} (counted "
                f"from 0) it cannot be read: {_reason(problem)}"
            ) from problem

    def _check_end(self, count: int, last: float) -> None:
        """Refuse to take a part for the whole."""
        fewer = self.count is not None and count < self.count * (1 - SHORT) - 1
        early = self.count is None and self._end is not None and last < self._end - PAUSE
        if fewer or early:
            whole = f"{self.count} frames" if self.count else f"{self._end:.2f} seconds"
            raise VideoError(
                f"the video '{self.path}' ends after {count} frames at {last:.2f} seconds, but "
                f"should have {whole}: it is damaged or cut short"
            )


class Pictures:
    """Pictures, one after the other, as the frames of a video.

    Args:
        pictures: See `zeroseg.read_image`; all of one size.
        rate: Frames a second.

    Raises:
        VideoError: The rate is not above 0.
    """

    def __init__(self, pictures: Iterable[ImageLike], rate: float | Fraction = 25) -> None:
        if not rate > 0:
            raise VideoError(f"{rate} frames a second are none; give a rate above 0")
        self.pictures = pictures
        self.rate = Fraction(rate).limit_denominator(1001)
        self.time_base = 1 / self.rate
        self.count: int | None = None

    def __iter__(self) -> Iterator[Frame]:
        """The frames; one that cannot be read is lost, as of a file.

        Raises:
            VideoError: One is of another size than those before it, or none can be read.
        """
        return _filled("of pictures", self._read())

    def _read(self) -> Iterator[tuple[float, Tensor | None, str]]:
        for index, picture in enumerate(self.pictures):
            time = float(index / self.rate)
            try:
                yield time, read_image(picture), ""
            except ImageError as problem:
                yield time, None, str(problem)


def frames_of(source: VideoLike, rate: float | None = None) -> VideoFile | Pictures:
    """The frames of whatever a user calls a video.

    Args:
        source: A file, or pictures.
        rate: Frames a second of pictures; 25 by default. A file knows its own.

    Raises:
        VideoError: The file cannot be opened, or a rate is given for one.
    """
    if isinstance(source, VideoFile | Pictures):
        return source
    if isinstance(source, str | os.PathLike):
        if rate is not None:
            raise VideoError(f"'{source}' knows its own times; a rate is for pictures alone")
        return VideoFile(source)
    return Pictures(source, 25 if rate is None else rate)


def pyav(component: str) -> ModuleType:
    """The package av.

    Args:
        component: Who needs it, for the message.

    Raises:
        PackageNotFound: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise PackageNotFound("av", component, str(error), "video") from error
    return av


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and the video stream of a file."""
    av = pyav("VideoFile")
    if not path.is_file():
        raise VideoError(f"there is no video file '{path}'")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(
            f"'{path}' cannot be opened as a video ({_reason(error)}): it is of another kind, "
            f"damaged or cut short"
        ) from error
    with container:
        stream = next((own for own in container.streams.video if not _is_cover(own)), None)
        if stream is None:
            raise VideoError(f"'{path}' holds no video")
        yield container, stream


def _is_cover(stream: Any) -> bool:
    """Whether a stream is one picture that comes along with sound."""
    return "attached_pic" in str(stream.disposition).lower()


def _filled(source: object, read: Iterable[tuple[float, Tensor | None, str]]) -> Iterator[Frame]:
    """Frames, those that are lost with the picture of a neighbour.

    Raises:
        VideoError: All are lost, or one is of another size than those before it.
    """
    image: Tensor | None = None
    index, first = 0, []
    for time, own, problem in read:
        if own is None and image is None:
            first.append((time, problem))
            continue
        if image is None and own is not None:
            for index, (earlier, said) in enumerate(first):
                yield Frame(index, earlier, own, said)
            index = len(first)
        if own is not None:
            _check_size(source, index, own.shape if image is None else image.shape, own)
            image = own
        assert image is not None
        yield Frame(index, time, image, problem)
        index += 1
    if image is None and first:
        raise VideoError(f"the video '{source}' holds no frame that can be read: {first[0][1]}")


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


def _upright(path: Path, frame: Any, index: int) -> Tensor:
    """The pixels of a frame; its `rotation` is by how much it is to be turned to the left."""
    quarters, rest = divmod(round(frame.rotation), 90)
    if rest:
        raise VideoError(
            f"frame {index} of '{path}' is to be turned by {frame.rotation} degrees; only right "
            f"angles can be: turn it first, such as by ffmpeg"
        )
    turned = np.rot90(frame.to_ndarray(format="rgb24"), quarters)
    return torch.from_numpy(turned.transpose(2, 0, 1).copy())


def _check_size(source: object, index: int, shape: torch.Size, image: Tensor) -> None:
    """Refuse frames that are too small, or of another size than those before."""
    height, width = image.shape[1:]
    if image.shape != shape:
        raise VideoError(
            f"frame {index} of the video '{source}' is {width} x {height} pixels, those before it "
            f"{shape[2]} x {shape[1]}; split it where its size changes"
        )
    if min(height, width) < MINIMUM_SIDE:
        raise VideoError(
            f"the video '{source}' is {width} x {height} pixels; at least {MINIMUM_SIDE} x "
            f"{MINIMUM_SIDE} are needed"
        )
