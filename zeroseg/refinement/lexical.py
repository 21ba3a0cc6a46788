"""From a word to the class that covers it, by rules and a table; no model, no randomness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from zeroseg.refinement.class_names import ClassNames
from zeroseg.refinement.thesaurus import Thesaurus, built_in_thesaurus
from zeroseg.refinement.words import segments
from zeroseg.values import UNRESOLVED
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

    def settle(self, phrase: str, margin: int) -> int | None:
        """The class of a phrase where no second one is about as near.

        Nearness is counted in steps of the table, from the nouns of the phrase to wider concepts.
        A noun in front of the last one, or in a further noun phrase, begins a step behind it.

        Args:
            phrase: Words of a detector or tagger.
            margin: The nearest class is taken if every other is further by more steps than this.

        Returns:
            The index of the class; `UNRESOLVED` where words that the table knows lead to no class;
            None where two classes are within the margin, where the nearest is not the one that
            `match` takes, or where a noun phrase ends in a word that the table does not know.
        """
        named = self.names.find(phrase)
        if named is not None:
            return named
        nouns = self._all_nouns(phrase)
        steps: dict[int, int] = {}
        for behind, noun in nouns or ():
            for label, depth in self._steps_of(noun).items():
                steps[label] = min(depth + behind, steps.get(label, depth + behind))
        if not steps:
            return None if nouns is None else UNRESOLVED
        [(nearest, least), *others] = sorted(steps.items(), key=lambda own: own[1])
        tied = bool(others) and others[0][1] - least <= margin
        match = None if tied else self.match(phrase)
        return nearest if match is not None and match.label == nearest else None

    def _all_nouns(self, phrase: str) -> list[tuple[int, Words]] | None:
        """The nouns of a phrase and whether they stand behind others; None if it ends in none."""
        found: list[tuple[int, Words]] = []
        for segment in segments(phrase):
            words = self._before_participle(segment.words)
            end = len(words)
            if segment.negated or not self._noun_ending(words, end):
                return None
            while end > 0:
                noun = self._noun_ending(words, end)
                found += [(int(bool(found)), noun)] if noun else []
                end -= len(noun) or 1
        return found or None

    def _steps_of(self, noun: Words) -> dict[int, int]:
        named, concept = self.names.find_words(noun), self.thesaurus.find(noun)
        if named is not None:
            return {named: 0}
        return {} if concept is None else self.steps(concept)

    def steps(self, concept: str) -> dict[int, int]:
        """The classes that a concept or a wider one names, and the steps that lead to each."""
        found: dict[int, int] = {}
        for step in self.thesaurus.widen(concept):
            label = self.class_of(step.concept)
            if label is not None:
                found.setdefault(label, step.depth)
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
