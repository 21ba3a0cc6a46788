"""The network against slow, obvious restatements of its names, shapes and formulas."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from zeroseg.errors import CheckpointError
from zeroseg.weights.official.ram_plus_model import RamPlusConfig, RamPlusModel, read_official

TINY = RamPlusConfig(
    image_size=32,
    patch_size=4,
    embed_dim=8,
    depths=(2, 1),
    num_heads=(1, 2),
    window_size=4,
    num_tags=5,
    descriptions_per_tag=3,
    text_dim=6,
    decoder_dim=12,
    decoder_heads=3,
    decoder_ffn_dim=20,
)


def random_model(config: RamPlusConfig = TINY, seed: int = 0) -> RamPlusModel:
    """A network whose every weight matters to its output."""
    torch.manual_seed(seed)
    model = RamPlusModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "reweight_scale":
                parameter.normal_(float("norm" in name and "weight" in name), 0.3)
    return model


def published_shapes(width: int, heads: int) -> dict[str, tuple[int, ...]]:
    """The tensors of an official checkpoint, by the rules of the authors' code."""
    shapes: dict[str, tuple[int, ...]] = {"reweight_scale": (), "label_embed": (4585 * 51, 512)}

    def both(key: str, *shape: int) -> None:
        shapes.update({f"{key}.weight": shape, f"{key}.bias": shape[:1]})

    both("image_proj", 512, 8 * width)
    both("wordvec_proj", 768, 512)
    both("fc", 1, 768)
    both("visual_encoder.patch_embed.proj", width, 3, 4, 4)
    both("visual_encoder.patch_embed.norm", width)
    both("visual_encoder.norm", 8 * width)
    for stage, depth in enumerate((2, 2, 18, 2)):
        dim, layer = width * 2**stage, f"visual_encoder.layers.{stage}"
        for block in (f"{layer}.blocks.{i}" for i in range(depth)):
            both(f"{block}.norm1", dim)
            both(f"{block}.norm2", dim)
            both(f"{block}.attn.qkv", 3 * dim, dim)
            both(f"{block}.attn.proj", dim, dim)
            both(f"{block}.mlp.fc1", 4 * dim, dim)
            both(f"{block}.mlp.fc2", dim, 4 * dim)
            shapes[f"{block}.attn.relative_position_bias_table"] = (23 * 23, heads * 2**stage)
        if stage < 3:
            both(f"{layer}.downsample.norm", 4 * dim)
            shapes[f"{layer}.downsample.reduction.weight"] = (2 * dim, 4 * dim)
    for layer in (f"tagging_head.encoder.layer.{i}" for i in range(2)):
        both(f"{layer}.crossattention.self.query", 768, 768)
        both(f"{layer}.crossattention.self.key", 768, 512)
        both(f"{layer}.crossattention.self.value", 768, 512)
        both(f"{layer}.crossattention.output.dense", 768, 768)
        both(f"{layer}.crossattention.output.LayerNorm", 768)
        both(f"{layer}.intermediate.dense", 3072, 768)
        both(f"{layer}.output.dense", 768, 3072)
        both(f"{layer}.output.LayerNorm", 768)
    return shapes


@pytest.mark.parametrize(
    ("config", "width", "heads"),
    [(RamPlusConfig.swin_large(), 192, 6), (RamPlusConfig.swin_base(), 128, 4)],
    ids=["swin_large", "swin_base"],
)
def test_published_names_and_shapes_fit_at_full_size(
    config: RamPlusConfig, width: int, heads: int
) -> None:
    shapes = published_shapes(width, heads)
    constants = [
        "visual_encoder.layers.0.blocks.1.attn_mask",
        "visual_encoder.layers.3.blocks.0.attn.relative_position_index",
    ]
    with torch.device("meta"):
        model = RamPlusModel(config)
        weights = {key: torch.empty(shape) for key, shape in shapes.items()}
        model.load_official_state_dict(weights | {key: torch.empty(4) for key in constants})
        assert model(torch.empty(2, 3, 384, 384)).shape == (2, 4585)
    assert {key: tuple(v.shape) for key, v in model.official_state_dict().items()} == shapes


