"""Label maps in PNG files, such as an image editor leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zeroseg.data.masks import read_ids
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.importing.mask_source import Corrected, MaskSource
from zeroseg.vocabulary import Vocabulary


class PngMasks(MaskSource):
    """A folder of grey or indexed PNG files of ids, or its folder `masks`, searched to its depths.

    Args:
        source: The folder.

    Raises:
        ImageError: There is no PNG in it.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self._folder = source / "masks" if (source / "masks").is_dir() else source
        self._files = sorted(self._folder.rglob("*.[pP][nN][gG]"))
        if not self._files:
            raise ImageError(f"there are no masks, NAME.png, in '{self._folder}'")

    def classes(self) -> Vocabulary:
        """None: PNG files hold numbers only."""
        raise VocabularyError(
            f"nothing says what the ids in '{self._folder}' mean: put the vocabulary.yaml of the "
            f"export beside them, or name it by --vocabulary"
        )

    def __iter__(self) -> Iterator[Corrected]:
        for file in self._files:
            name = file.relative_to(self._folder).with_suffix("").as_posix()
            yield Corrected(name, partial(self._draw, file))

    @staticmethod
    def _draw(file: Path, vocabulary: Vocabulary) -> NDArray[np.int64]:
        labels: NDArray[np.int64] = vocabulary.from_ids(read_ids(file)).numpy()
        return labels
