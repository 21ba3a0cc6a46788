"""When the words of a description say by themselves which classes are in the picture."""

from __future__ import annotations

from zeroseg.refinement.lexical import matcher_of
from zeroseg.refinement.words import Segment, segments, without_article, words_of
from zeroseg.values import Description
from zeroseg.vocabulary import Vocabulary


class Certainty:
    """Reads descriptions as far as there is nothing to decide.

    A phrase is certain if all of it, but for an article, is

    - a name, prompt or alias of a class, or a plural of these; or
    - a word of the thesaurus whose synonyms and wider words lead to one class and no other, or,
      with a margin, to no other that is as near; or
    - a word of the thesaurus that neither leads to a class nor is wider than one: it names
      something else. "animal" may be a dog, "sky" may not.

    A word that only usually means something in pictures ("table" for a dining table) is not
    certain, nor one that the thesaurus does not have.

    A description is certain if all its tags are, and if every noun phrase of the caption either is
    certain itself, or has a head noun that stands for a class that a tag names ("two brown dogs").
    Whatever is said to be missing ("no dog") makes it uncertain.

    Args:
        vocabulary: The classes, the background among them.
        margin: Steps of the thesaurus by which the nearest class has to be nearer than every other
            to be meant for certain; None where a second one is a doubt however far it is.
    """

    def __init__(self, vocabulary: Vocabulary, margin: int | None = None) -> None:
        self.matcher = matcher_of(vocabulary)
        self.margin = margin
        thesaurus = self.matcher.thesaurus
        named = (thesaurus.find(words_of(vocabulary.prompts[i])) for i in vocabulary.classes)
        # What the thesaurus says that the classes are: words that may stand for one of them.
        self._above = {step.concept for own in named if own for step in thesaurus.widen(own)}

    def labels(self, description: Description) -> tuple[int, ...] | None:
        """The classes that a description names.

        Returns:
            Class indices, rising, never the background; None where anything is uncertain.
        """
        tagged = [self._meant(tag.name) for tag in description.tags]
        named = {label for labels in tagged if labels is not None for label in labels}
        told = [self._told(phrase, named) for phrase in segments(description.caption or "")]
        found: set[int] = set()
        for labels in (*tagged, *told):
            if labels is None:
                return None
            found |= labels
        return tuple(sorted(found - {self.matcher.vocabulary.background}))

    def _told(self, phrase: Segment, named: set[int]) -> set[int] | None:
        """The classes that a noun phrase of a caption adds to those that tags have named."""
        if phrase.negated:
            return None
        text = " ".join(phrase.words)
        match = self.matcher.match(text)
        return set() if match is not None and match.label in named else self._meant(text)

    def _meant(self, phrase: str) -> set[int] | None:
        """The class that a whole phrase means, or none; None if that is not certain."""
        own = self.matcher.names.find(phrase)
        if own is not None:
            return {own}
        thesaurus = self.matcher.thesaurus
        concept = thesaurus.find(without_article(words_of(phrase)))
        if concept is None or concept in thesaurus.usually:
            return None
        steps = self.matcher.steps(concept)
        least = min(steps.values(), default=0)
        reach = float("inf") if self.margin is None else self.margin
        labels = {label for label, depth in steps.items() if depth - least <= reach}
        if len(labels) > 1 or (not labels and concept in self._above):
            return None
        return labels
