"""What is doubtful in what was found in an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torchvision.ops import box_iou

from zeroseg.values import DenseScores, Detections, Selection
from zeroseg.vocabulary import Vocabulary


@dataclass(frozen=True)
class Doubt:
    """A question that a look at an image can answer.

    Attributes:
        choices: The classes that it may be, rising.
        regions: Positions of the detections that it is about, the best first. None for a class of
            which nothing but a dense map speaks: whether it is in the image at all.
    """

    choices: tuple[int, ...]
    regions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Doubts:
    """When something is doubtful.

    Attributes:
        band: Of a class that is present to a degree from the one to the other, every region is.
            Presence is what the detector or a dense scorer says, else what the selection does, else
            the score of the class's best detection.
        overlap: Regions of two classes are one, and one of the two wrong, if their boxes overlap by
            at least this IoU, and so do their masks where the detector gives masks.
        margin: They are in doubt if their scores differ by no more than this, or by whatever if the
            two are look-alikes of the vocabulary: a detector that takes one for the other is sure.
        most: Questions about one image; regions that score highest come first, and what is left
            stays as it is.

    Raises:
        ValueError: A number is not in [0, 1], the band runs backwards, or `most` is less than 1.
    """

    band: tuple[float, float] = (0.2, 0.8)
    overlap: float = 0.7
    margin: float = 0.3
    most: int = 16

    def __post_init__(self) -> None:
        low, high = self.band
        if not 0 <= low <= high <= 1:
            raise ValueError(f"band is {self.band}, expected two rising numbers in [0, 1]")
        for name in ("overlap", "margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a number in [0, 1]")
        if self.most < 1:
            raise ValueError(f"most is {self.most}, but at least one question has to be allowed")

    def of(
        self,
        selection: Selection,
        found: Detections,
        dense: DenseScores | None,
        vocabulary: Vocabulary,
    ) -> list[Doubt]:
        """The doubts about one image, those about regions first."""
        labels = found.labels.tolist()
        claims = [i for i, label in enumerate(labels) if label in vocabulary.classes]
        unsure = self.unsure(selection, found, dense, vocabulary)
        rivals = self._rivals(found, claims, vocabulary)
        settled = {i for group in rivals for i in group}
        singles = [(i,) for i in claims if labels[i] in unsure and i not in settled]
        regions = sorted((*rivals, *singles))  # the best score first
        told = [Doubt(tuple(sorted({labels[i] for i in group})), group) for group in regions]
        unseen = sorted((_mapped(found, dense) & unsure) - {labels[i] for i in claims})
        return [*told, *(Doubt((label,)) for label in unseen)][: self.most]

    def unsure(
        self,
        selection: Selection,
        found: Detections,
        dense: DenseScores | None,
        vocabulary: Vocabulary,
    ) -> set[int]:
        """The classes whose presence is in the band."""
        low, high = self.band
        presence = presence_of(selection, found, dense)
        return {i for i in vocabulary.classes if i in presence and low <= presence[i] <= high}

    def _rivals(
        self, found: Detections, claims: Sequence[int], vocabulary: Vocabulary
    ) -> list[tuple[int, ...]]:
        """Groups of detections of several classes that claim one place, the best of each first."""
        alike = {frozenset(pair) for pair in vocabulary.look_alikes}
        near = (box_iou(found.boxes, found.boxes) >= self.overlap).tolist()
        labels, scores = found.labels.tolist(), found.scores.tolist()
        left, groups = list(claims), []
        while left:
            best = left.pop(0)
            group = [
                i
                for i in left
                if near[best][i]
                and labels[i] != labels[best]
                and (
                    scores[best] - scores[i] <= self.margin
                    or frozenset((labels[best], labels[i])) in alike
                )
                and self._cover_each_other(found, best, i)
            ]
            left = [i for i in left if i not in group]
            groups += [(best, *group)] if group else []
        return groups

    def _cover_each_other(self, found: Detections, one: int, other: int) -> bool:
        """Whether the masks of two detections do, too, where there are any."""
        if found.masks is None:
            return True
        inside, within = found.masks.logits[one] > 0, found.masks.logits[other] > 0
        both, either = int((inside & within).sum()), int((inside | within).sum())
        return both >= self.overlap * either


def presence_of(
    selection: Selection, found: Detections, dense: DenseScores | None
) -> dict[int, float]:
    """How likely each class is in the image, by the best of its words; see `Doubts.band`."""
    judge = found.dense if found.dense is not None else dense
    if judge is not None and judge.presence is not None:
        return _best(zip(judge.labels, judge.presence.tolist(), strict=True))
    if selection.presence is not None:
        return _best(zip(selection.labels, selection.presence, strict=True))
    return _best(zip(found.labels.tolist(), found.scores.tolist(), strict=True))


def _best(told: Iterable[tuple[int, float]]) -> dict[int, float]:
    best: dict[int, float] = {}
    for label, presence in told:
        best[label] = max(presence, best.get(label, 0.0))
    return best


def _mapped(found: Detections, dense: DenseScores | None) -> set[int]:
    """The classes that a dense map speaks for."""
    maps = [own for own in (found.dense, dense) if own is not None]
    return {label for own in maps for label in own.labels if label >= 0}
