"""From a word to the class that covers it, by rules and a table; no model, no randomness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.thesaurus import Thesaurus, built_in_thesaurus
from zeroseg.refinement.words import segments
from zeroseg.vocabulary import Vocabulary

_LONGEST = 4
"""Words in the longest name that is looked for inside a sentence."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """A class that a word stands for.

    Attributes:
        label: Index of the class.
        evidence: Where the class is a wide word such as "animal": the kind that was named, such
            as "dog", as its most common word. None where the class's own prompt says it best.
    """

    label: int
    evidence: str | None = None


class LexicalMatcher:
    """Finds the class of a vocabulary that a word, a phrase or a sentence's nouns stand for.

    A noun phrase stands for what its last noun stands for, where compounds that the table knows
    count as one noun: "wooden dining chair" is a chair, a "hot dog" no dog, a "horse cart" a
    cart. A noun stands for the class it names, else for the nearest wider concept of the table
    that a class names: "puppy" for "dog" where that is a class, else for "pet", "animal".

    Args:
        vocabulary: The classes, the background among them.
        thesaurus: What words mean to each other; the built-in table by default.
    """

    def __init__(self, vocabulary: Vocabulary, thesaurus: Thesaurus | None = None) -> None:
        self.vocabulary = vocabulary
        self.names = ClassNames(vocabulary)
        self.thesaurus = thesaurus or built_in_thesaurus()
        self._known = lru_cache(maxsize=2**14)(self._match)

    def match(self, phrase: str) -> Match | None:
        """The class that a tag or a detector's phrase stands for.

        Of several noun phrases the first with a known head decides: "vase with flowers" is a
        vase.
        """
        return self._known(phrase)

    def _match(self, phrase: str) -> Match | None:
        named = self.names.find(phrase)
        if named is not None:
            return Match(named)
        for segment in segments(phrase):
            words = self._before_participle(segment.words)
            head = self._noun_ending(words, len(words))
            if head:
                return None if segment.negated else self._resolve(head)
        return None

    def mentions(self, sentence: str) -> list[Match]:
        """The classes that the nouns of a sentence stand for, in the order they occur.

        A noun right in front of another one describes it ("orange cat") and is not counted, nor
        is what the sentence says is missing ("without a dog").
        """
        found: list[Match] = []
        for segment in segments(sentence):
            if not segment.negated:
                resolved = (self._resolve(noun) for noun in self._nouns(segment.words))
                found += [match for match in resolved if match is not None]
        return found

    def _nouns(self, words: Words) -> list[Words]:
        nouns: list[Words] = []
        end, describes = len(words), False
        while end > 0:
            noun = self._noun_ending(words, end)
            if noun and not describes:
                nouns.append(noun)
            describes = bool(noun)
            end -= len(noun) or 1
        return nouns[::-1]

    def _noun_ending(self, words: Words, end: int) -> Words:
        """The longest known noun that ends before position `end`; empty if there is none."""
        for start in range(max(0, end - _LONGEST), end):
            if self._knows(words[start:end]):
                return words[start:end]
        return ()

    def _before_participle(self, words: Words) -> Words:
        """A noun phrase without what somebody is doing: "man riding horse" is a man."""
        for position in range(1, len(words)):
            doing = words[position].endswith("ing") and not self._noun_ending(words, position + 1)
            if doing and self._noun_ending(words, position):
                return words[:position]
        return words

    def _knows(self, words: Words) -> bool:
        return self.names.find_words(words) is not None or self.thesaurus.find(words) is not None

    def _resolve(self, noun: Words) -> Match | None:
        named = self.names.find_words(noun)
        if named is not None:
            return Match(named)
        concept = self.thesaurus.find(noun)
        if concept is None:
            return None
        for step in self.thesaurus.widen(concept):
            label = self.class_of(step.concept)
            if label is not None:
                wide = step.concept in self.thesaurus.generic
                return Match(label, step.basic if wide else None)
        return None

    def class_of(self, concept: str) -> int | None:
        """The class named by any of a concept's words."""
        words = self.thesaurus.synonyms.get(concept, (concept,))
        found = (self.names.find_words(tuple(word.split())) for word in words)
        return next((label for label in found if label is not None), None)


@lru_cache(maxsize=16)
def matcher_of(vocabulary: Vocabulary) -> LexicalMatcher:
    """A vocabulary's matcher with the built-in table, made once."""
    return LexicalMatcher(vocabulary)
