"""Words out of the thesaurus that comes with zeroseg; offline."""

from __future__ import annotations

from collections.abc import Iterator

from zeroseg.compiling.proposals import Proposal, Proposed, WordSource
from zeroseg.compiling.rules import bare
from zeroseg.refinement.thesaurus import Thesaurus, built_in_thesaurus
from zeroseg.refinement.words import words_of
from zeroseg.vocabulary import Vocabulary, as_words

_NAMES, _KINDS = 2, 2
"""Other names and kinds of a class; the thesaurus has the commonest first."""

_BESIDE = 6
"""Most of what stands under one wider word, for it to look alike: the more a word covers, the less
alike that is."""


class ThesaurusWords(WordSource):
    """Synonyms, kinds, and what stands beside a class under the nearest wider word.

    Args:
        thesaurus: The built-in one by default.
    """

    name = "thesaurus"

    def __init__(self, thesaurus: Thesaurus | None = None) -> None:
        self.thesaurus = thesaurus or built_in_thesaurus()

    def propose(self, vocabulary: Vocabulary) -> Proposed:
        """See `WordSource.propose`."""
        found = [own for label in vocabulary.classes for own in self._of(label, vocabulary)]
        return Proposed(tuple(found))

    def _of(self, label: int, vocabulary: Vocabulary) -> Iterator[Proposal]:
        named = (bare(vocabulary.prompts[label]), *vocabulary.aliases[label])
        concepts = (self.thesaurus.find(words_of(name)) for name in named)
        concept = next(filter(None, concepts), None)
        if wording := _wording(vocabulary.names[label], concept):
            yield Proposal(label, "wording", wording, self.name)
        if concept is None:
            return
        synonyms, usual = self.thesaurus.synonyms.get(concept, ()), self.thesaurus.usually
        other = [word for word in synonyms if as_words(word) not in map(as_words, named)]
        for word in other[:_NAMES]:
            yield Proposal(label, "same", word, self.name)
        kinds = [word for word in self.thesaurus.narrower(concept) if word not in synonyms]
        for word in [word for word in kinds if word not in usual][:_KINDS]:
            yield Proposal(label, "narrower", word, self.name)
        for word in self._beside(concept):
            yield Proposal(label, "looks like", word, self.name)

    def _beside(self, concept: str) -> list[str]:
        for wide in self.thesaurus.wider.get(concept, ()):
            beside = [c for c, wider in self.thesaurus.wider.items() if wide in wider]
            if len(beside) <= _BESIDE:
                return [other for other in beside if other != concept]
        return []


def _wording(name: str, concept: str | None) -> str | None:
    """A name that is not plain English as it would be said: "wall other", "babycarriage"."""
    said = bare(name)
    joined = concept is not None and concept.replace(" ", "") == said.replace(" ", "")
    wording = concept if joined else said
    return wording if wording != as_words(name) else None
