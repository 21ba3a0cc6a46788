"""Post-refinement by rules and a table of words."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.values import UNRESOLVED, Resolution
from zeroseg.vocabulary import Vocabulary


class LexicalPostRefiner(PostRefiner):
    """Resolves phrases offline, by head nouns, plurals, aliases and the built-in thesaurus.

    See `LexicalMatcher` for the rules.

    Example:
        >>> from zeroseg import Vocabulary
        >>> from zeroseg.refinement import LexicalPostRefiner
        >>> vocabulary = Vocabulary.parse("dog, boat")
        >>> LexicalPostRefiner()(["a small puppy", "the sea"], vocabulary).labels
        (1, -1)
    """

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        """Resolve phrases by what their head nouns stand for."""
        matcher = matcher_of(vocabulary)
        matches = [matcher.match(phrase) for phrase in phrases]
        return Resolution(tuple(match.label if match else UNRESOLVED for match in matches))
