"""Counts of pixels, from which every score of label maps is computed; they add up over images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zeroseg.errors import ZerosegError
from zeroseg.values import Movable
from zeroseg.vocabulary import Vocabulary

UNLISTED = -1
"""In a predicted label map: nothing of the vocabulary. Such a pixel is missed in its true class
and predicted in none; only label maps read from files have it, see `indices_of`."""

_SHORT = 255
"""Classes whose indices and ignore index fit 16 bits with room to spare."""

BOUNDARY_RATIO = 0.02
"""How far a boundary reaches into a mask, as a share of the image's diagonal (Cheng et al.)."""


@dataclass(frozen=True)
class PixelCounts(Movable):
    """Counts over any number of images; `+` joins two.

    Pixels whose truth is void are in none of them. Kept are the C classes that occur, so that the
    counts of an image stay small however long the list of classes is.

    Attributes:
        classes: K.
        occurring: (C,) int64, the classes that occur, rising.
        matrix: (C, C) int64, pixels by true class (rows) and predicted class (columns).
        edges: (C, 3) int64, see `boundary`.
        missed: (C,) int64, pixels of each true class that are predicted `UNLISTED`.
    """

    classes: int
    occurring: Tensor
    matrix: Tensor
    edges: Tensor
    missed: Tensor

    @classmethod
    def of(cls, confusion: Tensor, boundary: Tensor, unlisted: Tensor) -> PixelCounts:
        """Counts of all K classes: (K, K), (K, 3) and (K,) int64; see the properties."""
        used = (confusion.sum(0) + confusion.sum(1) + boundary.sum(1) + unlisted).nonzero()[:, 0]
        matrix = confusion[used[:, None], used]
        return cls(len(confusion), used, matrix, boundary[used], unlisted[used])

    @classmethod
    def zeros(cls, classes: int) -> PixelCounts:
        """No pixel yet, of `classes` classes."""
        return cls(classes, *(torch.zeros(s, dtype=torch.int64) for s in ((0,), *_shapes(0))))

    def __add__(self, other: PixelCounts) -> PixelCounts:
        if torch.equal(self.occurring, other.occurring):
            both, parts = self.occurring, (self, other)
        else:
            both = torch.cat([self.occurring, other.occurring]).unique()
            parts = (self._among(both), other._among(both))
        sums = (a + b for a, b in zip(parts[0]._counts(), parts[1]._counts(), strict=True))
        return PixelCounts(self.classes, both, *sums)

    def _counts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.matrix, self.edges, self.missed

    def _among(self, classes: Tensor) -> PixelCounts:
        """The same among more classes."""
        places = torch.searchsorted(classes, self.occurring)
        matrix, edges, missed = (self.matrix.new_zeros(shape) for shape in _shapes(len(classes)))
        matrix[places[:, None], places] = self.matrix
        edges[places], missed[places] = self.edges, self.missed
        return PixelCounts(self.classes, classes, matrix, edges, missed)

    def _all(self) -> PixelCounts:
        return self._among(torch.arange(self.classes, device=self.occurring.device))

    @property
    def confusion(self) -> Tensor:
        """(K, K) int64, pixels by true class (rows) and predicted class (columns)."""
        return self._all().matrix

    @property
    def unlisted(self) -> Tensor:
        """(K,) int64, pixels of each true class that are predicted `UNLISTED`."""
        return self._spread(self.missed)

    @property
    def boundary(self) -> Tensor:
        """(K, 3) int64, boundary pixels of each class: in both, in the prediction, in the truth.

        See `count_pixels`.
        """
        return self._spread(self.edges)

    @property
    def occurring_areas(self) -> Tensor:
        """(C, 3) int64, the `areas` of the classes that occur."""
        true = self.matrix.sum(1) + self.missed
        return torch.stack([self.matrix.diagonal(), self.matrix.sum(0), true], dim=1)

    @property
    def areas(self) -> Tensor:
        """(K, 3) int64, like `boundary` but of whole masks: in both, predicted, true."""
        return self._spread(self.occurring_areas)

    def _spread(self, counts: Tensor) -> Tensor:
        """Counts of the occurring classes among all of them."""
        filled = counts.new_zeros(self.classes, *counts.shape[1:])
        filled[self.occurring] = counts
        return filled

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: of each tensor the entries that are not 0, as `[*position, count]`."""
        return {
            "confusion": _entries(self.matrix, self.occurring, 2),
            "boundary": _entries(self.edges, self.occurring, 1),
            "unlisted": _entries(self.missed, self.occurring, 1),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any], classes: int) -> PixelCounts:
        """Read back what `to_dict` gave; `classes` is K.

        Raises:
            ZerosegError: The counts are of more classes.
        """
        confusion, boundary, unlisted = (
            torch.tensor(content[name], dtype=torch.int64).view(-1, width)
            for name, width in (("confusion", 3), ("boundary", 3), ("unlisted", 2))
        )
        named = (confusion[:, :2].flatten(), boundary[:, 0], unlisted[:, 0])
        used = torch.cat(named).unique()
        if bool((used >= classes).any()) or bool((boundary[:, 1] >= 3).any()):
            raise ZerosegError(
                f"these counts were made with another vocabulary: they do not fit {classes} classes"
            )
        matrix, edges, missed = (used.new_zeros(shape) for shape in _shapes(len(used)))
        rows, columns = torch.searchsorted(used, confusion[:, :2].contiguous()).T
        matrix[rows, columns] = confusion[:, 2]
        edges[torch.searchsorted(used, named[1].contiguous()), boundary[:, 1]] = boundary[:, 2]
        missed[torch.searchsorted(used, named[2].contiguous())] = unlisted[:, 1]
        return cls(classes, used, matrix, edges, missed)


def confusion(
    prediction: Tensor, target: Tensor, classes: int, ignore_index: int, unlisted: bool = False
) -> Tensor:
    """Count pixels by true class (rows) and predicted class (columns).

    A device is waited for twice: for the check, and by `bincount`.

    Args:
        prediction: Class indices of any shape.
        target: True class indices of the same shape; `ignore_index` leaves a pixel out.
        classes: K.
        ignore_index: See `target`.
        unlisted: Allow `UNLISTED` in the prediction, and count it in a column before the others.

    Returns:
        (K, K) int64, or (K, K + 1) with `unlisted`.

    Raises:
        ValueError: The shapes differ, or a class lies outside 0..K-1.
    """
    _check_shapes(prediction, target)
    true, predicted, lowest = target.long(), prediction.long(), UNLISTED if unlisted else 0
    kept = true != ignore_index
    known = (true >= 0) & (true < classes) & (predicted >= lowest) & (predicted < classes)
    if bool((kept & ~known).any()):
        raise ValueError(f"class indices outside 0..{classes - 1}")
    columns = classes - lowest
    pairs = true * columns + predicted - lowest
    return _occurrences(pairs, kept, classes * columns).view(classes, columns)


def count_pixels(
    prediction: Tensor,
    target: Tensor,
    vocabulary: Vocabulary,
    boundary_ratio: float | None = BOUNDARY_RATIO,
) -> PixelCounts:
    """Compare one label map with the truth.

    The boundary of a class are the pixels of its mask within d of the mask's edge, d being
    `boundary_ratio` of the image's diagonal, rounded, and at least 1; distance is the larger of
    the distances along the axes (Cheng et al., Boundary IoU, CVPR 2021, and their code). The
    border of the picture is an edge. So is a border with void, in the truth and in the prediction
    alike: void is like the outside of the picture, so a prediction that is right wherever there is
    a truth has the same boundary as the truth.

    Args:
        prediction: (H, W) class indices, `UNLISTED` allowed.
        target: (H, W) class indices on the same device, the vocabulary's ignore index where void.
        vocabulary: The classes.
        boundary_ratio: None counts no boundaries, which is faster.

    Raises:
        ValueError: The shapes differ, or a class lies outside the vocabulary.

    Example:
        >>> import torch
        >>> from zeroseg import Vocabulary
        >>> from zeroseg.metrics import count_pixels
        >>> prediction, target = torch.tensor([[0, 1, 1, 1]]), torch.tensor([[0, 0, 1, 1]])
        >>> count_pixels(prediction, target, Vocabulary.parse("dog")).confusion
        tensor([[1, 1],
                [0, 2]])
    """
    _check_shapes(prediction, target)
    classes, void = len(vocabulary), vocabulary.ignore_index
    true = target.long()
    predicted = prediction.long().where(true != void, void)
    unlisted, matrix = confusion(predicted, true, classes, void, True).split([1, classes], dim=1)
    boundary = true.new_zeros(classes, 3)
    if boundary_ratio is not None and true.numel():
        height, width = true.shape
        distance = max(1, round(boundary_ratio * (height**2 + width**2) ** 0.5))
        boundary = _boundaries(predicted, true, distance, classes)
    return PixelCounts.of(matrix, boundary, unlisted[:, 0])


def near_edge(labels: Tensor, distance: int) -> Tensor:
    """Which pixels have another label, or the outside of the map, within a distance.

    Args:
        labels: (H, W) whole numbers, all labels at once.
        distance: d >= 1 in pixels; the neighbourhood is the square of side 2 d + 1.

    Returns:
        (H, W) bool. The pixels of each label that an erosion of its mask by a 3x3 square, d times
        and with nothing outside, takes away.
    """
    side = 2 * distance + 1
    near = torch.ones_like(labels, dtype=torch.bool)
    if min(labels.shape) >= side:
        high = _sliding(_sliding(labels, side, torch.maximum).T, side, torch.maximum).T
        low = _sliding(_sliding(labels, side, torch.minimum).T, side, torch.minimum).T
        near[distance:-distance, distance:-distance] = high != low
    return near


def _sliding(values: Tensor, length: int, join: Callable[..., Tensor]) -> Tensor:
    """Maximum or minimum over every run of `length` rows: (H, W) to (H - length + 1, W).

    A run of 2 n is two runs of n, so that the work grows with the logarithm of the length.
    """
    covered = 1
    while 2 * covered <= length:
        values = join(values[:-covered], values[covered:])
        covered *= 2
    rest = length - covered
    return join(values[: len(values) - rest], values[rest:]) if rest else values


def _boundaries(predicted: Tensor, true: Tensor, distance: int, classes: int) -> Tensor:
    """(K, 3) boundary pixels of a prediction that is void where the truth is."""
    small = torch.int16 if classes <= _SHORT else torch.int32
    near_predicted, near_true = (near_edge(own.to(small), distance) for own in (predicted, true))
    both = near_predicted & near_true & (predicted == true)
    counted = ((true, both), (predicted, near_predicted), (true, near_true))
    columns = [
        _occurrences(labels, near & (labels >= 0) & (labels < classes), classes)
        for labels, near in counted
    ]
    return torch.stack(columns, dim=1)


def _occurrences(values: Tensor, counted: Tensor, limit: int) -> Tensor:
    """How often each whole number below a limit occurs where it is counted, (limit,) int64."""
    return torch.bincount(values.where(counted, limit).flatten(), minlength=limit + 1)[:limit]


def _check_shapes(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"prediction and target differ in shape: {shapes}")


def _shapes(classes: int) -> tuple[tuple[int, ...], ...]:
    return (classes, classes), (classes, 3), (classes,)


def _entries(counts: Tensor, classes: Tensor, axes: int) -> list[list[int]]:
    """What is not 0, with its position; the first `axes` axes are of these classes."""
    places = counts.nonzero()
    values = counts[counts != 0][:, None]
    named = torch.cat([classes[places[:, :axes]], places[:, axes:], values], dim=1)
    rows: list[list[int]] = named.tolist()
    return rows
