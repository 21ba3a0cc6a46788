"""A small built-in table of what words for visible things mean to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from zeroseg import yaml_text
from zeroseg.refinement.words import keys


class Step(NamedTuple):
    """A concept on the way from a word to ever wider ones.

    Attributes:
        concept: The concept reached.
        basic: The last concept on the way that is not a wide word, e.g. "dog" on the way from
            "puppy" to "animal"; None if there was none.
        depth: How many steps it is away from the first.
    """

    concept: str
    basic: str | None
    depth: int


@dataclass(frozen=True)
class Thesaurus:
    """Concepts and their words. A concept goes by the first of its synonyms.

    Attributes:
        concept_of: Every known word or phrase, under its concept.
        synonyms: For each concept its words, itself first.
        wider: For each concept the next wider ones, the preferred first.
        usually: For some words the concept that they mean in pictures.
        generic: Concepts so wide that a detector is better asked for a kind of them.
        settings: Scenes, each with concepts that it usually holds.
    """

    concept_of: Mapping[str, str]
    synonyms: Mapping[str, Sequence[str]]
    wider: Mapping[str, Sequence[str]]
    usually: Mapping[str, Sequence[str]]
    generic: frozenset[str]
    settings: Mapping[str, Sequence[str]]

    def find(self, words: Sequence[str]) -> str | None:
        """The concept that words stand for, in any of their plural and joined forms."""
        return next((self.concept_of[key] for key in keys(words) if key in self.concept_of), None)

    def widen(self, concept: str) -> Iterator[Step]:
        """The concept itself, what it usually means, then wider ones, nearest first."""
        pending = [Step(concept, None, 0)]
        seen = {concept}
        for step in pending:
            yield step
            onward = [*(self.usually.get(concept, ()) if step.concept == concept else ())]
            onward += self.wider.get(step.concept, ())
            basic = step.basic if step.concept in self.generic else step.concept
            for other in onward:
                if other not in seen:
                    seen.add(other)
                    pending.append(Step(other, basic, step.depth + 1))

    def above(self, concept: str) -> tuple[str, ...]:
        """The wider concepts that it is a kind of, nearest first."""
        found = [concept]
        for word in found:
            found += [wider for wider in self.wider.get(word, ()) if wider not in found]
        return tuple(found[1:])

    def narrower(self, concept: str) -> tuple[str, ...]:
        """Other words for the concept and its nearest kinds that are no wide words themselves."""
        loose = [word for word, means in self.usually.items() if concept in means]
        words = (*self.synonyms.get(concept, ())[1:], *loose[:3], *self._kinds(concept), *loose)
        return tuple(dict.fromkeys(words))

    def _kinds(self, concept: str) -> list[str]:
        """Its kinds, where those that are wide words give way to their own."""
        wide = [concept]
        for word in wide:
            kinds = (kind for kind, wider in self.wider.items() if word in wider)
            wide += [kind for kind in kinds if kind in self.generic and kind not in wide]
        covered = set(wide)
        return [k for k, wider in self.wider.items() if covered & set(wider) and k not in covered]


def _build(table: Mapping[str, Mapping[str, Sequence[str]]]) -> Thesaurus:
    synonyms: dict[str, Sequence[str]] = {group[0]: group for group in table["synonyms"]}
    concept_of = {word: group[0] for group in synonyms.values() for word in group}

    def concept(word: str) -> str:
        return concept_of.setdefault(word, word)

    def invert(section: str) -> dict[str, list[str]]:
        inverse: dict[str, list[str]] = {}
        for wide, words in table[section].items():
            concept(wide)
            for word in words:
                inverse.setdefault(concept(word), []).append(concept(wide))
        return inverse

    wider, usually = invert("kinds"), invert("usually")
    for word in table["other"]:
        concept(word)
    joined = {word.replace(" ", ""): found for word, found in concept_of.items()}
    return Thesaurus(
        concept_of={**joined, **concept_of},
        synonyms=synonyms,
        wider=wider,
        usually=usually,
        generic=frozenset(map(concept, table["generic"])),
        settings=table["settings"],
    )


@lru_cache(maxsize=1)
def built_in_thesaurus() -> Thesaurus:
    """The table that comes with zeroseg, `thesaurus.yaml`, read once."""
    return _build(yaml_text.packaged("zeroseg.refinement", "thesaurus.yaml"))
