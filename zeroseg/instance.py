"""Instances of a result: each detection's own mask, made when it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from torch import Tensor

from zeroseg.values import Detections, Masks, Movable
from zeroseg.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Instance(Movable):
    """One thing in a picture.

    Attributes:
        mask: (H, W) bool, its pixels; masks of instances may overlap.
        label: Class index in the vocabulary.
        class_name: The class.
        score: Of the detection, in [0, 1].
        box: (4,) float32, x1 y1 x2 y2 in pixels.
        area: Pixels of the mask.
        phrase: The words it answers to.
    """

    mask: Tensor
    label: int
    class_name: str
    score: float
    box: Tensor
    area: int
    phrase: str


class Instances(Sequence[Instance]):
    """The detections that have a class, best first; masks at full size are made one by one.

    Args:
        detections: N regions.
        masks: Their N masks.
        vocabulary: The classes.
    """

    def __init__(self, detections: Detections, masks: Masks, vocabulary: Vocabulary) -> None:
        self._detections, self._masks, self._vocabulary = detections, masks, vocabulary
        named = enumerate(detections.labels.tolist())
        self._places = [i for i, label in named if label in vocabulary.classes]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Instance: ...

    @overload
    def __getitem__(self, index: slice) -> list[Instance]: ...

    def __getitem__(self, index: int | slice) -> Instance | list[Instance]:
        places = self._places[index]
        return [self._made(i) for i in places] if isinstance(places, list) else self._made(places)

    def _made(self, place: int) -> Instance:
        found = self._detections
        label = int(found.labels[place])
        mask = self._masks.full(slice(place, place + 1))[0] > 0
        return Instance(
            mask=mask,
            label=label,
            class_name=self._vocabulary.names[label],
            score=float(found.scores[place]),
            box=found.boxes[place].clone(),
            area=int(mask.sum()),
            phrase=found.phrases[place],
        )

    def __repr__(self) -> str:
        return f"Instances({len(self)})"
