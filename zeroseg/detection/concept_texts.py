"""Prompts as SAM 3 reads them: each encoded once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zeroseg.encoders.kept_texts import KeptTexts
from zeroseg.running.transfer import sent

LENGTH = 32
"""Tokens that SAM 3 was trained to read; its processor pads every prompt to as many."""


@dataclass(frozen=True)
class Texts:
    """P prompts as the network reads them.

    Attributes:
        features: (P, T, C), zero where a prompt has no more tokens.
        real: (P, T) int64, 1 where it has.
    """

    features: Tensor
    real: Tensor


class ConceptTexts(KeptTexts):
    """The text encoder of a network: a prompt is its tokens' features (T, C), T its own length.

    Args:
        tokenizer: What cuts prompts into tokens.
        kept: How many prompts' encodings are kept, of at most 32 KiB each with SAM 3's text
            encoder in full precision; 0 for none.
    """

    def __init__(self, tokenizer: Any, kept: int) -> None:
        super().__init__(kept)
        self.tokenizer = tokenizer

    def _weight(self, model: Any) -> Tensor:
        weight: Tensor = model.text_projection.weight
        return weight

    def _read(self, model: Any, texts: Sequence[str]) -> list[Tensor]:
        words = self.tokenizer(list(texts))["input_ids"]  # padded here: told to, it remembers it
        lengths = [len(own) for own in words]
        for prompt, length in zip(texts, lengths, strict=True):
            if length > LENGTH:
                raise ValueError(
                    f"the prompt {prompt!r:.60} has {length} tokens, and SAM 3 reads {LENGTH}: "
                    f"ask with fewer words"
                )
        ids = torch.full((len(words), LENGTH), self.tokenizer.pad_token_id)
        real = torch.zeros_like(ids)
        for row, own in enumerate(words):
            ids[row, : len(own)] = torch.tensor(own)
            real[row, : len(own)] = 1
        device = model.text_projection.weight.device
        ids, real = sent(ids, device), sent(real, device)
        features = model.get_text_features(input_ids=ids, attention_mask=real).pooler_output
        # Copies: a prompt that is kept shall not keep those it was encoded with.
        return [own[:length].clone() for own, length in zip(features, lengths, strict=True)]


def together(features: Sequence[Tensor]) -> Texts:
    """Prompts of several lengths for one pass of the network."""
    lengths = [len(own) for own in features]
    real = torch.zeros(len(features), max(lengths), dtype=torch.int64)
    for row, length in enumerate(lengths):
        real[row, :length] = 1
    padded = pad_sequence(list(features), batch_first=True)
    return Texts(padded, sent(real, padded.device))
