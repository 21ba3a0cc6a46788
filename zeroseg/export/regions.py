"""Regions of a picture, each a mask around its own pixels, and where they come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zeroseg import rle
from zeroseg.errors import ImageError, ZerosegError
from zeroseg.export.outlines import Polygon, trace
from zeroseg.vocabulary import Vocabulary

Origin = Literal["detections", "components", "classes", "review"]
"""What regions are: masks of detections; connected pixels of a thing's class, and all pixels of a
stuff's; all pixels of a class; those of a corrected result."""

CHOICES = ("auto", "detections", "components", "classes")
"""What can be asked for; "auto" takes the detections' masks where they were saved, and the regions
of a corrected result."""

_TOUCHING = np.ones((3, 3), bool)
"""Pixels that touch by a side or a corner are connected."""


@dataclass(frozen=True)
class Region:
    """Some pixels of one class.

    Attributes:
        mask: (h, w) bool, the part of the picture that holds them.
        left: Column of the mask's first pixel in the picture.
        top: Row of it.
        label: Class index.
        score: How sure the detector was; None where nobody tells.
        made_by: Whose its mask is, where it was reviewed: "model", with the name of a component
            that a person asked, or "person", with a name.
        named_by: The person whose its class is, where that is not who made the mask.
    """

    mask: NDArray[np.bool_]
    left: int
    top: int
    label: int
    score: float | None = None
    made_by: str = ""
    named_by: str = ""

    @classmethod
    def of(cls, mask: NDArray[np.bool_], label: int, score: float | None = None) -> Region | None:
        """The region of a mask (H, W) of a whole picture; None where it holds no pixel."""
        found = ndimage.find_objects(mask.astype(np.uint8))
        if not found:
            return None
        rows, columns = found[0]
        return cls(mask[rows, columns], columns.start, rows.start, label, score)

    @cached_property
    def area(self) -> int:
        """Pixels."""
        return int(self.mask.sum())

    @property
    def makers(self) -> dict[str, str]:
        """Who made and named it, where it was reviewed."""
        told = {"made_by": self.made_by, "named_by": self.named_by}
        return {key: who for key, who in told.items() if who}

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1 y1 x2 y2 in pixels, the last ones outside."""
        height, width = self.mask.shape
        return self.left, self.top, self.left + width, self.top + height

    def whole(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """The mask (H, W) of the whole picture."""
        full = np.zeros(size, bool)
        full[self.place] = self.mask
        return full

    def within(self, mask: NDArray[np.bool_]) -> Region | None:
        """The region with another mask of the same shape; None where it holds no pixel."""
        own = Region.of(mask, self.label)
        if own is None:
            return None
        return replace(self, mask=own.mask, left=self.left + own.left, top=self.top + own.top)

    @property
    def place(self) -> tuple[slice, slice]:
        """Where the mask lies in the picture."""
        x1, y1, x2, y2 = self.box
        return slice(y1, y2), slice(x1, x2)

    def polygons(self) -> list[Polygon]:
        """Its outlines in the picture's coordinates, see `zeroseg.export.outlines.trace`."""
        corner = (self.left, self.top)
        return [
            Polygon(part.outer + corner, tuple(hole + corner for hole in part.holes))
            for part in trace(self.mask)
        ]


def regions_of(
    labels: NDArray[np.int64],
    vocabulary: Vocabulary,
    detections: Sequence[Mapping[str, Any]] = (),
    choice: str = "auto",
) -> tuple[tuple[Region, ...], Origin]:
    """The regions of a picture, and what they are.

    Args:
        labels: (H, W) class indices.
        vocabulary: The classes.
        detections: As a result's JSON holds them; masks are run lengths, "segmentation".
        choice: One of `CHOICES`.

    Raises:
        ImageError: The detections' masks are asked for, and were not saved or do not fit.
    """
    size = (labels.shape[0], labels.shape[1])
    kept = [detection for detection in detections if detection.get("segmentation") is not None]
    if choice == "detections" and len(kept) < len(detections):
        raise ImageError(
            "its result holds no masks of its detections: export --instances components"
        )
    if choice == "detections" or (choice == "auto" and kept):
        found = (_detected(detection, size, vocabulary) for detection in kept)
        regions = sorted((one for one in found if one is not None), key=lambda one: one.score or 0)
        return tuple(regions), "detections"
    if choice == "classes":
        return tuple(class_regions(labels, vocabulary.classes)), "classes"
    return tuple(components(labels, vocabulary)), "components"


def reviewed_regions(
    told: Sequence[Mapping[str, Any]], size: tuple[int, int], vocabulary: Vocabulary
) -> tuple[Region, ...]:
    """The regions of a corrected result, see `zeroseg.reviewed.Reviewed`, in their order.

    Raises:
        ImageError: One is damaged.
    """
    found = (_detected(one, size, vocabulary) for one in told)
    return tuple(region for region in found if region is not None)


def check_choice(choice: str) -> None:
    """Raise a ZerosegError where regions are asked for by another word than `CHOICES`."""
    if choice not in CHOICES:
        raise ZerosegError(f"'{choice}' are no instances; choose one of {', '.join(CHOICES)}")


def class_regions(labels: NDArray[np.int64], classes: Sequence[int]) -> Iterator[Region]:
    """All pixels of each of these classes that is there."""
    present = set(np.flatnonzero(np.bincount(labels.ravel())).tolist())
    for label in classes:
        if label in present and (region := Region.of(labels == label, label)) is not None:
            yield region


def components(
    labels: NDArray[np.int64], vocabulary: Vocabulary, without: Collection[int] = ()
) -> Iterator[Region]:
    """Connected pixels of each thing's class that is there, and all pixels of each stuff's.

    Args:
        labels: (H, W) class indices.
        vocabulary: The classes.
        without: Classes that are left out.
    """
    for whole in class_regions(labels, [own for own in vocabulary.classes if own not in without]):
        if whole.label in vocabulary.stuff:
            yield whole
            continue
        parts, _ = ndimage.label(whole.mask, _TOUCHING)
        for number, (rows, columns) in enumerate(ndimage.find_objects(parts), 1):
            mask = parts[rows, columns] == number
            left, top = whole.left + columns.start, whole.top + rows.start
            yield Region(mask, left, top, whole.label)


def _detected(
    detection: Mapping[str, Any], size: tuple[int, int], vocabulary: Vocabulary
) -> Region | None:
    """The region of a detection; None where it is of no class or holds no pixel."""
    name = detection.get("class")
    if name is None:
        return None
    try:
        mask = rle.decode(detection["segmentation"], size)
    except ImageError as error:
        raise ImageError(f"a detection of {name} is damaged: {error}") from error
    score = detection.get("score")
    region = Region.of(mask, vocabulary.index(name), None if score is None else float(score))
    made_by, named_by = (str(detection.get(key, "")) for key in ("made_by", "named_by"))
    return region and replace(region, made_by=made_by, named_by=named_by)
