"""Pre-refinement that looks for everything."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.selecting import select_classes
from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary


class AllClasses(PreRefiner):
    """Selects every class of the vocabulary for every image, whatever its description."""

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose all classes but the background."""
        everything = select_classes(vocabulary.classes, vocabulary)
        return [everything for _ in descriptions]
