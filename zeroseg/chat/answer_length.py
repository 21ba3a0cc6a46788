"""How long a model may speak: thoughts have room of their own, before the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

from zeroseg.chat.final_answer import ends_in_thought, is_marked, without_thoughts

_STRIDE = 8
"""Tokens between two looks at a thought that is longer than an answer may be."""


class AnswerLength(StoppingCriteria):
    """Ends each row of a batch when its answer, without thoughts, is as long as it may be.

    Args:
        tokenizer: Reads tokens as text, special tokens among them, and counts those of a text.
        start: Tokens before the answer, in every row.
        openings: For each row the mark of the thought that its prompt begins, "" for none.
        room: For each row the most tokens that the model's context has left.
        longest: Tokens of an answer.
        longest_thought: Tokens of a thought that are waited for.
    """

    def __init__(
        self,
        tokenizer: Any,
        start: int,
        openings: Sequence[str],
        room: Sequence[int],
        longest: int,
        longest_thought: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.start = start
        self.openings = openings
        self.room = room
        self.longest = longest
        self.longest_thought = longest_thought
        self.lengths: list[int | None] = [None] * len(openings)
        """Tokens after which each row was ended here; None for one that was not."""
        self._next_look = [min(longest, most) for most in room]

    def __call__(
        self, input_ids: Tensor, scores: tuple[Tensor] | None = None, **kwargs: Any
    ) -> Tensor:
        """Whether each row is at its end, (B,) bool; see `StoppingCriteria`."""
        length = input_ids.shape[1] - self.start
        for row, look in enumerate(self._next_look):
            if self.lengths[row] is None and length >= look:
                left = self._left(row, input_ids[row, self.start :])
                self._next_look[row] = length + left
                if left <= 0:
                    self.lengths[row] = length + left
        over = [length is not None for length in self.lengths]
        return torch.tensor(over, device=input_ids.device)

    def _left(self, row: int, tokens: Tensor) -> int:
        """Tokens until the next look; without any the row ends, that many too late."""
        length = len(tokens)
        text = self.openings[row] + self.tokenizer.decode(tokens, skip_special_tokens=False)
        if ends_in_thought(text):
            left = max(0, min(_STRIDE, self.longest_thought - length))
        else:
            left = self.longest - (self._answered(text, length) if is_marked(text) else length)
        return min(left, self.room[row] - length)

    def _answered(self, text: str, length: int) -> int:
        """Tokens of what is outside of thoughts."""
        answer = self.tokenizer(without_thoughts(text), add_special_tokens=False)
        return min(length, len(answer["input_ids"]))
