from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import SamHQModel, SamImageProcessor, SamModel
from transformers.models.sam.modeling_sam import SamVisionAttention, SamVisionSdpaAttention

from zeroseg.masking import attention
from zeroseg.masking.attention import SlicedAttention, slice_attention
from zeroseg.masking.sam import Sam

CELLS, HEADS = 8, 2
ROW = HEADS * CELLS * CELLS * CELLS * 4
"""Bytes of the bias of one row of the networks' cells."""


@pytest.fixture(params=["sam", "sam_hq"])
def library(request: pytest.FixtureRequest, sam_model: SamModel, sam_hq_model: SamHQModel) -> Any:
    model = sam_model if request.param == "sam" else sam_hq_model
    return copy.deepcopy(model).vision_encoder


def sliced(encoder: nn.Module) -> Any:
    other = copy.deepcopy(encoder)
    slice_attention(other)
    return other


def pixels(count: int) -> Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))


class Biases(TorchFunctionMode):
    """The bytes of every bias that attention is given within it."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: list[int] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention and kwargs.get("attn_mask") is not None:
            self.bytes.append(kwargs["attn_mask"].nbytes)
        return func(*args, **kwargs)


@contextmanager
def limited(monkeypatch: pytest.MonkeyPatch, limit: int) -> Iterator[Biases]:
    with monkeypatch.context() as patch, Biases() as biases:
        patch.setattr(attention, "CPU_BYTES", limit)
        yield biases


@pytest.mark.parametrize("limit", [1, 3 * ROW, CELLS * ROW, 2 * CELLS * ROW, 2**25])
@torch.no_grad()
def test_slices_of_any_size_give_what_the_library_gives(
    monkeypatch: pytest.MonkeyPatch, library: Any, limit: int
) -> None:
    expected = library(pixels(3)).last_hidden_state
    with limited(monkeypatch, limit) as biases:
        found = sliced(library)(pixels(3)).last_hidden_state
    assert expected.std() > 0.1
    assert max(biases.bytes) <= max(limit, ROW)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_bias_does_not_grow_with_the_batch(
    monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    encoder, largest = sliced(library), []
    for count in (1, 9):
        with limited(monkeypatch, 4 * ROW) as biases:
            encoder(pixels(count))
        largest.append(max(biases.bytes))
    with Biases() as biases:
        library(pixels(9))
    assert largest == [4 * ROW] * 2
    assert max(biases.bytes) == 9 * CELLS * ROW


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_reduced_precision_it_is_as_exact_as_the_library(
    library: Any, dtype: torch.dtype
) -> None:
    exact, other = library(pixels(2)).last_hidden_state, sliced(library)
    with torch.autocast("cpu", dtype):
        expected, found = (e(pixels(2)).last_hidden_state for e in (library, other))
    assert found.dtype == expected.dtype == dtype
    assert (found - exact).abs().max() <= 1.5 * (expected - exact).abs().max()
    library.to(dtype), other.to(dtype)
    expected, found = (e(pixels(2).to(dtype)).last_hidden_state for e in (library, other))
    assert (found - exact).abs().max() <= 1.5 * (expected - exact).abs().max()


def test_weights_keep_their_names_and_travel(library: Any) -> None:
    other = sliced(library)
    assert list(other.state_dict()) == list(library.state_dict())
    assert sum(isinstance(module, SlicedAttention) for module in other.modules()) == 2
    assert not any(isinstance(module, SamVisionAttention) for module in other.modules())
    other.load_state_dict(library.state_dict())
    with torch.inference_mode():
        expected = library(pixels(1)).last_hidden_state
        for again in (other, pickle.loads(pickle.dumps(other)), copy.deepcopy(other)):
            found = again(pixels(1)).last_hidden_state
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_gradients_are_the_librarys(library: Any) -> None:
    other = sliced(library)
    for encoder in (library, other):
        encoder(pixels(2)).last_hidden_state.square().mean().backward()
    for (name, one), two in zip(library.named_parameters(), other.parameters(), strict=True):
        assert one.grad.abs().max() > 0, name
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=1e-4)


def test_attention_that_gives_its_weights_or_knows_no_positions_stays(sam_model: SamModel) -> None:
    config = copy.deepcopy(sam_model.config)
    config._attn_implementation = "eager"
    eager = SamModel(config)
    slice_attention(eager)
    assert any(type(module) is SamVisionAttention for module in eager.modules())
    config = copy.deepcopy(sam_model.config)
    config.vision_config.use_rel_pos = False
    unplaced = SamModel(config)
    slice_attention(unplaced)
    assert any(type(module) is SamVisionSdpaAttention for module in unplaced.modules())


def test_a_network_may_be_given_twice(sam_model: SamModel, processor: SamImageProcessor) -> None:
    model = copy.deepcopy(sam_model)
    first = Sam(model=model, image_processor=processor)
    own = first.model.vision_encoder.layers[0].attn
    assert type(own) is SlicedAttention
    assert Sam(model=model, image_processor=processor).encoder.vision_encoder.layers[0].attn is own
