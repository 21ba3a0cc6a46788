"""A fusion around another one."""

from __future__ import annotations

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.vocabulary import Vocabulary


class FusionAround(Fusion):
    """Reads and demands what the fusion within does; a subclass decides pixels in its own way.

    Args:
        fusion: The one within.
    """

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion
        self.evidence = fusion.evidence

    @property
    def hears_presence(self) -> bool:
        """See `Fusion.hears_presence`."""
        return self.fusion.hears_presence

    @property
    def hears_verifier(self) -> bool:
        """See `Fusion.hears_verifier`."""
        return self.fusion.hears_verifier

    def require(
        self,
        vocabulary: Vocabulary,
        detector: Detector | None = None,
        dense_scorer: DenseScorer | None = None,
    ) -> None:
        """See `Fusion.require`."""
        self.fusion.require(vocabulary, detector, dense_scorer)
