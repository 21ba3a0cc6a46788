"""The TinyViT against timm's, whose blocks are the same and whose stages are cut elsewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
import timm.models.tiny_vit
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zeroseg.weights.official.tiny_vit import TinyVit

WIDTHS, DEPTHS, HEADS = (8, 16, 20, 24), (2, 1, 2, 2), (2, 5, 3)
WINDOWS = pytest.mark.parametrize("windows", [(7, 14, 7), (3, 8, 4)], ids=["published", "small"])


def drawn(network: nn.Module) -> nn.Module:
    """The network with random weights and statistics, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2, generator=generator)
        elif name.endswith("attention_biases"):
            value.normal_(generator=generator)
        elif value.ndim > 1:
            value.normal_(std=1.5 * value[0].numel() ** -0.5, generator=generator)
        elif value.ndim:
            value.normal_(float(name.endswith("weight")), 0.2, generator=generator)
    return network.eval()


def tiny_vit(windows: tuple[int, ...]) -> TinyVit:
    network = TinyVit(WIDTHS, DEPTHS, HEADS, windows, channels=12)
    drawn(network)
    return network


def name_in_timm(name: str) -> str:
    """timm's stages begin with the merging that the authors' end with."""
    name = re.sub(
        r"^patch_embed\.seq\.([02])", lambda m: f"patch_embed.conv{1 + int(m[1]) // 2}", name
    )
    name = re.sub(
        r"^layers\.(\d)\.downsample", lambda m: f"stages.{int(m[1]) + 1}.downsample", name
    )
    return name.replace("layers.", "stages.").replace(".c.", ".conv.")


def features_by_timm(encoder: TinyVit, windows: tuple[int, ...], pixels: Tensor) -> list[Tensor]:
    """What timm's third stage is given, and what its last one gives."""
    network: Any = timm.models.tiny_vit.TinyVit(
        num_classes=0,
        embed_dims=WIDTHS,
        depths=DEPTHS,
        num_heads=(1, *HEADS),
        window_sizes=(1, *windows),
        drop_path_rate=0.0,
    ).eval()
    body = {n: v for n, v in encoder.state_dict().items() if not n.startswith("neck.")}
    fit = network.load_state_dict({name_in_timm(n): v for n, v in body.items()}, strict=False)
    assert not fit.unexpected_keys
    assert all(name.startswith("head.") for name in fit.missing_keys)
    network.stages[3].downsample.conv2.conv.stride = (1, 1)
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False  # the softmax is then spelled out
    early = []
    network.stages[2].downsample.register_forward_hook(lambda *seen: early.append(seen[2]))
    last = network.forward_features(pixels)
    return [*early, last]


def through_the_neck(encoder: TinyVit, features: Tensor) -> Tensor:
    """The neck with every step spelled out."""
    weights = encoder.neck.state_dict()

    def normalised(x: Tensor, name: str) -> Tensor:
        spread = x.var(1, unbiased=False, keepdim=True) + 1e-6
        x = (x - x.mean(1, keepdim=True)) / spread.sqrt()
        return x * weights[f"{name}.weight"].view(-1, 1, 1) + weights[f"{name}.bias"].view(-1, 1, 1)

    x = torch.einsum("oi,bihw->bohw", weights["0.weight"][:, :, 0, 0], features)
    patches = F.unfold(normalised(x, "1"), kernel_size=3, padding=1)
    x = (weights["2.weight"].flatten(1) @ patches).unflatten(2, tuple(features.shape[2:]))
    return normalised(x, "3")


@torch.no_grad()
@WINDOWS
@pytest.mark.parametrize("size", [(112, 224), (96, 128)])
def test_features_are_those_of_timm(windows: tuple[int, ...], size: tuple[int, int]) -> None:
    encoder = tiny_vit(windows)
    pixels = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    outputs = encoder(pixels)
    early, last = features_by_timm(encoder, windows, pixels)
    [ours] = outputs.intermediate_embeddings
    assert ours.shape == (2, size[0] // 16, size[1] // 16, WIDTHS[2])
    assert ours.std() > 0.1
    torch.testing.assert_close(ours.permute(0, 3, 1, 2), early, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        outputs.last_hidden_state, through_the_neck(encoder, last), atol=1e-4, rtol=1e-4
    )


@torch.no_grad()
def test_an_image_does_not_depend_on_its_company() -> None:
    encoder = tiny_vit((3, 8, 4))
    pixels = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    together = encoder(pixels)
    for i in range(3):
        alone = encoder(pixels[i : i + 1])
        torch.testing.assert_close(
            together.last_hidden_state[i], alone.last_hidden_state[0], atol=1e-5, rtol=1e-5
        )


@torch.no_grad()
def test_half_the_precision_gives_nearly_the_same() -> None:
    encoder = tiny_vit((7, 14, 7))
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    single = encoder(pixels).last_hidden_state
    half = encoder.bfloat16()(pixels.bfloat16()).last_hidden_state
    assert half.dtype == torch.bfloat16
    assert (half.float() - single).abs().mean() < 0.05 * single.std()


def test_a_list_for_every_stage_is_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        TinyVit(WIDTHS, DEPTHS, HEADS[:2], (7, 14, 7), channels=12)
