"""Identities that last: which region of a frame is which one of the frames before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from zeroseg.values import UNRESOLVED
from zeroseg.video.seen import Seen

LEAST_IOU = 0.3
"""Masks that overlap less are not of one thing (SORT's bound for boxes; Bewley et al., 2016)."""
OTHER_CLASS = 0.7
"""By what an overlap counts where the two have different classes."""
DECAY = 0.95
"""By what a vote weighs a frame later: half after 14 frames."""
PATIENCE = 8
"""Frames for which a thing that is not seen is waited for."""


@dataclass
class Track:
    """One thing through time.

    Attributes:
        number: Its identity, from 0.
        votes: How much speaks for each class.
        shape: (h, w) bool, its mask where it was seen last, at the predictor's resolution.
        last: The frame it was seen in last.
    """

    number: int
    votes: dict[int, float]
    shape: Tensor
    last: int

    @property
    def label(self) -> int:
        """The class that most speaks for, -1 where none does."""
        return max(self.votes, key=lambda label: (self.votes[label], -label), default=UNRESOLVED)

    def vote(self, label: int, weight: float) -> None:
        """Count a frame's word for a class; of what has none there is none."""
        self.votes = {own: DECAY * so_far for own, so_far in self.votes.items()}
        if label != UNRESOLVED:
            self.votes[label] = self.votes.get(label, 0.0) + weight


class Tracker:
    """Gives regions their identity, and each identity one class by vote over its history.

    Regions whose propagation knows where they come from keep their identity. Others are
    associated with the tracks of the last `PATIENCE` frames so that the sum of the IoU of their
    masks is highest (the Hungarian method), those of the same class first.

    Args:
        key_weight: How many frames a keyframe's word counts for: there the whole system looked.
    """

    def __init__(self, key_weight: float = 1.0) -> None:
        self.key_weight = key_weight
        self.tracks: list[Track] = []
        self.number = 0
        self._of_keyframe = torch.zeros(0, dtype=torch.int64)

    def cut(self) -> None:
        """Begin a shot: nothing in it was seen before."""
        self.tracks, self._of_keyframe = [], self._of_keyframe[:0]

    @property
    def labels(self) -> set[int]:
        """The classes of all tracks that are waited for."""
        return {track.label for track in self.tracks}

    def follow(self, seen: Seen, frame: int, key: bool) -> tuple[Tensor, Tensor]:
        """Take in a frame.

        Args:
            seen: What is in it.
            frame: Its number, higher than the last one's.
            key: Whether it is a keyframe.

        Returns:
            The identity and the class of each region, (N,) int64 both.
        """
        carried = set(self._of_keyframe.tolist()) if seen.origin is not None else set()
        self.tracks = [
            track
            for track in self.tracks
            if frame - track.last <= PATIENCE or track.number in carried
        ]
        shapes = seen.masks.logits > 0
        labels = seen.detections.labels.tolist()
        known = self._known(seen.origin)
        numbers = self._associated(shapes, labels) if known is None else known
        followed = []
        by_number = {track.number: track for track in self.tracks}
        for row, (number, label) in enumerate(zip(numbers, labels, strict=True)):
            track = by_number.get(number) or self._begun(shapes[row], frame)
            weight = float(seen.detections.scores[row]) * (self.key_weight if key else 1.0)
            track.vote(label, weight)
            track.shape, track.last = shapes[row].clone(), frame  # not the others' memory
            followed.append(track)
        identities = torch.tensor([track.number for track in followed], dtype=torch.int64)
        if key:
            self._of_keyframe = identities
        classes = torch.tensor([track.label for track in followed], dtype=torch.int64)
        return identities, classes

    def _begun(self, shape: Tensor, frame: int) -> Track:
        track = Track(self.number, {}, shape, frame)
        self.tracks.append(track)
        self.number += 1
        return track

    def _known(self, origin: Tensor | None) -> list[int] | None:
        return None if origin is None else self._of_keyframe[origin].tolist()

    def _associated(self, shapes: Tensor, labels: Sequence[int]) -> list[int]:
        """For each region the number of its track, -1 for a new one."""
        numbers = [-1] * len(labels)
        if not self.tracks or not labels:
            return numbers
        overlap = iou(torch.stack([track.shape for track in self.tracks]), shapes)
        same = torch.tensor([[track.label == label for label in labels] for track in self.tracks])
        value = torch.where(same, overlap, OTHER_CLASS * overlap) * (overlap >= LEAST_IOU)
        for row, column in zip(*linear_sum_assignment(value.numpy(), maximize=True), strict=True):
            if float(value[row, column]) > 0:
                numbers[int(column)] = self.tracks[int(row)].number
        return numbers

    def state(self) -> dict[str, object]:
        """All that it knows, of plain values and tensors."""
        tracks = [vars(track) for track in self.tracks]
        return {"tracks": tracks, "number": self.number, "of_keyframe": self._of_keyframe}

    def restore(self, tracks: Iterable[dict[str, Any]], number: int, of_keyframe: Tensor) -> None:
        """Know what `state` told, and nothing else."""
        self.tracks = [Track(**track) for track in tracks]
        self.number, self._of_keyframe = number, of_keyframe


def iou(some: Tensor, others: Tensor) -> Tensor:
    """IoU of masks (T, h, w) and (N, h, w) bool, (T, N) float32; 0 where both are empty."""
    a, b = some.flatten(1).float(), others.flatten(1).float()
    shared = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1)[None] - shared
    return shared / union.clamp(min=1)
