"""Instances of COCO as label maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeroseg.data.coco_instances import Listed, as_whole, id_of, instances_in
from zeroseg.data.coco_outlines import draw, require_pycocotools
from zeroseg.data.text_files import read_json
from zeroseg.errors import ImageError, VocabularyError
from zeroseg.importing.mask_source import Corrected, MaskSource, named, one_file, paint
from zeroseg.vocabulary import Vocabulary


class CocoMasks(MaskSource):
    """`annotations.json`; outlines are drawn as pycocotools draws them, in the order of the file.

    Args:
        source: The file, or its folder.

    Raises:
        ImageError: It is no instances file.
        ZerosegError: It holds polygons, and pycocotools is not installed.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        path = one_file(source, "annotations.json")
        content = read_json(path)
        categories = content.get("categories") if isinstance(content, dict) else None
        entries = [c for c in categories or [] if isinstance(c, dict) and c.get("name")]
        self._names = {id_of(entry.get("id")): str(entry["name"]) for entry in entries}
        found = instances_in(content, path, {})
        self._pictures, self._path = found.pictures, path
        self.notes.update(found.notes)
        outlines = (a.get("segmentation") for p in found.pictures for a in p.annotations)
        if any(isinstance(outline, list) for outline in outlines):
            require_pycocotools(path)

    def classes(self) -> Vocabulary:
        """The categories of the file, with its ids."""
        ids = [as_whole(number) for number in self._names]
        whole = [number for number in ids if number is not None]
        if not whole or len(whole) < len(ids):
            raise VocabularyError(
                f"'{self._path}' has no categories with a name and a whole number: --vocabulary"
            )
        return named(list(self._names.values()), whole)

    def __iter__(self) -> Iterator[Corrected]:
        for listed in self._pictures:
            yield Corrected(listed.file or listed.name, partial(self._draw, listed))

    def _draw(self, listed: Listed, vocabulary: Vocabulary) -> NDArray[np.int64]:
        if listed.problem is not None:
            raise ImageError(listed.problem)
        size = listed.size
        if size is None:
            raise ImageError("its entry has no width and height")
        shapes = ((self._name(one), self._outline(one, size)) for one in listed.annotations)
        return paint(shapes, size, vocabulary)

    def _name(self, annotation: Any) -> str:
        number = id_of(annotation.get("category_id"))
        if number not in self._names:
            raise ImageError(f"annotation {annotation.get('id')} has the unknown category {number}")
        return self._names[number]

    @staticmethod
    def _outline(annotation: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
        try:
            return draw(annotation.get("segmentation"), size)
        except ImageError as error:
            raise ImageError(f"annotation {annotation.get('id')} is broken: {error}") from error
