"""The conventions a score depends on, by name: the field's, and the reference's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from zeroseg.errors import VocabularyError, ZerosegError
from zeroseg.metrics.pixel_counts import UNLISTED
from zeroseg.vocabulary import Vocabulary

_SHOWN = 32
"""How many ids a message shows."""

Stray = Literal["refuse", "ignore", "alias"]
"""What an id of a prediction file that no class has is taken for, see `indices_of`."""


@dataclass(frozen=True)
class Protocol:
    """How counts of pixels become scores.

    Attributes:
        name: What results call it.
        absent: What a class counts for in the mean over classes if its score is 0 / 0: "exclude"
            leaves it out, "zero" counts it as 0.
        void_class: Whether a "void" class of a data set's own list is averaged over. No pixel is
            ever scored as void, so its IoU is 0.
        stray: What ids of files outside the vocabulary are taken for.
        unreadable: What becomes of a picture that cannot be read but has an annotation: it scores
            as background throughout, or is left out. It is reported as a failure in any case.
        description: For reports.
    """

    name: str
    absent: Literal["exclude", "zero"]
    void_class: bool
    stray: Stray
    unreadable: Literal["background", "drop"]
    description: str

    @classmethod
    def parse(cls, name: str) -> Protocol:
        """The protocol of this name.

        Raises:
            ZerosegError: There is none.
        """
        found = {protocol.name: protocol for protocol in (STANDARD, PAPER)}
        if name not in found:
            raise ZerosegError(f"'{name}' is not a protocol; choose one of {', '.join(found)}")
        return found[name]

    def settle(self, values: Tensor) -> Tensor:
        """Scores of classes with NaN replaced where this protocol counts it as 0."""
        return values.nan_to_num(0.0) if self.absent == "zero" else values

    def mean(self, values: Tensor, void_classes: int = 0) -> float:
        """Mean over classes.

        Args:
            values: (K,) scores, NaN for a class that is absent.
            void_classes: Void classes of the data set's own list: 1 for VOC 2012, whose
                list has "void" as its 22nd class.

        Returns:
            NaN if there is nothing to take the mean of.
        """
        counted = self.settle(values)
        if self.void_class:
            counted = torch.cat([counted, counted.new_zeros(void_classes)])
        return float(counted.nanmean())

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


STANDARD = Protocol(
    name="standard",
    absent="exclude",
    void_class=False,
    stray="refuse",
    unreadable="background",
    description=(
        "The field's convention. Classes that occur neither in the truth nor in the predictions "
        "are left out of the means, void is no class, and a prediction file with an id that no "
        "class has is refused."
    ),
)
"""The field's convention."""

PAPER = Protocol(
    name="paper",
    absent="zero",
    void_class=True,
    stray="alias",
    unreadable="drop",
    description=(
        "The convention of the published evaluation. Classes that never occur count as 0 in the "
        "means, so does the void of VOC 2012, by which its means are divided by 22, and ids of "
        "prediction files and annotations that no class has are taken for class indices. Pictures "
        "that cannot be read are left out."
    ),
)
"""What the reference does."""


def indices_of(ids: Tensor, vocabulary: Vocabulary, stray: Stray) -> Tensor:
    """Ids of a prediction file to class indices, int64.

    The vocabulary's ignore index, where a system abstains, becomes `UNLISTED` under every choice.

    Args:
        ids: Whole numbers of any shape.
        vocabulary: The classes and their ids.
        stray: What becomes of an id that no class has. "refuse": an error. "ignore": `UNLISTED`.
            "alias": an id below K is taken for the class of that index, as it comes out of the
            reference, which replaces ids by indices in place, class by class, in
            ascending order of ids, and leaves others standing; K and above become `UNLISTED`.

    Raises:
        VocabularyError: The map does not hold whole numbers, or there is a stray and `stray` is
            "refuse".
    """
    if ids.is_floating_point() or ids.is_complex():
        raise VocabularyError(f"a label map holds ids, whole numbers, but this one is {ids.dtype}")
    largest = max(*vocabulary.ids, vocabulary.ignore_index, len(vocabulary) - 1)
    known = torch.full((largest + 1,), UNLISTED, dtype=torch.int64)
    if stray == "alias":
        known[: len(vocabulary)] = torch.arange(len(vocabulary))
    known[list(vocabulary.ids)] = torch.arange(len(vocabulary))
    inside = (ids >= 0) & (ids <= largest)
    labels = known.to(ids.device)[ids.long().where(inside, vocabulary.ignore_index)]
    if stray == "refuse":
        _refuse(ids[(labels == UNLISTED) & (ids != vocabulary.ignore_index)], vocabulary)
    return labels


def resized(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """A label map (h, w) brought to (height, width), nearest neighbour.

    Row y comes from row floor(y h / height), and columns likewise: "nearest" of PyTorch and OpenCV.
    """
    (height, width), (rows, columns) = size, labels.shape
    y = torch.arange(height, device=labels.device) * rows // height
    x = torch.arange(width, device=labels.device) * columns // width
    return labels[y[:, None], x]


def _refuse(strays: Tensor, vocabulary: Vocabulary) -> None:
    if strays.numel():
        found = ", ".join(map(str, strays.unique().tolist()[:_SHOWN]))
        more = len(vocabulary.ids) - _SHOWN
        ids = ", ".join(map(str, vocabulary.ids[:_SHOWN])) + (f" and {more} more" * (more > 0))
        raise VocabularyError(
            f"no class of '{vocabulary.name}' has the id {found}; its ids are {ids}, and "
            f"{vocabulary.ignore_index} for no class"
        )
