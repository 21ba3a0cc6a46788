"""The ways of the last layer, each against its equation written out token by token."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from tests.encoders.encoder_parts import ENCODERS
from zeroseg.dense.last_attention import Attention, last_tokens, neighbourhood
from zeroseg.encoders.image_text_encoder import ImageTextEncoder, LastLayer
from zeroseg.encoders.published import encoder_of
from zeroseg.testing import noise

GRID = (3, 5)


@pytest.fixture(scope="module", params=list(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> ImageTextEncoder:
    return encoder_of(*ENCODERS[request.param]())


@pytest.fixture(scope="module")
def hidden(encoder: ImageTextEncoder) -> Tensor:
    size = (GRID[0] * encoder.patch, GRID[1] * encoder.patch)
    with torch.no_grad():
        return encoder.tokens(encoder.pixels([noise(*size), noise(*size, seed=1)], size))


def written_out(
    layer: LastLayer, hidden: Tensor, way: str, special: int, regions: Tensor | None = None
) -> Tensor:
    """The layer's output for one picture (T, C), by loops over heads and tokens."""
    normed = layer.norm(hidden)
    query, key, value = (p(normed) for p in (layer.query, layer.key, layer.value))
    width = value.shape[1] // layer.heads
    attended = torch.zeros_like(value)
    for head in range(layer.heads):
        own = slice(head * width, (head + 1) * width)
        for i in range(len(hidden)):
            weights = torch.zeros(len(hidden))
            for a, b in {
                "own": [(query, key)],
                "maskclip": [],
                "sclip": [(query, query), (key, key)],
                "clearclip": [(query, query)],
                "naclip": [(key, key)],
            }[way]:
                logits = a[i, own] @ b[:, own].T / math.sqrt(width)
                if way == "naclip":
                    logits = logits + torch.tensor(
                        [closeness(i - special, j - special) for j in range(len(hidden))]
                    )
                if regions is not None and i >= special:
                    for j in range(len(hidden)):
                        both = {int(regions[i - special]), int(regions[j - special])}
                        if j < special or (len(both) == 2 and 0 not in both):
                            logits[j] = -math.inf
                weights += logits.softmax(0)
            if way == "maskclip":
                weights[i] = 1
            attended[i, own] = weights @ value[:, own]
    attended = layer.scale(layer.output(attended))
    if way in ("clearclip", "naclip"):
        return attended
    hidden = hidden + attended
    return hidden + layer.mlp_scale(layer.mlp(layer.mlp_norm(hidden)))


def closeness(i: int, j: int) -> float:
    if min(i, j) < 0:
        return 0.0
    (y, x), (v, u) = divmod(i, GRID[1]), divmod(j, GRID[1])
    return math.exp(-((y - v) ** 2 + (x - u) ** 2) / 50)


@torch.no_grad()
@pytest.mark.parametrize("way", get_args(Attention))
def test_every_way_is_its_equation(
    encoder: ImageTextEncoder, hidden: Tensor, way: Attention
) -> None:
    found = last_tokens(encoder.last, hidden, way, GRID)
    for own, before in zip(found, hidden, strict=True):
        expected = written_out(encoder.last, before, way, encoder.special)
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("way", get_args(Attention))
def test_patches_look_at_their_region_and_at_what_is_in_none(
    encoder: ImageTextEncoder, hidden: Tensor, way: Attention
) -> None:
    regions = torch.arange(30).view(2, 15) % 4 % 3  # of three kinds, in two pictures
    found = last_tokens(encoder.last, hidden, way, GRID, regions)
    for own, before, known in zip(found, hidden, regions, strict=True):
        expected = written_out(encoder.last, before, way, encoder.special, known)
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_ways_differ(encoder: ImageTextEncoder, hidden: Tensor) -> None:
    found = [last_tokens(encoder.last, hidden, way, GRID) for way in get_args(Attention)]
    for i, one in enumerate(found):
        for other in found[:i]:
            assert float((one - other).abs().max()) > 1e-3


@torch.no_grad()
def test_values_alone_know_nothing_of_other_patches(
    encoder: ImageTextEncoder, hidden: Tensor
) -> None:
    other: Any = hidden.clone()
    other[:, -1] = 0
    before, after = (last_tokens(encoder.last, own, "maskclip", GRID) for own in (hidden, other))
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    mixed = [last_tokens(encoder.last, own, "naclip", GRID) for own in (hidden, other)]
    assert float((mixed[0] - mixed[1])[:, :-1].abs().max()) > 1e-4


def test_special_tokens_have_no_neighbours() -> None:
    near = neighbourhood((2, 3), 8, torch.device("cpu"))
    assert not near[:2].any() and not near[:, :2].any()
    assert near.diagonal()[2:].tolist() == [1.0] * 6
    assert near[2, 7] == pytest.approx(math.exp(-5 / 50))  # one row and two columns away
