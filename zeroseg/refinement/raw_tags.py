"""No pre-refinement: the detector is asked for the tags as they are."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.values import UNRESOLVED, Description, Selection
from zeroseg.vocabulary import Vocabulary


class RawTags(PreRefiner):
    """Passes every tag on, unrefined (the paper's ablation "without pre-refinement").

    A tag that is exactly a class, as words, is labelled with it; every other tag is labelled -1,
    so that post-refinement decides what its detections are.
    """

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Pass on the tags."""
        return [self._select(description, vocabulary) for description in descriptions]

    def _select(self, description: Description, vocabulary: Vocabulary) -> Selection:
        prompts = self._prompts(description)
        unresolved = (None, vocabulary.background)
        labels = (vocabulary.find(prompt) for prompt in prompts)
        return Selection(
            tuple(prompts), tuple(UNRESOLVED if i in unresolved else i for i in labels)
        )

    def _prompts(self, description: Description) -> list[str]:
        """What is looked for."""
        return [tag.name for tag in description.tags]
