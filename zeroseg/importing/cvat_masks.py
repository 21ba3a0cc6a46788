"""What CVAT exports as "CVAT for images 1.1", as label maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from zeroseg.errors import ImageError, VocabularyError
from zeroseg.export.cvat import WITHOUT_AREA, drawn
from zeroseg.importing.mask_source import Corrected, MaskSource, named, one_file, paint
from zeroseg.vocabulary import Vocabulary


class CvatMasks(MaskSource):
    """`annotations.xml` of masks, polygons and boxes; a higher `z_order` lies on top.

    The file is read one picture at a time.

    Args:
        source: The file, or its folder.

    Raises:
        ImageError: It is no such file.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self._path = one_file(source, "annotations.xml")
        root = next(iter(self._elements("start")), None)
        if root is None or root.tag != "annotations":
            raise ImageError(f"'{self._path}' is no file of CVAT for images 1.1")

    def classes(self) -> Vocabulary:
        """The labels of the task, numbered from 1."""
        labels = [e for e in self._elements("end") if e.tag == "label"]
        names = [name.text for e in labels if (name := e.find("name")) is not None and name.text]
        if not names:
            raise VocabularyError(f"'{self._path}' names no labels: --vocabulary")
        return named(list(dict.fromkeys(names)))

    def __iter__(self) -> Iterator[Corrected]:
        for element in self._elements("end"):
            if element.tag == "image":
                yield Corrected(element.get("name", ""), partial(self._draw, element))
                element.clear()

    def _elements(self, event: Literal["start", "end"]) -> Iterator[Xml.Element]:
        try:
            with self._path.open("rb") as file:
                for _, element in Xml.iterparse(file, (event,)):
                    yield element
        except Xml.ParseError as error:
            raise ImageError(f"'{self._path}' cannot be read as XML: {error}") from error
        except OSError as error:
            raise ImageError(f"'{self._path}' cannot be read: {error.strerror}") from error

    def _draw(self, image: Xml.Element, vocabulary: Vocabulary) -> NDArray[np.int64]:
        try:
            size = int(image.attrib["height"]), int(image.attrib["width"])
            shapes = sorted(image, key=lambda shape: int(shape.get("z_order") or 0))
        except (LookupError, ValueError) as error:
            raise ImageError(f"its entry is damaged: {error!r}") from error
        for shape in shapes:
            if shape.tag in WITHOUT_AREA:
                self.notes[f"{shape.tag}, which holds no pixel"] += 1
        with_area = [shape for shape in shapes if shape.tag not in WITHOUT_AREA]
        return paint(((s.get("label", ""), drawn(s, size)) for s in with_area), size, vocabulary)
