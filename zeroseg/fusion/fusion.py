"""The contract of fusion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

Evidence = Literal["both", "instances", "dense"]


class Fusion(nn.Module, ABC):
    """Decides the class of every pixel of one image.

    Attributes:
        evidence: What it reads: instances (masks with scores), dense scores, or both.
    """

    evidence: Evidence = "both"

    @property
    def hears_presence(self) -> bool:
        """Whether it weighs by presence, beyond what scores of detections hold of it."""
        return True

    @property
    def hears_verifier(self) -> bool:
        """Whether what a verifier says of presence reaches it, as part of that of dense scores."""
        return False

    def require(
        self,
        vocabulary: Vocabulary,
        detector: Detector | None = None,
        dense_scorer: DenseScorer | None = None,
    ) -> None:
        """Refuse what it cannot decide, before any picture is looked at.

        Args:
            vocabulary: The classes.
            detector: What gives the detections; None where that is not known, as in a worker that
                does some of the stages.
            dense_scorer: What gives dense scores beside it, if anything does.

        Raises:
            ZerosegError: It was made for others; by default it takes all.
        """

    @abstractmethod
    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Paint the masks.

        Args:
            masks: N masks of one image.
            detections: Their scores and labels, N, on any device; best on the CPU.
            vocabulary: Names the class of pixels where nothing stands.
            dense: What a dense scorer, or the detector itself, says of every place; None from a
                system that has neither. A fusion that paints masks alone leaves it unread.

        Returns:
            (H, W) int64 class indices, on the masks' device.
        """

    if TYPE_CHECKING:
        __call__ = forward
