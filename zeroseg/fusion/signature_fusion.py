"""Confusions and the background, settled by what scores of each class typically are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from typing_extensions import Self

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.fusion_around import FusionAround
from zeroseg.fusion.score_source import sources
from zeroseg.fusion.settling import SPREAD, settle, weighing
from zeroseg.fusion.signatures import Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.needs import Need, OwnFile


class SignatureFusion(FusionAround):
    """Gives every pixel the class whose typical scores explain those of the pixel best.

    What another fusion takes the highest of, the scores of all classes at a pixel, is held
    against the signature of each class: the mean scores of all classes where it won, over pictures
    of the user's own kind (`zeroseg calibrate --signatures`). A class that others often score
    beside is told from them so, and one that wins seldom needs more to win (ActiveSAM v2; see
    `zeroseg.fusion.settling`). Where the list is not exhaustive, a pixel that the signature of
    nothing explains better is left to the background: no threshold decides it. Classes that won
    nearly nowhere have no signature, and the other fusion decides their pixels.

    The scores of all classes that could be in an image are held at its size at once: 4 * A * H * W
    bytes.

    Args:
        signatures: Of the vocabulary's classes, by this system.
        fusion: What weighs the scores; `ThingsAndStuff()` by default.
        spread: How far scores lie from a signature: a larger one leaves more to how often classes
            win. 0.15, ActiveSAM's for all its data sets, by default.

    Raises:
        TypeError: The fusion has no scores of classes.
        ValueError: It puts stuff under things, or the spread is not positive.
    """

    fusion: ThingsAndStuff

    def __init__(
        self, signatures: Signatures, fusion: Fusion | None = None, spread: float = SPREAD
    ) -> None:
        super().__init__(weighing(ThingsAndStuff() if fusion is None else fusion))
        if not spread > 0:
            raise ValueError(f"spread is {spread}, expected a positive number")
        self.signatures = signatures
        self.spread = spread

    @classmethod
    def from_pretrained(
        cls, signatures: str | Path, fusion: Fusion | None = None, spread: float = SPREAD
    ) -> Self:
        """Read the signatures.

        Args:
            signatures: A file of `zeroseg calibrate --signatures`.
            fusion: See the class.
            spread: See the class.

        Raises:
            CalibrationError: The signatures cannot be read.
        """
        return cls(Signatures.from_yaml(signatures), fusion, spread)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield OwnFile(str(arguments["signatures"]), "zeroseg calibrate --signatures", "signatures")

    def require(
        self,
        vocabulary: Vocabulary,
        detector: Detector | None = None,
        dense_scorer: DenseScorer | None = None,
    ) -> None:
        """See `Fusion.require`.

        Raises:
            CalibrationError: The signatures are of other words or of another system.
        """
        self.signatures.require(vocabulary)
        if detector is not None:
            self.signatures.require_source(sources(detector, dense_scorer, self.fusion))

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Decide every pixel, see `Fusion.forward`."""
        scores = self.fusion.class_scores(masks, detections, vocabulary, dense)
        return settle(scores, self.signatures, self.fusion, vocabulary, self.spread)
