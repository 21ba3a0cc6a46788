"""Answers about two folders of results, as typed values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from zeroseg import rle
from zeroseg.app.answers import RunLengths, Size, hexadecimal
from zeroseg.comparing.difference import Difference, compare_label_maps
from zeroseg.comparing.joint_classes import JointClasses
from zeroseg.export.picture import LabelledPicture
from zeroseg.values import Failure


class Overview(BaseModel):
    """Which pictures two folders share."""

    a: str = Field(description="name of the first folder")
    b: str = Field(description="name of the second folder")
    pictures: int = Field(description="that both have; they are numbered from 0")
    only_a: list[str] = Field(description="pictures that A alone has")
    only_b: list[str] = Field(description="pictures that B alone has")


class ChangedPixels(BaseModel):
    """Pixels that are of one class in A and of another in B."""

    a: str
    b: str
    pixels: int


class DifferentPicture(BaseModel):
    """How a picture differs."""

    number: int = Field(description="by which it is asked for")
    name: str
    share: float | None = Field(description="of pixels that differ; null where there is a problem")
    changes: list[ChangedPixels] = Field(description="most pixels first")
    problem: str | None = Field(description="why it cannot be compared")


class JointClass(BaseModel):
    """A class that has pixels in A or in B; those of one name are one."""

    name: str
    color: str = Field(description="#rrggbb")
    background: bool
    iou: float = Field(description="of A and B")
    area_a: int = Field(description="pixels in A")
    area_b: int = Field(description="pixels in B")
    in_a: RunLengths
    in_b: RunLengths


class ComparedPicture(DifferentPicture):
    """A picture with both of its label maps."""

    number_a: int = Field(description="of the picture in A, see /v1/results")
    number_b: int = Field(description="of the picture in B")
    size: Size
    classes: list[JointClass] = Field(description="the largest in A or B first")


def different(number: int, found: Difference | Failure) -> DifferentPicture:
    """A line of the list."""
    if isinstance(found, Failure):
        return DifferentPicture(
            number=number, name=found.name, share=None, changes=[], problem=found.message
        )
    changes = [ChangedPixels(a=own.a, b=own.b, pixels=own.pixels) for own in found.changes]
    return DifferentPicture(
        number=number, name=found.name, share=found.share, changes=changes, problem=None
    )


def compared_picture(
    number: int, a: LabelledPicture, b: LabelledPicture, places: tuple[int, int]
) -> ComparedPicture:
    """All of a picture.

    Args:
        number: Of it among those that both folders have.
        a: Its label map in A.
        b: Its label map in B.
        places: Its numbers in A and in B.

    Raises:
        ImageError: The two are not of one size.
    """
    found = compare_label_maps(a.labels, b.labels, a.vocabulary, b.vocabulary, a.name)
    joint = JointClasses.of(a.vocabulary, b.vocabulary)
    height, width = a.size
    return ComparedPicture(
        **different(number, found).model_dump(),
        number_a=places[0],
        number_b=places[1],
        size=Size(height=height, width=width),
        classes=_classes(joint, joint.of_a[a.labels], joint.of_b[b.labels]),
    )


def _classes(joint: JointClasses, a: NDArray[np.int64], b: NDArray[np.int64]) -> list[JointClass]:
    counts = [np.bincount(own.ravel(), minlength=len(joint.names)) for own in (a, b)]
    order = np.argsort(-np.maximum(*counts), kind="stable")
    return [
        _class(joint, int(index), a == index, b == index)
        for index in order
        if counts[0][index] or counts[1][index]
    ]


def _class(
    joint: JointClasses, index: int, a: NDArray[np.bool_], b: NDArray[np.bool_]
) -> JointClass:
    return JointClass(
        name=joint.names[index],
        color=hexadecimal(joint.colors[index]),
        background=index == joint.background,
        iou=float((a & b).sum() / (a | b).sum()),
        area_a=int(a.sum()),
        area_b=int(b.sum()),
        in_a=RunLengths.model_validate(rle.encode(a)),
        in_b=RunLengths.model_validate(rle.encode(b)),
    )
