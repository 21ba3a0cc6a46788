"""What signatures change on the pictures that they were found from, and how far that is chance."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor


class SignatureEffect:
    """Counts what becomes of places.

    Attributes:
        places: How many were counted.
        changes: How many go from one class to another, by the indices of both.
        unsteady: How many the signatures of one half of the pictures decide otherwise than those of
            the other half.
        before: How many each class has without signatures, by index.
        after: The same with them.
    """

    def __init__(self) -> None:
        self.places = self.unsteady = 0
        self.changes: Counter[tuple[int, int]] = Counter()
        self.before: Counter[int] = Counter()
        self.after: Counter[int] = Counter()

    def add(self, before: Tensor, after: Tensor, half: Tensor, other: Tensor) -> None:
        """Count the places of a picture.

        Args:
            before: Class indices, int64, without signatures.
            after: The same with them.
            half: With those of one half of the pictures.
            other: With those of the other half.
        """
        self.places += before.numel()
        self.unsteady += int((half != other).sum())
        moves, counts = torch.stack([before, after]).flatten(1).unique(dim=1, return_counts=True)
        for (old, new), count in zip(moves.T.tolist(), counts.tolist(), strict=True):
            self.before[old] += count
            self.after[new] += count
            if old != new:
                self.changes[old, new] += count

    @property
    def changed(self) -> float:
        """The share of places whose class changes; no more of them can become wrong."""
        return sum(self.changes.values()) / max(self.places, 1)
