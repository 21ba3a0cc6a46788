"""Frames out of packets, in the order they are shown in, and those that are lost in their place."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

_DAMAGED = "it is damaged"


class Decoded(NamedTuple):
    """A frame as it comes out of a decoder.

    Attributes:
        pts: When it is shown, in units of its stream's clock; None where nobody tells.
        frame: PyAV's; None of one that is lost.
        problem: Why it is lost; "" of one that is not.
    """

    pts: int | None
    frame: Any
    problem: str


def decoded(container: Any, stream: Any, error: type[Exception]) -> Iterator[Decoded]:
    """All frames of a stream; one that cannot be decoded is lost, and the next one is tried.

    Decoding is left to one thread: with several, FFmpeg tells of an error at a later packet than
    the one that is damaged, or not at all, and drops what it has begun at the end.

    Args:
        container: PyAV's.
        stream: Its video stream.
        error: What PyAV raises; from here where the file itself cannot be read on.
    """
    stream.thread_count = 1
    lost: list[tuple[int, str]] = []
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except error as problem:
            reason = str(getattr(problem, "strerror", None) or problem)
            if packet.pts is None:
                yield Decoded(None, None, reason)
            else:
                heappush(lost, (packet.pts, reason))
            continue
        for frame in frames:
            while lost and frame.pts is not None and lost[0][0] < frame.pts:
                yield _lost(lost)
            yield Decoded(frame.pts, *((None, _DAMAGED) if frame.is_corrupt else (frame, "")))
    while lost:
        yield _lost(lost)


def _lost(waiting: list[tuple[int, str]]) -> Decoded:
    pts, reason = heappop(waiting)
    return Decoded(pts, None, reason)
