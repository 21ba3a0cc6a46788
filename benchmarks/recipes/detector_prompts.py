"""What the tiny detector is asked while it trains, and which regions answer.

A prompt is a random list of phrases. Of the things in the picture each is asked for with
probability 0.85, of those that are not a random number; a class goes by its name (50 %), a synonym
(25 %) or one or two of its fine names (25 %, answered by regions of that fine name alone). In one
picture of six a wider word ("animal") stands for all its members, which then are not asked for by
themselves, so that no region answers two phrases. In three of ten there are one to three stuffs.
Words of nothing that is ever drawn, words of random letters, and words that only begin like a
drawn one ("carpet") answer nothing. Some phrases come in the plural.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from transformers import BertTokenizer

from benchmarks.recipes.batches import Batch
from zeroseg.drawn.world import (
    CATEGORIES,
    FINE_NAMES,
    HYPERNYMS,
    NEVER_DRAWN,
    STUFF,
    SYNONYMS,
    THINGS,
)

MIN_KEPT = 0.35
"""Share of a thing that a crop must leave for it to be asked for."""
MIN_THING = 0.0015
MIN_STUFF = 0.01
"""Shares of the picture's area below which a region is not asked for."""


@dataclass(frozen=True)
class Phrase:
    """Words, and what they stand for: whole categories, or single fine names; or nothing."""

    text: str
    categories: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def answers(self, category: str, name: str | None) -> bool:
        """Whether a region of this category and fine name (None for stuff) is meant."""
        return category in self.categories or name in self.names


@dataclass(frozen=True)
class Asked:
    """B prompts as tokens, with T tokens in the longest and up to M answering regions.

    Attributes:
        ids: (B, T) int64 token ids, 0 beyond the prompt.
        spans: (B, T) int64, which phrase a token belongs to, -1 for delimiters and padding.
        boxes: (B, M, 4) float32 cx cy w h in [0, 1] of the regions that answer.
        tokens: (B, M, T) float32, 1 on the tokens that each of them answers.
        counts: B numbers of answering regions.
        regions: (B, R + 1, T) float32, the same for region r at r; zeros at R.
    """

    ids: Tensor
    spans: Tensor
    boxes: Tensor
    tokens: Tensor
    counts: list[int]
    regions: Tensor

    def to(self, device: torch.device) -> Asked:
        """The same prompts on another device."""
        return Asked(
            ids=self.ids.to(device),
            spans=self.spans.to(device),
            boxes=self.boxes.to(device),
            tokens=self.tokens.to(device),
            counts=self.counts,
            regions=self.regions.to(device),
        )

    @property
    def mask(self) -> Tensor:
        """(B, T) int64, 1 on real tokens."""
        return (self.ids > 0).long()


