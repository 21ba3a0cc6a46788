"""The pictures that annotations are of, by what these call them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from zeroseg.errors import ImageError
from zeroseg.find_images import search, shown


class FoundPictures:
    """Finds pictures by their path, with or without suffix, or its last part where that is unique.

    Args:
        folder: Where they lie, searched to its depths.

    Raises:
        ImageError: There is no picture.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = search(folder)
        self._places: list[dict[str, list[str]]] = [{}, {}, {}, {}]
        for name in found.names:
            for known, key in zip(self._places, _keys(name), strict=True):
                known.setdefault(key, []).append(name)
        self._root = Path(found.root)

    def find(self, file: str) -> tuple[str, Path]:
        """A picture's path below the folder, and as a whole.

        Args:
            file: What an annotation calls it; a name without suffix is one, too.

        Raises:
            ImageError: There is none, or there are several.
        """
        last = file.rsplit("/", 1)[-1]
        wanted = ((0, file), (1, file), (1, os.path.splitext(file)[0]), (2, last), (3, last))
        for level, key in wanted:
            names = self._places[level].get(key, [])
            if len(names) > 1:
                raise ImageError(f"it may be of several pictures: {', '.join(names[:3])}")
            if names:
                return names[0], self._root / names[0]
        raise ImageError(
            f"there is no picture of it in '{shown(self.folder)}': name the folder by --pictures"
        )


def _keys(name: str) -> Iterator[str]:
    """What a picture may be called: its path, without suffix, its last part, without suffix."""
    for path in (name, name.rsplit("/", 1)[-1]):
        yield path
        yield os.path.splitext(path)[0]
