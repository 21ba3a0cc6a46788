"""Files of LabelMe as label maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg.data.coco_instances import as_whole
from zeroseg.data.text_files import read_json
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.export.labelme import WITHOUT_AREA, drawn
from zeroseg.importing.mask_source import Corrected, MaskSource, named, paint
from zeroseg.vocabulary import Vocabulary


class LabelMeMasks(MaskSource):
    """A folder of `NAME.json`, searched to its depths; later shapes lie on top.

    Args:
        source: The folder, or one file.

    Raises:
        ImageError: There is no such file.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self._folder = source if source.is_dir() else source.parent
        files = sorted(source.rglob("*.json")) if source.is_dir() else [source]
        ours = ("export.json", "import.json")
        self._files = [file for file in files if file.is_file() and file.name not in ours]
        if not self._files:
            raise ImageError(f"there are no files of LabelMe, NAME.json, in '{source}'")

    def classes(self) -> Vocabulary:
        """All labels of all files that can be read, by name, numbered from 1."""
        names: set[str] = set()
        for file in self._files:
            try:
                names.update(str(shape.get("label")) for shape in _shapes(_content(file)))
            except ImageError:  # the picture says so when its turn comes
                continue
        if not names:
            raise VocabularyError(f"no file in '{self._folder}' has a shape: --vocabulary")
        return named(sorted(names))

    def __iter__(self) -> Iterator[Corrected]:
        for file in self._files:
            name = file.relative_to(self._folder).with_suffix("").as_posix()
            yield Corrected(name, partial(self._draw, file))

    def _draw(self, file: Path, vocabulary: Vocabulary) -> NDArray[np.int64]:
        content = _content(file)
        height, width = (as_whole(content.get(side)) for side in ("imageHeight", "imageWidth"))
        if not height or not width:
            raise ImageError(f"'{file}' has no imageHeight and imageWidth")
        size, shapes = (height, width), []
        for shape in _shapes(content):
            if (kind := shape.get("shape_type")) in WITHOUT_AREA:
                self.notes[f"{kind}, which holds no pixel"] += 1
            else:
                shapes.append(shape)
        return paint(((str(s.get("label")), drawn(s, size)) for s in shapes), size, vocabulary)


def _content(file: Path) -> dict[str, Any]:
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise ImageError(f"'{file}' is no file of LabelMe: it has no shapes")
    return content


def _shapes(content: dict[str, Any]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = [s for s in content["shapes"] if isinstance(s, dict)]
    return shapes