def test_wrong_weights_are_listed() -> None:
    model = random_model()
    weights = model.official_state_dict()
    weights["visual_encoder.norm.gain"] = weights.pop("visual_encoder.norm.weight")
    weights["fc.weight"] = torch.zeros(2, 12)
    with pytest.raises(CheckpointError) as caught:
        model.load_official_state_dict(weights)
    message = str(caught.value)
    assert "missing: visual_encoder.norm.weight" in message
    assert "unexpected: visual_encoder.norm.gain" in message
    assert "shape of fc.weight: (2, 12), expected (1, 12)" in message
    assert "\n" not in message


# -- the formula, restated over the authors' layout, one token and one tag at a time --------------


def linear(weights: Mapping[str, Tensor], key: str, x: Tensor) -> Tensor:
    return x @ weights[f"{key}.weight"].T + weights[f"{key}.bias"]


def norm(weights: Mapping[str, Tensor], key: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return scaled * weights[f"{key}.weight"] + weights[f"{key}.bias"]


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def slow_window_attention(
    weights: Mapping[str, Tensor], key: str, x: Tensor, heads: int, shift: int
) -> Tensor:
    """Each token looks at the tokens of its (shifted) window that are near in the picture."""
    side, window, dim = x.shape[0], TINY.window_size, x.shape[-1]
    query, keys, values = linear(weights, f"{key}.qkv", x).split(dim, -1)
    table = weights[f"{key}.relative_position_bias_table"]
    places = [(r, c) for r in range(side) for c in range(side)]

    def home(place: tuple[int, int]) -> tuple[int, ...]:
        return tuple((axis - shift) % side // window for axis in place)

    out = torch.zeros_like(x)
    for r, c in places:
        near = [
            (p, q)
            for p, q in places
            if home((p, q)) == home((r, c)) and max(abs(p - r), abs(q - c)) < window
        ]
        for head in range(heads):
            part = slice(head * dim // heads, (head + 1) * dim // heads)
            scores = torch.stack(
                [
                    query[r, c, part] @ keys[p, q, part] / math.sqrt(dim / heads)
                    + table[(r - p + window - 1) * (2 * window - 1) + c - q + window - 1, head]
                    for p, q in near
                ]
            )
            shares = scores.exp() / scores.exp().sum()
            out[r, c, part] = sum(
                s * values[p, q, part] for s, (p, q) in zip(shares, near, strict=True)
            )
    return linear(weights, f"{key}.proj", out)


def slow_swin(weights: Mapping[str, Tensor], image: Tensor) -> Tensor:
    """Final tokens (N, visual_dim) of one image (3, S, S)."""
    patch, side = TINY.patch_size, TINY.image_size // TINY.patch_size
    kernel = weights["visual_encoder.patch_embed.proj.weight"]
    x = torch.zeros(side, side, TINY.embed_dim)
    for r in range(side):
        for c in range(side):
            piece = image[:, r * patch : (r + 1) * patch, c * patch : (c + 1) * patch]
            x[r, c] = (kernel * piece).sum((1, 2, 3))
    x = x + weights["visual_encoder.patch_embed.proj.bias"]
    x = norm(weights, "visual_encoder.patch_embed.norm", x, 1e-5)
    for stage, depth in enumerate(TINY.depths):
        layer = f"visual_encoder.layers.{stage}"
        for number in range(depth):
            key = f"{layer}.blocks.{number}"
            shift = TINY.window_size // 2 if number % 2 and x.shape[0] > TINY.window_size else 0
            normed = norm(weights, f"{key}.norm1", x, 1e-5)
            heads = TINY.num_heads[stage]
            x = x + slow_window_attention(weights, f"{key}.attn", normed, heads, shift)
            hidden = linear(weights, f"{key}.mlp.fc1", norm(weights, f"{key}.norm2", x, 1e-5))
            x = x + linear(weights, f"{key}.mlp.fc2", gelu(hidden))
        if stage + 1 < len(TINY.depths):
            corners = [x[0::2, 0::2], x[1::2, 0::2], x[0::2, 1::2], x[1::2, 1::2]]
            merged = norm(weights, f"{layer}.downsample.norm", torch.cat(corners, -1), 1e-5)
            x = merged @ weights[f"{layer}.downsample.reduction.weight"].T
    return norm(weights, "visual_encoder.norm", x, 1e-5).flatten(0, 1)


def slow_logits(weights: Mapping[str, Tensor], features: Tensor) -> Tensor:
    """The logit of each tag from the final tokens (N, visual_dim) of one image."""
    tokens = linear(weights, "image_proj", torch.stack([features.mean(0), *features]))
    summary = tokens[0] / tokens[0].square().sum().sqrt()
    logits = []
    for tag in range(TINY.num_tags):
        first = tag * TINY.descriptions_per_tag
        own = weights["label_embed"][first : first + TINY.descriptions_per_tag]
        powers = torch.stack([(weights["reweight_scale"].exp() * (summary @ d)).exp() for d in own])
        blend = sum(power / powers.sum() * d for power, d in zip(powers, own, strict=True))
        query = linear(weights, "wordvec_proj", blend).clamp(min=0)
        for number in range(TINY.decoder_layers):
            query = slow_block(weights, f"tagging_head.encoder.layer.{number}", query, tokens)
        logits.append(linear(weights, "fc", query)[0])
    return torch.stack(logits)


def slow_block(weights: Mapping[str, Tensor], key: str, query: Tensor, tokens: Tensor) -> Tensor:
    """One BERT layer with cross-attention in place of self-attention, for one query."""
    q = linear(weights, f"{key}.crossattention.self.query", query)
    k = linear(weights, f"{key}.crossattention.self.key", tokens)
    v = linear(weights, f"{key}.crossattention.self.value", tokens)
    width = TINY.decoder_dim // TINY.decoder_heads
    read = []
    for head in range(TINY.decoder_heads):
        part = slice(head * width, (head + 1) * width)
        powers = (k[:, part] @ q[part] / math.sqrt(width)).exp()
        read.append((powers / powers.sum()) @ v[:, part])
    attended = linear(weights, f"{key}.crossattention.output.dense", torch.cat(read))
    query = norm(weights, f"{key}.crossattention.output.LayerNorm", query + attended, 1e-12)
    hidden = gelu(linear(weights, f"{key}.intermediate.dense", query))
    expanded = query + linear(weights, f"{key}.output.dense", hidden)
    return norm(weights, f"{key}.output.LayerNorm", expanded, 1e-12)


@torch.no_grad()
def test_network_computes_the_formula() -> None:
    model = random_model().double()
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    weights = model.official_state_dict()
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            features = [slow_swin(weights, image) for image in images]
            expected = torch.stack([slow_logits(weights, own) for own in features])
        finally:
            torch.set_default_dtype(torch.float32)
    backbone = model.backbone(images).last_hidden_state
    torch.testing.assert_close(backbone, torch.stack(features), rtol=0, atol=1e-9)
    torch.testing.assert_close(model(images), expected, rtol=0, atol=1e-9)
    assert expected.std() > 0.01


class LargestTensor(TorchDispatchMode):
    """Notes the size of the largest tensor that is made anew."""

    numel = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {a.untyped_storage().data_ptr() for a in args if isinstance(a, Tensor)}
        if isinstance(out, Tensor) and out.untyped_storage().data_ptr() not in given:
            self.numel = max(self.numel, out.numel())
        return out


@torch.no_grad()
def test_reweighting_stays_small() -> None:
    batch, tags, descriptions, width = 16, 40, 51, 64
    sizes = {"num_tags": tags, "descriptions_per_tag": descriptions, "text_dim": width}
    model = random_model(RamPlusConfig(**(vars(TINY) | sizes)))
    with LargestTensor() as largest:
        model.reweight(torch.randn(batch, width))
    assert 0 < largest.numel <= batch * tags * max(descriptions, width)


@torch.no_grad()
def test_batch_equals_singles() -> None:
    model, images = random_model(), torch.randn(5, 3, 32, 32)
    singles = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), singles, rtol=0, atol=1e-5)


def test_a_saved_model_comes_back_in_its_precision(tmp_path: Path) -> None:
    model = random_model().half()
    model.save_pretrained(tmp_path / "model")
    again = RamPlusModel.from_pretrained(tmp_path / "model")
    assert again.config == TINY
    assert not again.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
        assert again.state_dict()[key].dtype == torch.float16
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & stat.S_IRGRP


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])
def test_authors_files_are_recognised_by_their_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_format: bool
) -> None:
    model, file = random_model(), tmp_path / "ram.pth"
    weights = {"model": model.official_state_dict()}
    torch.save(weights, file, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointError, match="192 or 128 channels, found 8"):
        read_official(file)
    monkeypatch.setattr(RamPlusConfig, "swin_base", lambda: TINY)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(read_official(file)(images), model(images))


def test_sizes_that_do_not_split_into_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of 384"):
        RamPlusConfig(image_size=400)
    with pytest.raises(ValueError, match="4 stages, num_heads 2"):
        RamPlusConfig(num_heads=(1, 2))
