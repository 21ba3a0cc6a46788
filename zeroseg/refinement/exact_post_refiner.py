"""No post-refinement: a phrase must be a class."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.values import UNRESOLVED, Resolution
from zeroseg.vocabulary import Vocabulary


class ExactPostRefiner(PostRefiner):
    """Resolves a phrase only if it is a class's name or prompt, as words.

    This is the paper's ablation "without post-refinement". Case, hyphens and spaces make no
    difference.
    """

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        """Resolve the phrases that are classes."""
        found = (vocabulary.find(phrase) for phrase in phrases)
        return Resolution(tuple(UNRESOLVED if label is None else label for label in found))
