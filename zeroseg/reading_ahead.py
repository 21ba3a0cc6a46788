"""Pictures read while others are worked on, each by its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from torch import Tensor

from zeroseg.errors import ImageError, ZerosegError
from zeroseg.images import ImageLike, path_text, read_image
from zeroseg.running.threads import computing_threads
from zeroseg.values import Failure

READERS = 16
"""Pictures that are read at the same time at most."""

Read = tuple[str, "Tensor | Failure"]
"""A picture's name, and the picture, or why it could not be read."""


def read_ahead(sources: Iterable[ImageLike], batch_size: int) -> Iterator[list[Read]]:
    """Batches of pictures in order; while one is used, the next is being read in threads.

    Only files and bytes are read in threads. Whatever else comes is read before the next one is
    asked for: frames of an animation share one PIL image, and arrays may share one buffer.

    Raises:
        ZerosegError: `sources` is one picture, or nothing to go through.
    """
    single = isinstance(sources, str | bytes | os.PathLike)
    if single or not isinstance(sources, Iterable):
        raise ZerosegError(
            f"{type(sources).__name__} is no list of pictures: give [picture], or the files of a "
            f"folder by zeroseg.find_images"
        )
    numbered = iter(enumerate(sources))
    with computing_threads(min(batch_size, READERS), "zeroseg-reading") as pool:
        coming: list[Future[Read]] = []
        while True:
            following = [_reading(pool, s, i) for i, s in islice(numbered, batch_size)]
            if coming:
                yield [future.result() for future in coming]
            if not following:
                return
            coming = following


def _reading(pool: ThreadPoolExecutor, source: ImageLike, position: int) -> Future[Read]:
    if isinstance(source, str | os.PathLike | bytes):
        return pool.submit(_read, source, position)
    done: Future[Read] = Future()
    done.set_result(_read(source, position))
    return done


def _read(source: ImageLike, position: int) -> Read:
    name = name_of(source, position)
    try:
        return name, read_image(source)
    except ImageError as error:
        return name, Failure(name, "reading", str(error))


def read_strictly(source: ImageLike, position: int) -> Tensor:
    """A picture of a list; the error says which it is."""
    try:
        return read_image(source)
    except ImageError as error:
        raise ImageError(f"picture {position} of the list (counted from 0): {error}") from error


def name_of(source: ImageLike, position: int) -> str:
    """What a picture is called: its path, or its position."""
    text = path_text(source)
    return str(position) if text is None else text
