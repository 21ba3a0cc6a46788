"""Prompts as SAM 3 reads them: each encoded once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

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


class ConceptTexts:
    """The text encoder of a network, and what it made of prompts that were asked before.

    Args:
        tokenizer: What cuts prompts into tokens.
        kept: How many prompts' encodings are kept, of at most 32 KiB each with SAM 3's text
            encoder in full precision; 0 for none.
    """

    def __init__(self, tokenizer: Any, kept: int) -> None:
        self.tokenizer = tokenizer
        self.kept = kept
        self._state: tuple[object, ...] = ()
        self._known: dict[str, Tensor] = {}

    def encode(self, model: Any, prompts: Sequence[str], at_once: int) -> dict[str, Tensor]:
        """The tokens' features (T, C) of every prompt, T its own length.

        Args:
            model: The network, as it is now; what another state of it said is forgotten.
            prompts: What to encode; repetitions cost nothing.
            at_once: Prompts to a pass of the text encoder.

        Raises:
            ValueError: A prompt is longer than the network reads.
        """
        weight = model.text_projection.weight
        mixed = torch.is_autocast_enabled(weight.device.type)
        changes = None if weight.is_inference() else weight._version  # copies of offloaded weights
        state = (weight.device, weight.dtype, changes, mixed)
        if state != self._state:
            self._state, self._known = state, {}
        wanted = list(dict.fromkeys(prompts))
        found = {prompt: self._known[prompt] for prompt in wanted if prompt in self._known}
        new = [prompt for prompt in wanted if prompt not in found]
        for start in range(0, len(new), at_once):
            part = new[start : start + at_once]
            found.update(zip(part, self._read(model, part), strict=True))
        if new and self.kept:
            latest = [*self._known.items(), *((prompt, found[prompt]) for prompt in new)]
            self._known = dict(latest[-self.kept :])
        return found

    def _read(self, model: Any, prompts: Sequence[str]) -> list[Tensor]:
        words = self.tokenizer(list(prompts))["input_ids"]  # padded here: told to, it remembers it
        lengths = [len(own) for own in words]
        for prompt, length in zip(prompts, lengths, strict=True):
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
