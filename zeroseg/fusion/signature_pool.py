"""Scores over many pictures without labels, and the signatures that follow from them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.errors import CalibrationError
from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.estimating import estimated, read
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.fusion_around import FusionAround
from zeroseg.fusion.score_source import Source
from zeroseg.fusion.settling import settle, weighing
from zeroseg.fusion.signature_effect import SignatureEffect
from zeroseg.fusion.signatures import Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

FEWEST_PICTURES = 20
"""From which signatures are found at the least; a few hundred are better."""
_CELL = 4
"""Side of the squares of pixels that are averaged (ActiveSAM)."""
_PLACES = 4096
"""Places of a picture that are kept at most, drawn at random."""


class SignaturePool(FusionAround):
    """A fusion that decides as another one does, and keeps the scores of places that it sees.

    In the place of a system's fusion it turns pictures into signatures:

        pool = SignaturePool(segmenter.fusion)
        segmenter.fusion = pool
        segmenter.segment(pictures)
        source = sources(segmenter.detector, segmenter.dense_scorer, pool.fusion)
        pool.signatures(segmenter.vocabulary, source).to_yaml("signatures.yaml")

    A picture takes a byte for each class that could be in it and each of 4,096 places at most.

    Args:
        fusion: What weighs the scores.

    Attributes:
        seen: Scores of the places of each picture, as maps (A, 1, n).

    Raises:
        TypeError: The fusion has no scores of classes.
        ValueError: It puts stuff under things, which is no matter of scores.
    """

    fusion: ThingsAndStuff

    def __init__(self, fusion: Fusion) -> None:
        super().__init__(weighing(fusion))
        self.seen: list[ClassScores] = []

    def forward(
        self,
        masks: Masks,
        detections: Detections,
        vocabulary: Vocabulary,
        dense: DenseScores | None = None,
    ) -> Tensor:
        """Decide every pixel, see `Fusion.forward`, and keep what was seen."""
        scores = self.fusion.class_scores(masks, detections, vocabulary, dense)
        self.seen.append(_sampled(scores, len(self.seen)))
        return self.fusion.decided(scores, vocabulary)

    def signatures(self, vocabulary: Vocabulary, source: Mapping[str, Source | None]) -> Signatures:
        """The signatures of a vocabulary's classes.

        Args:
            vocabulary: The classes.
            source: What gave the scores; see `zeroseg.fusion.score_source.sources`.

        Raises:
            CalibrationError: There are too few pictures, or no class wins often enough.
        """
        if len(self.seen) < FEWEST_PICTURES:
            raise CalibrationError(
                f"{len(self.seen)} pictures are too few to find signatures from; give at least "
                f"{FEWEST_PICTURES}, better a few hundred of the kind that is to be segmented"
            )
        found = estimated(self.seen, vocabulary, self._background(vocabulary), source)
        if not bool(found.known.any()):
            raise CalibrationError(
                f"no class scores highest at {found.fewest} places of these {len(self.seen)} "
                f"pictures; give more of them, which show some of the classes"
            )
        return found

    def _background(self, vocabulary: Vocabulary) -> bool:
        """Whether places are left to the background at all."""
        return self.fusion.background_rule(vocabulary) != "never"

    def effect(self, known: Signatures, vocabulary: Vocabulary) -> SignatureEffect:
        """What signatures change on the places that they were found from.

        Args:
            known: The signatures.
            vocabulary: The classes.
        """
        left = self._background(vocabulary)
        halves = [
            estimated(self.seen[start::2], vocabulary, left, known.source, known.fewest // 2)
            for start in (0, 1)
        ]
        found = SignatureEffect()
        for scores in map(read, self.seen):
            decided = [settle(scores, own, self.fusion, vocabulary) for own in (known, *halves)]
            found.add(self.fusion.decided(scores, vocabulary), *decided)
        return found


def _sampled(scores: ClassScores, seed: int) -> ClassScores:
    """Scores of some places, in bytes on the CPU: maps (A, 1, n) uint8."""
    pooled = F.avg_pool2d(scores.maps[:, None], _CELL, ceil_mode=True).flatten(1)
    places = pooled.shape[1]
    if places > _PLACES:
        dice = torch.Generator().manual_seed(seed)
        pooled = pooled[:, torch.randperm(places, generator=dice)[:_PLACES].to(pooled.device)]
    held = (pooled * 255).round().to(torch.uint8).cpu()
    return ClassScores(scores.labels, held[:, None], scores.presence.cpu())
