"""Does a data set hold what its owners publish? Looks at every picture and mask once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zeroseg.data.masks import MissingMask
from zeroseg.data.sample import Truth
from zeroseg.data.sample_data import SampleData, Samples
from zeroseg.errors import VocabularyError

KINDS = (
    "unreadable picture",
    "missing mask",
    "unreadable mask",
    "unknown id",
    "size mismatch",
    "empty mask",
)
"""What can be wrong with a sample; a mask is empty if no pixel of it has a label."""


@dataclass(frozen=True)
class Problem:
    """One kind of problem.

    Attributes:
        kind: One of `KINDS`.
        count: Number of samples that have it.
        first: Name of the first of them, and what is wrong there.
    """

    kind: str
    count: int
    first: str


@dataclass(frozen=True)
class Report:
    """What `check` found in a data set of K classes.

    Attributes:
        count: Number of samples looked at.
        annotated: How many of them have a truth.
        regions: Number of single things; None if the data set does not tell things apart.
        pixels: (K + 1,) int64, pixels of each class in all truths, and those without a label.
        images: (K,) int64, number of truths that each class occurs in.
        problems: In the order of `KINDS`, those that occur.
    """

    count: int
    annotated: int
    regions: int | None
    pixels: Tensor
    images: Tensor
    problems: tuple[Problem, ...]


def check(
    data: SampleData, done: Callable[[str, list[tuple[str, str]]], object] | None = None
) -> Report:
    """Read every sample of a data set and count what is there.

    Args:
        data: The data set.
        done: Called after each sample with its name, and the kind and message of each problem.
    """
    classes = len(data.vocabulary)
    pixels = torch.zeros(classes + 1, dtype=torch.int64)
    images = torch.zeros(classes, dtype=torch.int64)
    found: dict[str, list[str]] = {}
    annotated, regions = 0, None
    for position, name in enumerate(data.dataset.names):
        truth, problems = _look(data.dataset, position, data.vocabulary.ignore_index)
        for kind, message in problems:
            found.setdefault(kind, []).append(f"{name}: {message}")
        if truth is not None:
            counts = _histogram(truth.target, classes, data.vocabulary.ignore_index)
            pixels += counts
            images += counts[:classes] > 0
            annotated += 1
            if truth.regions is not None:
                regions = (regions or 0) + len(truth.regions.labels)
        if done is not None:
            done(name, problems)
    listed = tuple(Problem(k, len(found[k]), found[k][0]) for k in KINDS if k in found)
    return Report(len(data.dataset), annotated, regions, pixels, images, listed)


def _look(
    samples: Samples, position: int, ignore_index: int
) -> tuple[Truth | None, list[tuple[str, str]]]:
    """The truth of a sample, and the kinds of its problems with their messages."""
    image, truth = None, None
    problems = []
    try:
        image = samples.image(position)
    except Exception as error:  # as in `Samples`: whatever it is, it is wrong with this one
        problems.append(("unreadable picture", _said(error)))
    try:
        truth = samples.truth(position)
    except MissingMask as error:
        problems.append(("missing mask", str(error)))
    except VocabularyError as error:
        problems.append(("unknown id", str(error)))
    except Exception as error:  # as above
        problems.append(("unreadable mask", _said(error)))
    if truth is not None and image is not None and truth.target.shape != image.shape[1:]:
        sizes = f"{tuple(truth.target.shape)}, its picture {tuple(image.shape[1:])}"
        problems.append(("size mismatch", f"the mask is {sizes} (height, width)"))
    if truth is not None and bool((truth.target == ignore_index).all()):
        problems.append(("empty mask", "no pixel has a label"))
    return truth, problems


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _histogram(target: Tensor, classes: int, ignore_index: int) -> Tensor:
    """(K + 1,) pixels of each class, and without a label."""
    labels = torch.where(target == ignore_index, classes, target)
    return torch.bincount(labels.flatten(), minlength=classes + 1)
