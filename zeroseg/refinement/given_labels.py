"""Pre-refinement that is told the classes."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.selecting import select_classes
from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary


class GivenLabels(PreRefiner):
    """Selects the same given classes for every image, whatever its description.

    Args:
        names: Names of classes, such as the true labels of a picture.

    Raises:
        TypeError: `names` is one string instead of a list of them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        if isinstance(names, str):
            raise TypeError(f"names is the string {names!r}, expected a list of names")
        self.names = tuple(names)

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose the given classes.

        Raises:
            VocabularyError: A name is no class of the vocabulary.
        """
        given = select_classes((vocabulary.index(name) for name in self.names), vocabulary)
        return [given for _ in descriptions]
