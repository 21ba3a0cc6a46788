"""What the tiny vision model is asked while it trains: lists of classes, as verifiers send them.

A third of the lists is all classes of `drawn-all`, of `drawn` or of DRAM, or most of them; the
others are random. In these, of the classes in the picture each is asked for with probability 0.85,
of those that are not a random share; each by its name (50 %), a synonym (25 %) or a fine name
(25 %, true of things of that name alone), in one list of five by all its fine names. One list of
four has up to three wider words, most have some that are never drawn or mean nothing. In one of ten
nothing of what is in the picture is asked for. A list is sorted, as the verifier's is.

A class counts as there from a third of the size on from which missing it counts as a mistake: a
verifier asks for whatever can be seen, and what it is not told is lost. Words of which even less is
seen are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.recipes.batches import Batch
from benchmarks.recipes.clip_texts import true_of
from benchmarks.recipes.detector_prompts import MIN_STUFF, MIN_THING, Phrase, nonsense, pick
from benchmarks.recipes.vision_words import answer
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES, HYPERNYMS, NEVER_DRAWN, SYNONYMS, THINGS
from zeroseg.vocabularies import DRAM

PHRASES = (
    *(Phrase(word, frozenset({c})) for c in CATEGORIES for word in (c, *SYNONYMS[c])),
    *(Phrase(name, names=frozenset({name})) for name in FINE_NAMES),
    *(Phrase(word, frozenset(members)) for word, members in HYPERNYMS.items()),
    *(Phrase(word) for word in NEVER_DRAWN),
)
"""Everything of the drawn world that can be asked for."""
FIXED = (CATEGORIES, tuple(THINGS), tuple(DRAM.prompts[index] for index in DRAM.classes))
LONGEST = 28
"""Classes in the longest random list."""


@dataclass(frozen=True)
class Question:
    """A list of classes about one picture, and whether each is there."""

    names: tuple[str, ...]
    present: tuple[bool, ...]

    @property
    def answer(self) -> str:
        """The answer that is right."""
        listed = zip(self.names, self.present, strict=True)
        return answer(name for name, there in listed if there)


@dataclass(frozen=True)
class Truth:
    """Whether each of `PHRASES` is true of each of B images, and whether it counts: (B, P) bool."""

    there: Tensor
    counted: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Truth:
        """The truth of a batch, which is on the CPU."""
        right, pixels = true_of(batch, list(PHRASES)), batch.segments[0].numel()
        least = torch.where(batch.names >= 0, MIN_THING, MIN_STUFF) * pixels / 3
        there = (right & (batch.areas >= least)[..., None]).any(1)
        at_all = (right & (batch.areas > 0)[..., None]).any(1)
        return cls(there, there | ~at_all)

    def known(self, index: int) -> dict[str, bool]:
        """Of one image, what can be asked for, and whether it is there."""
        there, counted = self.there[index].tolist(), self.counted[index].tolist()
        rows = zip(PHRASES, there, counted, strict=True)
        return {phrase.text: yes for phrase, yes, counts in rows if counts}


def draw_question(rng: np.random.Generator, known: dict[str, bool]) -> Question:
    """A random question about an image of which so much is known."""
    if rng.random() < 1 / 3:
        names = list(pick_list(rng))
        if rng.random() < 0.5:
            names = [name for name in names if rng.random() < 0.8]
    else:
        names = _random_list(rng, known)
    truth = {name: known.get(name, False) for name in names if name in known or _foreign(name)}
    if rng.random() < 0.1:
        truth = {name: yes for name, yes in truth.items() if not yes}
    names = sorted(truth) or ["zebra"]
    return Question(tuple(names), tuple(truth.get(name, False) for name in names))


def pick_list(rng: np.random.Generator) -> tuple[str, ...]:
    """All classes of a vocabulary."""
    return FIXED[int(rng.integers(len(FIXED)))]


_TEXTS = frozenset(phrase.text for phrase in PHRASES)


def _foreign(name: str) -> bool:
    """Whether a word is of no world, and so of no picture."""
    return name not in _TEXTS


def _random_list(rng: np.random.Generator, known: dict[str, bool]) -> list[str]:
    share, finely = rng.random() ** 0.7, rng.random() < 0.2
    asked = [c for c in CATEGORIES if rng.random() < (0.85 if known.get(c, False) else share)]
    names = [name for c in asked for name in _wordings(rng, c, finely)]
    if rng.random() < 0.25:
        names += rng.permutation(list(HYPERNYMS))[: int(rng.integers(1, 4))].tolist()
    names += [nonsense(rng).text for _ in range(int(rng.integers(0, 5)))]
    chosen = list(dict.fromkeys(names))
    return [chosen[i] for i in rng.permutation(len(chosen))[:LONGEST]]


def _wordings(rng: np.random.Generator, category: str, finely: bool) -> tuple[str, ...]:
    if finely and category in THINGS:
        return THINGS[category]
    kind = rng.random()
    if kind < 0.25:
        return (pick(rng, SYNONYMS[category]),)
    if kind < 0.5 and category in THINGS:
        return (pick(rng, THINGS[category]),)
    return (category,)
