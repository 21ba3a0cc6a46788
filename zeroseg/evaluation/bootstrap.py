"""How sure a score is: intervals from resampled images.

Images are drawn with replacement, as many as there are, and the score is computed anew from the
summed counts of each draw (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, the
percentile interval). Two systems are compared on the same draws, so that what makes an image hard
for both does not blur their difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zeroseg.errors import ZerosegError
from zeroseg.evaluation.record import ImageRecord
from zeroseg.metrics.segmentation_scores import class_iou

Array = NDArray[np.float64]

RESAMPLES = 2000
"""Draws by default; the ends of a 95 % interval then rest on 50 draws each."""

_CHUNK = 2_000_000
"""Numbers held at a time: draws times images."""

_TAILS = (0.025, 0.975)


class Interval(NamedTuple):
    """A score of the images as they are, and the ends of its 95 % interval; NaN if undefined."""

    value: float
    low: float
    high: float


def areas(records: Sequence[ImageRecord], classes: int) -> Array:
    """What every image adds to the scores: (N, 3, K) pixels hit, predicted and true.

    Raises:
        ZerosegError: There are no records, or one has no counts.
    """
    if not records:
        raise ZerosegError("no scored images to resample")
    table = np.zeros((len(records), 3, classes))
    for row, record in zip(table, records, strict=True):
        if record.pixels is None:
            raise ZerosegError(f"image '{record.name}' has no scores; leave it out")
        row[:] = record.pixels.areas.numpy().T
    return table


def class_ious(summed: Array) -> Array:
    """IoU of each class from (..., 3, K) summed areas; NaN for a class that occurs in neither."""
    with np.errstate(invalid="ignore"):
        return np.asarray(class_iou(*np.moveaxis(summed, -2, 0)))


def mean_iou(iou: Array, scored: Sequence[int], absent: str, void_classes: int = 0) -> Array:
    """The mean from (..., K) class IoUs.

    Args:
        iou: NaN where a class occurs in neither truth nor prediction.
        scored: Indices of the classes that the mean runs over.
        absent: "exclude" leaves absent classes out, "zero" counts them as 0.
        void_classes: Further classes that are always 0, see `Protocol.mean`; only with "zero".
    """
    chosen = iou[..., list(scored)]
    if absent == "zero":
        return np.asarray(np.nan_to_num(chosen).sum(-1) / (chosen.shape[-1] + void_classes))
    count = np.isfinite(chosen).sum(-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(chosen, -1) / count)


def draws(images: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each image is in each draw: arrays (r, N) of counts, `resamples` rows in all."""
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // images)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        chosen = generator.integers(0, images, (rows, images))
        flat = (chosen + images * np.arange(rows)[:, None]).ravel()
        counts = np.bincount(flat, minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float64)


def resampled_ious(tables: Sequence[Array], resamples: int, seed: int) -> list[Array]:
    """Class IoUs (R, K) of each table of `areas` over the same draws of images."""
    found: list[list[Array]] = [[] for _ in tables]
    for counts in draws(len(tables[0]), resamples, seed):
        for parts, table in zip(found, tables, strict=True):
            parts.append(class_ious(np.tensordot(counts, table, axes=1)))
    return [np.concatenate(parts) for parts in found]


def interval(value: float, resampled: Array) -> Interval:
    """The value with the 2.5 % and 97.5 % quantiles of its resamples, undefined ones left out."""
    defined = resampled[np.isfinite(resampled)]
    if not len(defined):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, _TAILS)
    return Interval(value, float(low), float(high))


def paired_difference(
    a: Sequence[ImageRecord],
    b: Sequence[ImageRecord],
    classes: int,
    scored: Sequence[int] | None = None,
    absent: str = "exclude",
    resamples: int = RESAMPLES,
    seed: int = 0,
    void_classes: int = 0,
) -> Interval:
    """The mIoU of B minus that of A over the same images, with its interval.

    An interval without 0 says that the difference is more than the choice of images explains.

    Args:
        a: One system's records.
        b: The other's, of the same images in the same order.
        classes: K.
        scored: See `mean_iou`; all classes by default.
        absent: See `mean_iou`.
        resamples: Draws of as many images as there are.
        seed: Of the draws.
        void_classes: See `mean_iou`.

    Raises:
        ZerosegError: The images differ, there are none, or one has no counts.
    """
    check_paired(a, b)
    chosen = range(classes) if scored is None else scored

    def mean(iou: Array) -> Array:
        return mean_iou(iou, chosen, absent, void_classes)

    tables = [areas(a, classes), areas(b, classes)]
    before, after = (float(mean(class_ious(table.sum(0)))) for table in tables)
    first, second = resampled_ious(tables, resamples, seed)
    return interval(after - before, mean(second) - mean(first))


def check_paired(a: Sequence[ImageRecord], b: Sequence[ImageRecord]) -> None:
    """Refuse two lists of records that are not of the same images in the same order.

    Raises:
        ZerosegError: Naming the first image that differs.
    """
    if len(a) != len(b):
        raise ZerosegError(f"a paired comparison of {len(a)} and {len(b)} images")
    for one, other in zip(a, b, strict=True):
        if one.name != other.name:
            raise ZerosegError(f"a paired comparison of image '{one.name}' with '{other.name}'")
        if one.digest != other.digest:
            raise ZerosegError(
                f"image '{one.name}' is not the same in both: its picture or its annotation "
                f"changed between the two runs; score one of them again"
            )
