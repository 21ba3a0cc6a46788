"""Where a video is cut, and which of its frames the whole system looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from zeroseg.errors import ZerosegError
from zeroseg.video.frames import Frame

THUMBNAIL = 16
"""Side of the small pictures that two frames are compared by."""


@dataclass(frozen=True)
class Marked:
    """A frame and its place.

    Attributes:
        frame: The frame.
        shot: The number of its shot: frames between two cuts.
        key: Whether it is a keyframe.
    """

    frame: Frame
    shot: int
    key: bool


def marked(frames: Iterable[Frame], every: int, scene_change: float) -> Iterator[Marked]:
    """Tell shots apart, and choose keyframes: the first of each shot, and every n-th after it.

    Args:
        frames: In order.
        every: Frames from one keyframe to the next.
        scene_change: By how much of the range of values a frame has to differ from the one before,
            on the average over both brought to 16 x 16 pixels, for a cut; above 1 there is none.
    """
    before: Tensor | None = None
    shot, since = 0, 0
    for frame in frames:
        small = _thumbnail(frame.image)
        if before is not None and float((small - before).abs().mean()) > scene_change:
            shot, since = shot + 1, 0
        yield Marked(frame, shot, since % every == 0)
        before, since = small, since + 1


def _thumbnail(image: Tensor) -> Tensor:
    """A picture of 16 x 16 pixels in [0, 1]."""
    return F.adaptive_avg_pool2d(image.float(), THUMBNAIL) / 255


def grouped(frames: Iterable[Marked], size: int) -> Iterator[list[Marked]]:
    """Keyframes by themselves, those between them in batches.

    Where reading fails, what was read before comes first.
    """
    group: list[Marked] = []
    following = iter(frames)
    while True:
        try:
            own = next(following, None)
        except ZerosegError:
            if group:
                yield group
            raise
        if group and (own is None or own.key or len(group) == size):
            yield group
            group = []
        if own is None:
            return
        if own.key:
            yield [own]
        else:
            group.append(own)
