"""Scores over many pictures without labels, and the signatures that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.errors import CalibrationError
from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.fusion import Evidence, Fusion
from zeroseg.fusion.score_source import Source
from zeroseg.fusion.signatures import FEWEST, Signatures, as_written, asked_words
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.values import DenseScores, Detections, Masks
from zeroseg.vocabulary import Vocabulary

FEWEST_PICTURES = 20
"""From which signatures are found at the least; a few hundred are better."""
CLEARLY, HARDLY = 0.5, 0.3
"""A class stands out where it scores more than the first and all others less than the second
(ActiveSAM)."""
_CELL = 4
"""Side of the squares of pixels that are averaged (ActiveSAM)."""
_PLACES = 4096
"""Places of a picture that are kept at most, drawn at random."""


class SignaturePool(Fusion):
    """A fusion that decides as another one does, and keeps the scores of places that it sees.

    In the place of a system's fusion it turns pictures into signatures:

        pool = SignaturePool(segmenter.fusion)
        segmenter.fusion = pool
        segmenter.segment(pictures)
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

    def __init__(self, fusion: ThingsAndStuff) -> None:
        super().__init__()
        self.fusion = checked(fusion)
        self.seen: list[ClassScores] = []

    @property
    def evidence(self) -> Evidence:  # type: ignore[override]
        """That of the other one."""
        return self.fusion.evidence

    @property
    def hears_verifier(self) -> bool:
        """See `Fusion.hears_verifier`."""
        return self.fusion.hears_verifier

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

    def signatures(
        self, vocabulary: Vocabulary, source: Mapping[str, Source | None]
    ) -> Signatures:
        """The signatures of a vocabulary's classes.

        Raises:
            CalibrationError: There are too few pictures, or no class wins often enough.
        """
        if len(self.seen) < FEWEST_PICTURES:
            raise CalibrationError(
                f"{len(self.seen)} pictures are too few to find signatures from; give at least "
                f"{FEWEST_PICTURES}, better a few hundred of the kind that is to be segmented"
            )
        found = Groups.of(self.seen, len(vocabulary))
        total = sum(own.maps.shape[2] for own in self.seen)
        places = found.sizes["highest"]
        if not bool((places >= FEWEST).any()):
            raise CalibrationError(
                f"no class scores highest at {FEWEST} places of these {len(self.seen)} pictures; "
                f"give more of them, which show some of the classes"
            )
        return Signatures(
            source,
            len(self.seen),
            total,
            None,
            asked_words(vocabulary),
            places,
            as_written(found.mean("highest")),
            as_written(found.clear()),
        )


def checked(fusion: Fusion) -> ThingsAndStuff:
    """A fusion that has scores of classes which a signature could explain.

    Raises:
        TypeError: It has none.
        ValueError: It puts stuff under things, which is no matter of scores.
    """
    if not isinstance(fusion, ThingsAndStuff):
        raise TypeError(f"signatures need ThingsAndStuff, not {type(fusion).__name__}")
    if fusion.stuff == "under things":
        raise ValueError(
            "signatures compare all classes; stuff under things is not compared: take 'beside "
            "things'"
        )
    return fusion


def _sampled(scores: ClassScores, seed: int) -> ClassScores:
    """Scores of some places, in bytes on the CPU: maps (A, 1, n) uint8."""
    pooled = F.avg_pool2d(scores.maps, _CELL, ceil_mode=True).flatten(1)
    places = pooled.shape[1]
    if places > _PLACES:
        dice = torch.Generator().manual_seed(seed)
        pooled = pooled[:, torch.randperm(places, generator=dice)[:_PLACES].to(pooled.device)]
    held = (pooled * 255).round().to(torch.uint8).cpu()
    return ClassScores(scores.labels, held[:, None], scores.presence.cpu())
