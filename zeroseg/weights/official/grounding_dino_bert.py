"""BERT as Grounding DINO calls it, and prompts that are tokens already."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import BatchEncoding, BertModel


class PairwiseBert(BertModel):
    """BERT with a mask for every pair of tokens, since prompts must not see each other.

    It stands in for the package's wrapper, which calls what transformers 5 no longer has. Its
    parameters have the names of the published file.
    """

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor) -> Any:
        """Read texts; what the package takes from the answer is "last_hidden_state".

        Args:
            input_ids: (B, T) int64.
            attention_mask: (B, T, T) bool, whether the first token sees the second.
            position_ids: (B, T) int64, counted from the beginning of each prompt.
        """
        blocked = (~attention_mask[:, None]).to(self.dtype) * torch.finfo(self.dtype).min
        return super().forward(
            input_ids=input_ids, attention_mask=blocked, position_ids=position_ids
        )


class GivenTokens:
    """Takes the place of a tokenizer where texts come as tokens.

    Args:
        tokenizer: What they were made with.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """Ids of tokens."""
        ids: list[int] = self.tokenizer.convert_tokens_to_ids(tokens)
        return ids

    def __call__(self, captions: BatchEncoding, *, padding: str, return_tensors: str) -> Any:
        """The texts as they are: they were padded and turned into tensors before."""
        return captions
