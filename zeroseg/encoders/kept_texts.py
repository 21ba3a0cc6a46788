"""What a text encoder made of texts, kept for the pictures that follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zeroseg.running.transfer import sent


class KeptTexts(ABC):
    """A text encoder that remembers what it was asked before.

    Args:
        kept: How many texts' encodings are kept; 0 for none.
    """

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self._state: tuple[object, ...] = ()
        self._known: dict[str, Tensor] = {}

    @abstractmethod
    def _weight(self, model: Any) -> Tensor:
        """A weight of the text encoder, by which its state is known."""

    @abstractmethod
    def _read(self, model: Any, texts: Sequence[str]) -> Sequence[Tensor]:
        """Encode texts in one pass, each on its own memory."""

    def encode(self, model: Any, texts: Sequence[str], at_once: int) -> dict[str, Tensor]:
        """What the encoder makes of every text.

        Args:
            model: The network, as it is now; what another state of it said is forgotten.
            texts: What to encode; repetitions cost nothing.
            at_once: Texts to a pass of the encoder.

        Raises:
            ValueError: A text is longer than the network reads.
        """
        weight = self._weight(model)
        mixed = torch.is_autocast_enabled(weight.device.type)
        changes = None if weight.is_inference() else weight._version  # copies of offloaded weights
        state = (weight.device, weight.dtype, changes, mixed)
        if state != self._state:
            self._state, self._known = state, {}
        wanted = list(dict.fromkeys(texts))
        found = {text: self._known[text] for text in wanted if text in self._known}
        new = [text for text in wanted if text not in found]
        for start in range(0, len(new), at_once):
            part = new[start : start + at_once]
            found.update(zip(part, self._read(model, part), strict=True))
        if new and self.kept:
            latest = [*self._known.items(), *((text, found[text]) for text in new)]
            self._known = dict(latest[-self.kept :])
        return found


def read_texts(
    tokenizer: Any,
    texts: Sequence[str],
    limit: int,
    device: torch.device,
    padding: bool | str = True,
) -> tuple[Tensor, Tensor]:
    """Token ids and which of them are real, (N, T) int64, of texts that all fit a limit.

    Args:
        tokenizer: A tokenizer of transformers.
        texts: What to read.
        limit: Tokens that the network reads of a text.
        device: Where to.
        padding: True: to the longest text; "max_length": to the limit.

    Raises:
        ValueError: One has more tokens than `limit`.
    """
    options = {"max_length": limit} if padding == "max_length" else {}
    tokens = tokenizer(
        list(texts), padding=padding, return_attention_mask=True, return_tensors=None, **options
    )
    lengths = [sum(own) for own in tokens["attention_mask"]]
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    if lengths[longest] > limit:
        raise ValueError(
            f"prompt {texts[longest]!r} has {lengths[longest]} tokens, but the network reads at "
            f"most {limit} for one prompt; use a shorter name for it"
        )
    ids, real = (torch.tensor(tokens[name]) for name in ("input_ids", "attention_mask"))
    return sent(ids, device), sent(real, device)
