"""Positions of words in sentences of prompts."""

from __future__ import annotations

import torch
from transformers.models.grounding_dino import modeling_grounding_dino as stock

from tests.detection.test_grounding_dino import build_model
from zeroseg.detection.text_positions import keep_positions, positions_of

CLS, SEP, STOP, PAD = 101, 102, 1012, 0


def together(text: list[int]) -> torch.Tensor:
    """Which tokens see each other, by the authors' rule written out: (1, T, T) bool."""
    seen = torch.eye(len(text), dtype=torch.bool)
    start = 0
    for place, token in enumerate(text):
        if token in (CLS, SEP, STOP):
            if place not in (0, len(text) - 1):
                seen[start : place + 1, start : place + 1] = True
            start = place + 1
    return seen[None]


def test_a_sentence_is_counted_with_the_token_that_ends_it() -> None:
    text = [CLS, 7, 8, STOP, 9, STOP, SEP]
    assert positions_of(together(text)).tolist() == [[0, 0, 1, 2, 0, 1, 0]]
    padded = [CLS, 7, STOP, SEP, PAD, PAD]
    assert positions_of(together(padded)).tolist() == [[0, 0, 1, 0, 0, 0]]


def test_the_network_is_given_these_positions_whatever_it_counts_itself() -> None:
    model = build_model().eval()
    given: list[torch.Tensor] = []
    keep_positions(model)
    model.model.text_backbone.register_forward_pre_hook(lambda _, a: given.append(a[3]))
    model.model.encoder.register_forward_pre_hook(
        lambda _, a, named: given.append(named["text_position_ids"]), with_kwargs=True
    )
    ids = torch.tensor([[CLS, 104, 105, STOP, 106, STOP, SEP]])
    with torch.no_grad():
        model(pixel_values=torch.zeros(1, 3, 128, 128), input_ids=ids)
    assert [positions.tolist() for positions in given] == [[[0, 0, 1, 2, 0, 1, 0]]] * 2
    assert CLS in stock.SPECIAL_TOKENS
