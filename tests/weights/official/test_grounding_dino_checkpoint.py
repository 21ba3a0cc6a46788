from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from transformers import GroundingDinoConfig

from benchmarks.parity_dino import SpecialTokens
from tests.weights.official.dino_parts import publish, small_weights
from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.weights.official.grounding_dino_checkpoint import (
    authors_processor,
    read_grounding_dino,
    swin_b,
    swin_t,
    to_transformers,
)
from zeroseg.weights.official.grounding_dino_network import build_official

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def small() -> tuple[GroundingDinoConfig, Weights]:
    return small_weights()


class RealNumbers(TorchFunctionMode):
    """Lets the package read numbers off `linspace` while it builds itself without memory."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = dict(kwargs or {})
        if func is torch.linspace:
            options["device"] = "cpu"
        return func(*args, **options)


@pytest.mark.parametrize("make", [swin_t, swin_b])
def test_every_weight_of_the_published_sizes_has_its_place(
    make: Callable[[], GroundingDinoConfig],
) -> None:
    config = make()
    with torch.device("meta"), RealNumbers():
        published = build_official(config, SpecialTokens())
    # Zeros that share one number of memory: only names and shapes matter here.
    shapes = {key: value.shape for key, value in published.state_dict().items()}
    model = to_transformers(config, {k: torch.zeros(1).expand(s) for k, s in shapes.items()})
    names = dict(model.named_parameters())
    unfilled = {name for name, p in names.items() if bool(p.detach().flatten()[0])}
    assert unfilled == {"model.backbone.conv_encoder.model.swin.layernorm.weight"}
    sizes = {name: p.numel() for name, p in published.named_parameters() if "pooler" not in name}
    own = {name: p.numel() for name, p in names.items() if "swin.layernorm" not in name}
    assert sum(sizes.values()) == sum(own.values())


def test_weights_that_are_one_as_published_are_split_in_order(
    small: tuple[GroundingDinoConfig, Weights],
) -> None:
    config, weights = small
    model = to_transformers(config, weights)
    for ours, published in (
        (model.model.decoder.layers[1].self_attn, "transformer.decoder.layers.1.self_attn"),
        (model.model.decoder.layers[0].encoder_attn_text, "transformer.decoder.layers.0.ca_text"),
    ):
        for i, name in enumerate(("query", "key", "value")):
            third = slice(256 * i, 256 * (i + 1))
            part = getattr(ours, name)
            assert torch.equal(part.weight, weights[f"{published}.in_proj_weight"][third])
            assert torch.equal(part.bias, weights[f"{published}.in_proj_bias"][third])
            assert part.weight.untyped_storage().nbytes() == part.weight.nbytes


def test_half_precision_and_what_training_leaves_are_read(
    small: tuple[GroundingDinoConfig, Weights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, weights = small
    monkeypatch.setattr("zeroseg.weights.official.grounding_dino_checkpoint.swin_t", lambda: config)
    half = {key: value.half() for key, value in weights.items()}
    recognised, read = read_grounding_dino(publish(tmp_path / "small.pth", half), "Part")
    assert recognised is config
    model = to_transformers(config, read)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert torch.equal(model.model.text_projection.bias, half["feat_map.bias"].float())


@pytest.mark.parametrize(("width", "window"), [(96, 7), (128, 12)])
def test_the_variant_is_recognised_by_its_weights(tmp_path: Path, width: int, window: int) -> None:
    patches = {"backbone.0.patch_embed.proj.weight": torch.ones(width, 3, 4, 4)}
    config, weights = read_grounding_dino(publish(tmp_path / "any name.pth", patches), "Part")
    assert config.backbone_config.window_size == window
    assert weights["backbone.0.patch_embed.proj.weight"].shape == (width, 3, 4, 4)


@pytest.mark.parametrize("key", ["backbone.0.patch_embed.proj.weight", "image_encoder.pos_embed"])
def test_other_networks_are_refused(tmp_path: Path, key: str) -> None:
    file = publish(tmp_path / "x.pth", {key: torch.ones(192, 3, 4, 4)})
    with pytest.raises(CheckpointError, match="not a published Grounding DINO of Swin-T or Swin-B"):
        read_grounding_dino(file, "Part")


def test_keys_that_do_not_fit_are_named(small: tuple[GroundingDinoConfig, Weights]) -> None:
    config, weights = small
    changed = dict(weights)
    del changed["feat_map.weight"]
    changed["transformer.decoder.layers.0.norm9.weight"] = torch.zeros(2)
    changed["epoch{}"] = torch.tensor(1.0)
    changed["transformer.encoder.text_layers.0.self_attn.in_proj_bias"] = torch.zeros(6)
    with pytest.raises(CheckpointError) as caught:
        to_transformers(config, changed)
    message = str(caught.value)
    assert "missing: model.text_projection.weight;" in message
    assert "unexpected: epoch{}, transformer.decoder.layers.0.norm9.weight)" in message
    name = "transformer.encoder.text_layers.0.self_attn.in_proj_bias"
    assert f"shape of {name}: (2,), expected (256,), {name}: (2,)" in message


@pytest.mark.parametrize("key", ["bbox_embed.1.layers.0.bias", "bbox_embed.0.layers.0.bias"])
def test_heads_that_should_be_one_must_be_equal(
    small: tuple[GroundingDinoConfig, Weights], key: str
) -> None:
    config, weights = small
    with pytest.raises(CheckpointError, match="share one head"):
        to_transformers(config, {**weights, key: weights[key] + 1})


def test_images_are_prepared_as_published(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="Part needs"):
        authors_processor(tmp_path / "nothing", "Part")
