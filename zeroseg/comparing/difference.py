"""How two label maps of one picture differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zeroseg.comparing.joint_classes import JointClasses
from zeroseg.errors import ImageError
from zeroseg.vocabulary import Vocabulary


class Change(NamedTuple):
    """Pixels that are of one class in A and of another in B."""

    a: str
    b: str
    pixels: int


@dataclass(frozen=True)
class Difference:
    """Of one picture, or of several together.

    Attributes:
        name: Of the picture.
        pixels: How many there are of each pair of classes, in A and in B, by names; those of
            pixels without a label are `zeroseg.comparing.joint_classes.NOTHING`.
    """

    name: str
    pixels: Counter[tuple[str, str]]

    @property
    def total(self) -> int:
        """Pixels."""
        return self.pixels.total()

    @property
    def share(self) -> float:
        """Pixels that differ, in [0, 1]."""
        return sum(change.pixels for change in self.changes) / max(self.total, 1)

    @property
    def changes(self) -> list[Change]:
        """Which class in A became which in B, most pixels first."""
        found = [Change(a, b, count) for (a, b), count in self.pixels.items() if a != b]
        return sorted(found, key=lambda change: (-change.pixels, change.a, change.b))

    @property
    def ious(self) -> dict[str, float]:
        """Pixels that are of a class in both, over those that are in either; by name, in [0, 1]."""
        either: Counter[str] = Counter()
        for (a, b), count in self.pixels.items():
            for name in {a, b}:
                either[name] += count
        return {name: self.pixels[name, name] / either[name] for name in sorted(either)}

    def area(self, name: str, side: int) -> int:
        """Pixels of a class, in A (side 0) or in B (side 1)."""
        return sum(count for pair, count in self.pixels.items() if pair[side] == name)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "pixels": self.total,
            "share": self.share,
            "ious": self.ious,
            "changes": [change._asdict() for change in self.changes],
        }


def compare_label_maps(
    a: NDArray[np.integer],
    b: NDArray[np.integer],
    classes_a: Vocabulary,
    classes_b: Vocabulary,
    name: str = "",
) -> Difference:
    """Count the pixels of each pair of classes; classes of two vocabularies are one by their name.

    Args:
        a: (H, W) indices of A's classes, its ignore index where there is no label.
        b: (H, W), the same for B.
        classes_a: A's classes.
        classes_b: B's classes.
        name: Of the picture.

    Raises:
        ImageError: The two are not of one size.

    Example:
        >>> import numpy as np
        >>> from zeroseg import Vocabulary
        >>> from zeroseg.comparing import compare_label_maps
        >>> one = Vocabulary.from_names(["background", "dog"])
        >>> other = Vocabulary.from_names(["background", "cat", "dog"])
        >>> a, b = np.array([[0, 1, 1, 1]]), np.array([[0, 2, 2, 1]])
        >>> found = compare_label_maps(a, b, one, other)
        >>> found.share, found.changes
        (0.25, [Change(a='dog', b='cat', pixels=1)])
    """
    if a.shape != b.shape:
        raise ImageError(f"A is {a.shape}, B is {b.shape} (height, width)")
    joint = JointClasses.of(classes_a, classes_b)
    (named_a, places_a), (named_b, places_b) = _present(joint.of_a[a]), _present(joint.of_b[b])
    counts = np.bincount(places_a * len(named_b) + places_b, minlength=len(named_a) * len(named_b))
    pairs = counts.reshape(len(named_a), len(named_b))
    found: Counter[tuple[str, str]] = Counter()
    for i, j in zip(*np.nonzero(pairs), strict=True):
        found[joint.names[named_a[i]], joint.names[named_b[j]]] = int(pairs[i, j])
    return Difference(name, found)


def _present(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The classes that have pixels, and the place among them of each pixel, (H * W,)."""
    there = np.flatnonzero(np.bincount(labels.ravel()))
    table = np.zeros(int(there[-1]) + 1, np.int64)
    table[there] = np.arange(len(there))
    return there, table[labels.ravel()]


def together(differences: Iterable[Difference]) -> Difference:
    """All pixels of several pictures."""
    found: Counter[tuple[str, str]] = Counter()
    for one in differences:
        found.update(one.pixels)
    return Difference("", found)
