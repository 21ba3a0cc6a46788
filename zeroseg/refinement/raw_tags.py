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

    Args:
        caption: Whether the caption is asked for as well, as one prompt after the tags. The
            published implementation does so.
        glue: Whether the caption is written behind the last tag, after a colon, so that the two
            are one prompt, and the last tag is no class any more. The published implementation
            does so.

    Raises:
        ValueError: `glue` is set without `caption`.
    """

    def __init__(self, caption: bool = False, glue: bool = False) -> None:
        super().__init__()
        if glue and not caption:
            raise ValueError("glue is set, but there is nothing to glue: set caption as well")
        self.caption = caption
        self.glue = glue

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Pass on the tags, and the caption where asked."""
        return [self._select(description, vocabulary) for description in descriptions]

    def _select(self, description: Description, vocabulary: Vocabulary) -> Selection:
        prompts = [tag.name for tag in description.tags]
        caption = (description.caption or "").strip()
        if self.caption and caption:
            last = prompts.pop() if self.glue and prompts else ""
            prompts.append(f"{last}: {caption}" if last else caption)
        prompts = list(dict.fromkeys(prompts))
        unresolved = (None, vocabulary.background)
        labels = (vocabulary.find(prompt) for prompt in prompts)
        return Selection(
            tuple(prompts), tuple(UNRESOLVED if i in unresolved else i for i in labels)
        )
