"""Pre-refinement by rules and a table of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from zeroseg.refinement.lexical import LexicalMatcher, Match, matcher_of
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.selecting import with_distractors
from zeroseg.values import Description, Selection
from zeroseg.vocabulary import Vocabulary

Prompts = Literal["evidence", "classes", "both"]


class LexicalPreRefiner(PreRefiner):
    """Selects the classes that tags and caption name, offline and without a language model.

    A class is named by its words or by those of a narrower concept; see `LexicalMatcher`.

    Args:
        prompts: What the detector is asked for where the class is a wide word ("animal") and a
            kind of it was named ("puppy"). By default "both": the class itself, and the common
            word for the kind ("dog"), since a detector knows dogs better than animals but the
            tagger may have taken a cat for a dog. "evidence" asks for the kind only, "classes"
            for the class only. A class that is no wide word is always asked for by its own
            prompt ("girl" asks for "person"), and so is a wide one that nothing but its own name
            was evidence for.

    Raises:
        ValueError: `prompts` is none of these.

    Example:
        >>> from zeroseg import Description, Tag, Vocabulary
        >>> from zeroseg.refinement import LexicalPreRefiner
        >>> description = Description((Tag("puppy", 0.9),), caption="a girl in a boat")
        >>> vocabulary = Vocabulary.parse("animal, person, boat, chair")
        >>> LexicalPreRefiner()([description], vocabulary)[0].prompts
        ('animal', 'dog', 'person', 'boat')
    """

    def __init__(self, prompts: Prompts = "both") -> None:
        super().__init__()
        if prompts not in get_args(Prompts):
            raise ValueError(f"prompts is {prompts!r}, not one of {list(get_args(Prompts))}")
        self.prompts = prompts

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        """Choose the classes that are named, in the vocabulary's order."""
        matcher = matcher_of(vocabulary)
        return [self._select(description, matcher) for description in descriptions]

    def _select(self, description: Description, matcher: LexicalMatcher) -> Selection:
        tagged = (matcher.match(tag.name) for tag in description.tags)
        matches = [match for match in tagged if match is not None]
        matches += matcher.mentions(description.caption or "")
        vocabulary = matcher.vocabulary
        prompts: dict[str, int] = {}
        for label in vocabulary.classes:
            named = [match for match in matches if match.label == label]
            if named:
                own = self._prompts(named, vocabulary.prompts[label])
                for prompt in (*own, *vocabulary.words[label]):
                    prompts.setdefault(prompt, label)
        selection = Selection(tuple(prompts), tuple(prompts.values()))
        return with_distractors(selection, vocabulary)

    def _prompts(self, named: Sequence[Match], own: str) -> list[str]:
        kinds = [match.evidence for match in named if match.evidence is not None]
        if not kinds or self.prompts == "classes":
            return [own]
        return [own, *kinds] if self.prompts == "both" else kinds
