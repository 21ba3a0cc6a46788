"""YOLO segmentation: a text of normalised polygons beside each picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zeroseg.export.export_format import ExportFormat, Target, Written
from zeroseg.export.outlines import fill
from zeroseg.export.picture import LabelledPicture

_DIGITS = 6
"""Of a coordinate in 0..1; a pixel border stays on its side of all pixel centres."""


class YoloFormat(ExportFormat):
    """`images/`, `labels/NAME.txt` and `data.yaml`; classes are numbered from 0, less background.

    A line is a class and one ring: parts and holes of a region are joined by double lines, as the
    converters of YOLO join parts. Source: https://docs.ultralytics.com/datasets/segment.
    """

    name, summary, copies = "yolo", "a ring to a region; holes by double lines, or filled", True

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._number = {label: n for n, label in enumerate(self.vocabulary.classes)}

    def add(self, picture: LabelledPicture) -> Written:
        """See `ExportFormat.add`."""
        height, width = picture.size
        lines = []
        for region in picture.regions:
            ring = self.ring(region) / (width, height)
            numbers = " ".join(f"{value:.{_DIGITS}f}" for value in ring.ravel())
            lines.append(f"{self._number[region.label]} {numbers}\n")
        self.copied(picture)
        self.folder.write(f"labels/{picture.name}.txt", "".join(lines).encode())

        def back() -> Iterator[NDArray[np.bool_]]:
            for line in lines:
                ring = np.array(line.split()[1:], np.float64).reshape(-1, 2)
                yield fill([ring * (width, height)], picture.size)

        return Written(picture.regions, back)

    def finish(self) -> None:
        """See `ExportFormat.finish`."""
        names = {n: self.vocabulary.names[label] for label, n in self._number.items()}
        content = {"path": ".", "train": "images", "val": "images", "names": names}
        self.write_yaml("data.yaml", content)
