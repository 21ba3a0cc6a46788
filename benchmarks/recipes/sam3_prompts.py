"""What SAM 3 is asked while it trains, and what the right answers are.

Unlike the detector's prompts these are single phrases, a fixed number for each image, most of which
are to learn to say no: up to two things and one stuff that are there, now and then a wider word,
and for the rest what is not there. A class goes by its name, a synonym or a fine name. Of the
absent, 30 % are look-alikes of what is there (a dog where a cat is, a bull where a calf is, since
animals are confused longest), 20 % words of nothing that is ever drawn, 20 % fine names, and the
rest classes. A phrase whose regions are all badly seen is not asked. Some come in the plural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.recipes.batches import Batch
from benchmarks.recipes.detector_prompts import Phrase, nonsense, pick, plural, visible
from benchmarks.recipes.words import build_tokenizer
from zeroseg.drawn.world import (
    CATEGORIES,
    CATEGORY_OF,
    FINE_NAMES,
    HYPERNYMS,
    STUFF,
    SYNONYMS,
    THINGS,
)

Regions = list[tuple[int, str, str | None]]
"""Slot, category and fine name (None for stuff) of regions."""
MOST_INSTANCES = 8
"""Regions that a phrase is trained to find; a picture rarely has more of a kind."""
PRESENT_THINGS = 2
PRESENT_STUFF = 1


@dataclass(frozen=True)
class Targets:
    """The right answers to N prompts of B images, at the masks' H x W pixels.

    Attributes:
        image: (N,) int64 in [0, B).
        ids: (N, T) int64 token ids, 0 beyond a phrase.
        present: (N,) float32, 1 where something answers.
        counts: N numbers of regions that answer and are seen well, at most M.
        boxes: (N, M, 4) float32, cx cy w h in [0, 1].
        masks: (N, M, H, W) float32, shares of pixels.
        union: (N, H, W) float32, all that answers, also what is badly seen.
    """

    image: Tensor
    ids: Tensor
    present: Tensor
    counts: list[int]
    boxes: Tensor
    masks: Tensor
    union: Tensor

    def to(self, device: torch.device) -> Targets:
        """The same answers on another device."""
        moved = {
            field.name: getattr(self, field.name).to(device)
            for field in fields(self)
            if field.name != "counts"
        }
        return replace(self, **moved)


@cache
def _reader() -> Callable[[str], list[int]]:
    tokenizer = build_tokenizer()
    return cache(lambda text: tokenizer(text)["input_ids"])


def encode(texts: list[str]) -> Tensor:
    """Token ids (P, T) of phrases, with the delimiters, 0 beyond a phrase."""
    rows = [torch.tensor(_reader()(text)) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def every(batch: Batch, index: int) -> Regions:
    """All regions of one image that have a pixel, also those that `visible` leaves out."""
    rows = zip(
        batch.categories[index].tolist(),
        batch.names[index].tolist(),
        batch.areas[index].tolist(),
        strict=True,
    )
    return [
        (slot, CATEGORIES[category], FINE_NAMES[name] if name >= 0 else None)
        for slot, (category, name, area) in enumerate(rows)
        if category >= 0 and area > 0
    ]


def named(rng: np.random.Generator, category: str, seen: list[str]) -> Phrase:
    """A class by a fine name (things: 30 %, mostly one of `seen`), a synonym or its name."""
    kind = rng.random()
    if category in THINGS and kind < 0.3:
        own = [name for name in seen if CATEGORY_OF[name] == category]
        return fine(pick(rng, own if own and rng.random() < 0.75 else THINGS[category]))
    if kind < 0.55:
        return Phrase(pick(rng, SYNONYMS[category]), frozenset({category}))
    return Phrase(category, frozenset({category}))


def fine(name: str) -> Phrase:
    """A fine name, answered by regions of it alone."""
    return Phrase(name, names=frozenset({name}))


def wider(word: str) -> Phrase:
    """A wider word, answered by all its classes."""
    return Phrase(word, frozenset(HYPERNYMS[word]))


def look_alikes(category: str) -> list[str]:
    """The other classes that share a wider word with a class."""
    groups = [members for members in HYPERNYMS.values() if category in members]
    return sorted({other for members in groups for other in members} - {category})


def _absent(rng: np.random.Generator, things: list[str]) -> Phrase:
    """Something to say no to, most likely; `things` are the classes that are there."""
    kind = rng.random()
    if kind < 0.3 and things:
        category = pick(rng, things)
        others = look_alikes(category)
        if others and rng.random() < 0.7:
            return named(rng, pick(rng, others), [])
        return fine(pick(rng, THINGS[category]))
    if kind < 0.5:
        return nonsense(rng)
    if kind < 0.7:
        return fine(pick(rng, FINE_NAMES))
    return named(rng, pick(rng, CATEGORIES if rng.random() < 0.75 else STUFF), [])


def sample(rng: np.random.Generator, seen: Regions, regions: Regions, count: int) -> list[Phrase]:
    """`count` phrases for an image with these regions, of which `seen` are seen well."""
    things = [category for _, category, name in seen if name is not None]
    names = [name for _, _, name in seen if name is not None]
    stuff = [category for _, category, name in seen if name is None]
    kinds = list(dict.fromkeys(rng.permutation(things).tolist()))[:PRESENT_THINGS]
    kinds += rng.permutation(stuff).tolist()[:PRESENT_STUFF]
    wanted = [named(rng, category, names) for category in kinds]
    if rng.random() < 0.12:
        wanted.append(wider(pick(rng, list(HYPERNYMS))))
    chosen: dict[str, Phrase] = {}
    while len(chosen) < count:
        phrase = wanted.pop(0) if wanted else _absent(rng, things)
        clear = any(phrase.answers(category, name) for _, category, name in seen)
        if clear or not any(phrase.answers(category, name) for _, category, name in regions):
            chosen.setdefault(phrase.text, phrase)
    return [plural(rng, phrase) for phrase in chosen.values()]


def targets(batch: Batch, asked: list[list[Phrase]], stride: int) -> Targets:
    """The answers of a batch, which is on the CPU, to the phrases of each of its images."""
    slots = batch.categories.shape[1]
    shares = F.one_hot(batch.segments, slots).permute(0, 3, 1, 2).float()
    shares = F.avg_pool2d(shares, stride)
    image = torch.tensor([i for i, phrases in enumerate(asked) for _ in phrases])
    meant = torch.zeros(len(image), slots)
    found = torch.zeros(len(image), MOST_INSTANCES, dtype=torch.long)
    counts: list[int] = []
    for i, phrases in enumerate(asked):
        seen, regions = visible(batch, i), every(batch, i)
        for phrase in phrases:
            row = len(counts)
            meant[row, [slot for slot, c, n in regions if phrase.answers(c, n)]] = 1
            own = [slot for slot, c, n in seen if phrase.answers(c, n)][:MOST_INSTANCES]
            found[row, : len(own)] = torch.tensor(own, dtype=torch.long)
            counts.append(len(own))
    low, high = batch.boxes[image[:, None], found].split(2, -1)
    return Targets(
        image=image,
        ids=encode([phrase.text for phrases in asked for phrase in phrases]),
        present=torch.tensor(counts).clamp(max=1).float(),
        counts=counts,
        boxes=torch.cat([(low + high) / 2, high - low], -1),
        masks=shares[image[:, None], found],
        union=torch.einsum("nr,nrhw->nhw", meant, shares[image]),
    )


def all_phrases(rng: np.random.Generator) -> list[Phrase]:
    """What every cell is compared with: all classes, half by a synonym, and all fine names."""
    chosen = [
        Phrase(c if rng.random() < 0.5 else pick(rng, SYNONYMS[c]), frozenset({c}))
        for c in CATEGORIES
    ]
    chosen += [fine(name) for name in FINE_NAMES]
    chosen.append(wider(pick(rng, list(HYPERNYMS))))
    return chosen + [nonsense(rng) for _ in range(4)]


def plain_phrases() -> list[Phrase]:
    """All classes and all fine names, by name."""
    classes = [Phrase(c, frozenset({c})) for c in CATEGORIES]
    return classes + [fine(name) for name in FINE_NAMES]


def answer_maps(batch: Batch, phrases: list[Phrase], stride: int) -> Tensor:
    """Whether every `stride`-th pixel's region is what a phrase means, (B, P, h, w) float32."""
    nothing = [False] * len(phrases)
    kinds = torch.tensor([[c in p.categories for p in phrases] for c in CATEGORIES] + [nothing])
    names = torch.tensor([[n in p.names for p in phrases] for n in FINE_NAMES] + [nothing])
    pixels = batch.segments[:, stride // 2 :: stride, stride // 2 :: stride]
    flat = pixels.flatten(1)
    right = kinds[batch.categories.gather(1, flat)] | names[batch.names.gather(1, flat)]
    return right.transpose(1, 2).unflatten(2, pixels.shape[1:]).float()
