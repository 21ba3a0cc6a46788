"""Where the words of Grounding DINO's prompts stand, whatever version of transformers runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def keep_positions(model: Any) -> None:
    """Have a network of Grounding DINO's kinds count positions as its authors do.

    Before transformers 5.23 the full stop after a prompt gets position 0 instead of the one after
    its prompt's last word, and where text meets image the code of a position is rounded to whole
    numbers; logits move by units. Which words belong together is right in all versions, and
    positions follow from it.
    """
    model.model.text_backbone.register_forward_pre_hook(_in_text_encoder)
    model.model.encoder.register_forward_pre_hook(_in_fusing_encoder, with_kwargs=True)


def positions_of(together: Tensor) -> Tensor:
    """Position of each token within its sentence, as the authors count them.

    Args:
        together: (B, T, T) bool, which tokens see each other: those of one sentence, the token that
            ends it included; every token sees itself.

    Returns:
        (B, T) int64, distance from the sentence's first token.
    """
    first = together.byte().argmax(-1)
    return torch.arange(together.shape[-1], device=first.device) - first


def _in_text_encoder(encoder: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    ids, together, types, _, *rest = arguments
    return (ids, together, types, positions_of(together.squeeze(1)), *rest)


def _in_fusing_encoder(
    encoder: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    positions = positions_of(~named["text_self_attention_masks"])
    # Whole numbers would get whole sines and cosines before transformers 5.23.
    positions = positions.to(named["text_features"].dtype)
    return arguments, {**named, "text_position_ids": positions}
