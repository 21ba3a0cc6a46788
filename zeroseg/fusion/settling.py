"""The class whose typical scores explain those of a place best (ActiveSAM v2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zeroseg.fusion.class_scores import ClassScores
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.signatures import Signatures
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.vocabulary import Vocabulary

SPREAD = 0.15
"""Deviation of scores from a signature (ActiveSAM's sigma, the same for all data sets)."""
UNSETTLED = -1
"""Class index of a place that signatures leave to whatever decided before them."""

_RARE = 1e-3
"""Added to the chance of a class before its logarithm, and the least presence that is held against
the background (both ActiveSAM's)."""
_FAVOUR = 1.0
"""Logarithm by which the background is favoured (ActiveSAM's)."""
_LEAST = 1e-6
"""The least share of a class or the background."""
_AT_ONCE = 1 << 16
"""Places that are settled together; memory is 12 bytes for each of them and each class."""


def settle(
    scores: ClassScores,
    known: Signatures,
    fusion: ThingsAndStuff,
    vocabulary: Vocabulary,
    spread: float = SPREAD,
) -> Tensor:
    """Decide the places of an image by signatures, and by a fusion what these do not settle.

    Args:
        scores: Of the image.
        known: Signatures of the vocabulary's classes.
        fusion: What the scores are of; it also says whether places are left to the background.
        vocabulary: The classes.
        spread: How far scores lie from a signature.

    Returns:
        (H, W) int64 class indices.
    """
    never = fusion.background_rule(vocabulary) == "never"
    found = Settler(scores, known, None if never else vocabulary.background, spread)()
    return torch.where(found == UNSETTLED, fusion.decided(scores, vocabulary), found)


def weighing(fusion: Fusion) -> ThingsAndStuff:
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


class Settler:
    """Settles the places of one image by signatures.

    Of the vector S of scores at a place, class k with presence p and share m explains it as well as
    log(p m) - |S - R|^2 / (2 spread^2), R being its signature, restricted to the classes that could
    be in the image. A place takes the class that explains it best where its usual and its clear
    signature agree, and else the one that scores highest. Where the background is a choice, it is
    the class of the signature 0.

    Args:
        scores: Of the image.
        known: Signatures of the same list of classes.
        background: The background's index; None where nothing is left to it.
        spread: How far scores lie from a signature.
    """

    def __init__(
        self, scores: ClassScores, known: Signatures, background: int | None, spread: float = SPREAD
    ) -> None:
        self.labels = torch.tensor(scores.labels, dtype=torch.int64, device=scores.maps.device)
        usual, clear, share, typical = known.to(scores.maps.device)
        self.usual, self.clear = (own[self.labels][:, self.labels] for own in (usual, clear))
        self.share, self.typical = share[self.labels], typical[self.labels]
        self.presence, self.maps = scores.presence, scores.maps
        self.background, self.spread = background, spread
        self.nothing = math.log(max(known.background or 0.0, _LEAST)) + _FAVOUR

    def __call__(self) -> Tensor:
        """Classes (H, W) int64.

        UNSETTLED where the class that scores highest, or the one that explains a place best, is not
        typical of anything, having won too few places of the pool.
        """
        if not len(self.labels):
            return self.labels.new_full(self.maps.shape[1:], UNSETTLED)
        parts = self.maps.flatten(1).split(_AT_ONCE, 1)
        return torch.cat([self._settle(part) for part in parts]).view(self.maps.shape[1:])

    def _settle(self, scores: Tensor) -> Tensor:
        """Classes (n,) of places with scores (A, n)."""
        chance = (self.presence * self.share + _RARE).log()
        highest = scores.argmax(0)
        usual, clear = self._fit(self.usual, scores), self._fit(self.clear, scores)
        by_usual, by_clear = (self._best(own + chance[:, None], scores) for own in (usual, clear))
        best = torch.where(by_usual == by_clear, by_usual, highest)
        labels = self.labels[best]
        if self.background is not None:
            heard = (self.presence.clamp(min=_RARE) * self.share.clamp(min=_LEAST)).log()
            explained = usual.gather(0, best[None])[0] + heard[best]
            labels = labels.masked_fill(self.nothing > explained, self.background)
        unknown = ~self.typical
        return labels.masked_fill(unknown[highest] | unknown[best], UNSETTLED)

    def _fit(self, signatures: Tensor, scores: Tensor) -> Tensor:
        """How much better each class explains places than nothing does, (A, n)."""
        own = signatures.square().sum(1, keepdim=True) / 2
        return (signatures @ scores - own) / self.spread**2

    @staticmethod
    def _best(fit: Tensor, scores: Tensor) -> Tensor:
        """The row that fits best of those that score at all (n,)."""
        return fit.masked_fill(scores <= 0, -math.inf).argmax(0)