class Prompter:
    """Draws prompts for batches and turns them into tokens and targets."""

    def __init__(self, tokenizer: BertTokenizer) -> None:
        self.tokenizer = tokenizer
        self._ids: dict[str, list[int]] = {}

    @cached_property
    def delimiters(self) -> tuple[int, int, int]:
        """Ids of [CLS], "." and [SEP]."""
        first, stop, last = self.tokenizer.convert_tokens_to_ids(["[CLS]", ".", "[SEP]"])
        return first, stop, last

    def ids(self, text: str) -> list[int]:
        """Token ids of a phrase, without delimiters."""
        if text not in self._ids:
            self._ids[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._ids[text]

    def tokens(self, phrases: list[Phrase]) -> tuple[list[int], list[int]]:
        """One prompt's token ids and the phrase of each token."""
        first, stop, last = self.delimiters
        ids, spans = [first], [-1]
        for position, phrase in enumerate(phrases):
            own = self.ids(phrase.text)
            ids += [*own, stop]
            spans += [position] * len(own) + [-1]
        return [*ids, last], [*spans, -1]

    def ask(self, batch: Batch, prompts: list[list[Phrase]]) -> Asked:
        """Tokens and targets of one prompt for each image of the batch, which is on the CPU."""
        rows = [self.tokens(prompt) for prompt in prompts]
        length = max(len(ids) for ids, _ in rows)
        count, slots = batch.categories.shape
        ids, spans = torch.zeros(count, length, dtype=torch.long), torch.full((count, length), -1)
        answers = torch.full((count, slots), -1)
        for i, ((own_ids, own_spans), prompt) in enumerate(zip(rows, prompts, strict=True)):
            ids[i, : len(own_ids)] = torch.tensor(own_ids)
            spans[i, : len(own_spans)] = torch.tensor(own_spans)
            for slot, category, name in visible(batch, i):
                for position, phrase in enumerate(prompt):
                    if phrase.answers(category, name):
                        answers[i, slot] = position
        regions = (answers[:, :, None] == spans[:, None]) & (answers[:, :, None] >= 0)
        regions = torch.cat([regions, torch.zeros(count, 1, length, dtype=torch.bool)], 1).float()
        counts = (answers >= 0).sum(1).tolist()
        order = answers.lt(0).long().argsort(dim=1, stable=True)[:, : max(*counts, 1)]
        corners = batch.boxes.gather(1, order[:, :, None].expand(-1, -1, 4))
        low, high = corners.split(2, -1)
        return Asked(
            ids=ids,
            spans=spans,
            boxes=torch.cat([(low + high) / 2, high - low], -1),
            tokens=regions.gather(1, order[:, :, None].expand(-1, -1, length)),
            counts=counts,
            regions=regions,
        )


def visible(batch: Batch, index: int) -> list[tuple[int, str, str | None]]:
    """Slot, category and fine name (None for stuff) of one image's regions that are seen well."""
    found = []
    rows = zip(
        batch.categories[index].tolist(),
        batch.names[index].tolist(),
        batch.areas[index].tolist(),
        batch.kept[index].tolist(),
        strict=True,
    )
    pixels = batch.segments[index].numel()
    for slot, (category, name, area, kept) in enumerate(rows):
        if name >= 0 and area >= MIN_THING * pixels and kept >= MIN_KEPT:
            found.append((slot, CATEGORIES[category], FINE_NAMES[name]))
        elif category >= 0 and name < 0 and area >= MIN_STUFF * pixels:
            found.append((slot, CATEGORIES[category], None))
    return found


def pick(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def nonsense(rng: np.random.Generator) -> Phrase:
    """A word that means nothing here: a noun never drawn, letters, or a drawn word gone on."""
    kind = rng.random()
    if kind < 0.6:
        return Phrase(pick(rng, NEVER_DRAWN))
    letters = [pick(rng, list(string.ascii_lowercase)) for _ in range(int(rng.integers(3, 7)))]
    if kind < 0.85:
        return Phrase("".join(letters))
    word = pick(rng, (*CATEGORIES, *FINE_NAMES)).split()[-1]
    return Phrase(word + "".join(letters[: int(rng.integers(2, 5))]))


def _wider(rng: np.random.Generator) -> list[Phrase]:
    """One or two wider words without a common member."""
    chosen: list[Phrase] = []
    for word in rng.permutation(list(HYPERNYMS))[: int(rng.integers(1, 3))].tolist():
        members = frozenset(HYPERNYMS[word])
        if not any(members & other.categories for other in chosen):
            chosen.append(Phrase(word, members))
    return chosen


def _named(rng: np.random.Generator, category: str, present: list[str]) -> list[Phrase]:
    """A class by its name, by a synonym, or by one or two of its fine names."""
    kind = rng.random()
    if kind < 0.5 or (kind >= 0.75 and category not in THINGS):
        return [Phrase(category, frozenset({category}))]
    if kind < 0.75:
        return [Phrase(pick(rng, SYNONYMS[category]), frozenset({category}))]
    names = rng.permutation(list(THINGS[category])).tolist()
    if rng.random() < 0.7:
        names.sort(key=lambda name: name not in present)
    return [Phrase(name, names=frozenset({name})) for name in names[: int(rng.integers(1, 3))]]


def sample_prompt(
    rng: np.random.Generator, regions: list[tuple[int, str, str | None]]
) -> list[Phrase]:
    """A random prompt for a picture with these visible regions."""
    present = [category for _, category, _ in regions]
    names = [name for _, _, name in regions if name is not None]
    chosen = _wider(rng) if rng.random() < 1 / 6 else []
    taken = frozenset().union(*(phrase.categories for phrase in chosen))
    absent = [category for category in THINGS if category not in present]
    share = rng.random() ** 1.3
    asked = [category for category in THINGS if category in present and rng.random() < 0.85]
    asked += [category for category in absent if rng.random() < share]
    if rng.random() < 0.3:
        stuff = rng.permutation(list(STUFF)).tolist()
        stuff.sort(key=lambda category: category not in present and rng.random() < 0.5)
        asked += stuff[: int(rng.integers(1, 4))]
    for category in asked:
        if category not in taken:
            chosen += _named(rng, category, names)
    chosen += [nonsense(rng) for _ in range(int(rng.integers(0, 3)))]
    if not chosen:
        chosen = _named(rng, pick(rng, list(THINGS)), names)
    return [plural(rng, chosen[i]) for i in rng.permutation(len(chosen))]


def plural(rng: np.random.Generator, phrase: Phrase) -> Phrase:
    if rng.random() < 0.05 and phrase.text[-1] != "s":
        return Phrase(phrase.text + "s", phrase.categories, phrase.names)
    return phrase
