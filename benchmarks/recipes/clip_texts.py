"""What the tiny CLIP reads while it trains, and which pictures and patches each text is true of.

Every picture of a batch is compared with the same phrases: all classes, by name or a synonym, all
fine names, a wider word and some that mean nothing. Half of them stand in one of the sentences that
`zeroseg.encoders` knows. Besides, each picture is compared with the captions of all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from benchmarks.recipes.batches import Batch
from benchmarks.recipes.detector_prompts import MIN_KEPT, Phrase, pick, visible
from benchmarks.recipes.sam3_prompts import all_phrases
from benchmarks.recipes.words import build_tokenizer
from zeroseg.drawn.captions import BACKS, GROUNDS, NUMBERS, PREFIXES
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES
from zeroseg.encoders.templates import TEMPLATES

SENTENCES = tuple(dict.fromkeys(chain(*TEMPLATES.values(), ("a {}", "a picture of a {}"))))
_TEXTS = (
    *SENTENCES,
    *NUMBERS.values(),
    *GROUNDS.values(),
    *BACKS.values(),
    *PREFIXES.values(),
    "a an and",
)
OTHER_WORDS = tuple(sorted({word for text in _TEXTS for word in re.findall("[a-z]+", text)}))
"""What captions and templates are made of, besides the world's words."""


@cache
def _reader() -> Callable[[str], list[int]]:
    tokenizer = build_tokenizer(OTHER_WORDS)
    return cache(lambda text: tokenizer(text)["input_ids"])


def encode(texts: list[str]) -> Tensor:
    """Token ids (P, T) of texts, with the delimiters, 0 beyond a text."""
    rows = [torch.tensor(_reader()(text)) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def phrases(rng: np.random.Generator) -> list[Phrase]:
    """What a batch is compared with, the classes first and in order."""
    return [
        replace(phrase, text=pick(rng, SENTENCES).format(phrase.text))
        if rng.random() < 0.5
        else phrase
        for phrase in all_phrases(rng)
    ]


def true_of(batch: Batch, asked: list[Phrase]) -> Tensor:
    """Whether each region is what a phrase means, (B, R, P) bool; an empty slot is nothing."""
    nothing = [False] * len(asked)
    kinds = torch.tensor([[c in p.categories for p in asked] for c in CATEGORIES] + [nothing])
    names = torch.tensor([[n in p.names for p in asked] for n in FINE_NAMES] + [nothing])
    return kinds[batch.categories] | names[batch.names]


def patch_truth(batch: Batch, right: Tensor, stride: int) -> Tensor:
    """Whether each patch's middle is what a phrase means, (B, L, P) float32."""
    pixels = batch.segments[:, stride // 2 :: stride, stride // 2 :: stride].flatten(1)
    return right.gather(1, pixels[..., None].expand(-1, -1, right.shape[2])).float()


def whole_truth(batch: Batch, right: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a phrase is true of an image, and whether it counts, both (B, P) float32.

    It does not where all that it means is badly seen.
    """
    seen = torch.zeros(batch.areas.shape, dtype=torch.bool)
    for index in range(len(seen)):
        seen[index, [slot for slot, _, _ in visible(batch, index)]] = True
    clearly = (right & seen[..., None]).any(1)
    at_all = (right & (batch.areas > 0)[..., None]).any(1)
    return clearly.float(), (clearly | ~at_all).float()


def uncropped(batch: Batch) -> Tensor:
    """Whether an image still shows all things that its caption names, (B,) float32."""
    lost = (batch.names >= 0) & (batch.kept < MIN_KEPT)
    return (~lost.any(1)).float()
