"""How a list of prompts becomes the text that a grounded detector reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Tokenizer = Any
"""A tokenizer of transformers with [CLS] and [SEP]."""

STOPS = (".", "?")
"""Tokens that end a sub-sentence: what stands between two of them attends only to itself."""


@dataclass(frozen=True)
class PromptText:
    """Some prompts of one image as one text of T tokens: [CLS] dog . potted plant . [SEP].

    Attributes:
        ids: T token ids.
        spans: T positions in the list of all prompts of the image, telling which prompt a token
            belongs to; -1 for special tokens and separators, which never score.
    """

    ids: tuple[int, ...]
    spans: tuple[int, ...]

    def ids_of(self, prompt: int) -> tuple[int, ...]:
        """The tokens that stand for one prompt."""
        return tuple(i for i, span in zip(self.ids, self.spans, strict=True) if span == prompt)


def write_prompts(
    prompts: Sequence[str], tokenizer: Tokenizer, separator: str, limit: int
) -> list[PromptText]:
    """Write prompts in as few texts as fit the limit, split between prompts, in their order.

    Args:
        prompts: The words to look for.
        tokenizer: What the detector reads with.
        separator: What stands between two prompts; every text ends with a stop.
        limit: Most tokens in a text, special ones included.

    Raises:
        ValueError: A prompt has no word, or does not fit a text of its own.
    """
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in STOPS}
    stops = set(ids.values())
    between = tokenizer(separator, add_special_tokens=False)["input_ids"]
    pieces: list[tuple[list[int], list[int]]] = []
    lengths: list[int] = []
    for position, prompt in enumerate(prompts):
        own = tokenizer(prompt.lower(), add_special_tokens=False)["input_ids"]
        if not set(own) - stops:
            raise ValueError(f"prompt {prompt!r} holds no word to look for")
        room = limit - 2 - max(1, len(between))
        if len(own) > room:
            raise ValueError(
                f"prompt {prompt!r} has {len(own)} tokens, but the detector reads at most {room} "
                "for one prompt; use a shorter name for it"
            )
        spans = [-1 if token in stops else position for token in own]
        if lengths and lengths[-1] + len(between) + len(own) + 2 <= limit:
            pieces[-1][0].extend([*between, *own])
            pieces[-1][1].extend([*[-1] * len(between), *spans])
            lengths[-1] += len(between) + len(own)
        else:
            pieces.append((list(own), spans))
            lengths.append(1 + len(own))
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [
        PromptText((first, *tokens, ids["."], last), (-1, *spans, -1, -1))
        for tokens, spans in pieces
    ]
