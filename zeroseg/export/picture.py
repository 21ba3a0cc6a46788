"""What a format is given: one picture's label map and regions."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zeroseg.export.regions import Origin, Region, regions_of
from zeroseg.vocabulary import Vocabulary

if TYPE_CHECKING:
    from zeroseg.segmentation import Segmentation

_UNKNOWN = ".jpg"
"""Suffix of a picture of which nobody knows where it lies."""


@dataclass(frozen=True)
class LabelledPicture:
    """A picture that was segmented.

    Attributes:
        name: Path below the results, without suffix; unique among them.
        labels: (H, W) int64 class indices; the vocabulary's ignore index for none.
        vocabulary: The classes.
        regions: Its instances, without the background; those with the best score last.
        origin: What the regions are.
        source: Where the picture itself lies, a path or URL; "" where that is not known.
        number: Which one it is of an export, from 1.
    """

    name: str
    labels: NDArray[np.int64]
    vocabulary: Vocabulary
    regions: tuple[Region, ...] = ()
    origin: Origin = "components"
    source: str = ""
    number: int = 1

    @classmethod
    def of(cls, result: Segmentation, instances: str = "auto") -> LabelledPicture:
        """A result in memory.

        Args:
            result: What was segmented.
            instances: What its regions are, one of `zeroseg.export.regions.CHOICES`.
        """
        labels = result.label_map.numpy().astype(np.int64)
        picture = cls(result.name, labels, result.vocabulary, source=result.name)
        return picture.with_regions(result.to_dict()["detections"], instances)

    def with_regions(self, detections: list[dict[str, object]], choice: str) -> LabelledPicture:
        """The same with its regions; see `zeroseg.export.regions.regions_of`."""
        regions, origin = regions_of(self.labels, self.vocabulary, detections, choice)
        return replace(self, regions=regions, origin=origin)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.labels.shape[0], self.labels.shape[1]

    @property
    def suffix(self) -> str:
        """Of the picture's file."""
        return os.path.splitext(self.source)[1] or _UNKNOWN

    @property
    def file(self) -> str:
        """The picture's file below the folder of all pictures."""
        suffix = self.suffix
        return self.name if self.name.endswith(suffix) else self.name + suffix

    def class_name(self, region: Region) -> str:
        """Name of a region's class."""
        return self.vocabulary.names[region.label]
