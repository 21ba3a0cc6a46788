"""SAM's and SAM-HQ's published layouts against transformers' models and the authors' code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import SamConfig, SamHQConfig, SamHQModel, SamModel

from benchmarks.parity_sam import (
    VIT_B,
    high_quality_shapes,
    sam_hq_rows,
    sam_rows,
    seeded_weights,
)
from tests.weights.official.sam_parts import SMALL, on_meta, parameters, published
from zeroseg.errors import CheckpointError, CheckpointNotFound
from zeroseg.masking.official_sam import official_sam
from zeroseg.masking.sam import Sam
from zeroseg.masking.sam_hq import SamHq
from zeroseg.testing import boxed, noise
from zeroseg.weights.official.sam_checkpoint import RENAMES, SamSizes, read_sam, sam_of
from zeroseg.weights.official.sam_hq_checkpoint import HQ_RENAMES, read_sam_hq, sam_hq_of

VIT_L = replace(
    VIT_B, width=1024, depth=24, heads=16, mlp_width=4096, global_blocks=(5, 11, 17, 23)
)
VIT_H = replace(
    VIT_B, width=1280, depth=32, heads=16, mlp_width=5120, global_blocks=(7, 15, 23, 31)
)
VARIANTS = pytest.mark.parametrize("sizes", [VIT_B, VIT_L, VIT_H], ids=["b", "l", "h"])
SHAPES = ((90, 130), (64, 64), (200, 48))


@VARIANTS
class TestPublishedLayouts:
    def test_sizes_are_read_off_the_shapes(self, sizes: SamSizes) -> None:
        assert SamSizes.of(on_meta(published(sizes))) == sizes

    def test_the_authors_network_has_these_keys(self, sizes: SamSizes) -> None:
        state = official_sam(sizes).state_dict()
        assert {key: tuple(value.shape) for key, value in state.items()} == published(sizes)

    def test_sam_fills_every_parameter(self, sizes: SamSizes) -> None:
        with torch.device("meta"):
            model = SamModel(SamConfig(**sizes.config()))
        filled = parameters(on_meta(published(sizes)), RENAMES)
        assert filled == {n: tuple(p.shape) for n, p in model.named_parameters()}

    def test_sam_hq_fills_every_parameter(self, sizes: SamSizes) -> None:
        config = sizes.config()
        config["mask_decoder_config"]["vit_dim"] = sizes.width
        with torch.device("meta"):
            model = SamHQModel(SamHQConfig(**config))
        weights = on_meta(published(sizes) | high_quality_shapes(sizes))
        filled = parameters(weights, HQ_RENAMES)
        assert filled == {n: tuple(p.shape) for n, p in model.named_parameters()}


class TestParity:
    @pytest.mark.parametrize("rows", [sam_rows, sam_hq_rows])
    @pytest.mark.parametrize(
        "sizes", [SMALL, replace(SMALL, depth=4, global_blocks=(0, 3), window=5)]
    )
    def test_same_weights_give_the_same_embeddings_and_logits(
        self, rows: Callable[..., list[tuple[str, float]]], sizes: SamSizes
    ) -> None:
        found = rows(sizes, SHAPES)
        assert len(found) >= 4 * len(SHAPES)
        assert not [(what, difference) for what, difference in found if difference > 1e-3]

    def test_layer_norms_of_the_decoder_divide_as_the_authors_do(self) -> None:
        model, _ = sam_of(seeded_weights(SMALL))
        theirs = [
            layer.eps
            for layer in official_sam(SMALL).modules()
            if type(layer).__name__[:5] == "Layer"
        ]
        ours = [m.eps for m in model.modules() if "LayerNorm" in type(m).__name__]
        assert sorted(ours) == sorted(theirs)


Kind = tuple[dict[str, Tensor], Callable[[Path], Any], type[Sam] | type[SamHq]]


@pytest.fixture(params=["sam", "sam_hq"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Weights, what reads their file, and the component that does."""
    if request.param == "sam":
        return seeded_weights(SMALL), read_sam, Sam
    return seeded_weights(SMALL, high_quality=True), read_sam_hq, SamHq


class TestFiles:
    def test_a_component_takes_the_file(self, kind: Kind, tmp_path: Path) -> None:
        weights, _, component = kind
        torch.save(weights, tmp_path / "any_name.pth")
        image, found = noise(90, 130), boxed((10, 8, 70, 50), (40, 3, 119, 79))
        [masks] = component.from_pretrained(tmp_path / "any_name.pth")([image], [found])
        model, processor = (sam_of if component is Sam else sam_hq_of)(weights)
        [again] = component(model=model, image_processor=processor)([image], [found])
        assert masks.geometry.frame == (64, 64)
        assert masks.logits.shape == (2, 32, 32)
        torch.testing.assert_close(masks.logits, again.logits)

    def test_half_precision_files_are_read_in_single(self, kind: Kind, tmp_path: Path) -> None:
        weights, read, _ = kind
        torch.save({key: value.half() for key, value in weights.items()}, tmp_path / "a.pth")
        model, _ = read(tmp_path / "a.pth")
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert not model.training

    def test_the_two_positional_encodings_are_one(self, kind: Kind, tmp_path: Path) -> None:
        weights, read, _ = kind
        torch.save(weights, tmp_path / "a.pth")
        model, _ = read(tmp_path / "a.pth")
        key = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
        shared = model.prompt_encoder.shared_embedding.positional_embedding
        assert shared is model.shared_image_embedding.positional_embedding
        assert torch.equal(shared, weights[key])

    def test_pixel_statistics_are_known_to_be_unused(self, kind: Kind, tmp_path: Path) -> None:
        weights, read, _ = kind
        extra = {"pixel_mean": torch.zeros(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)}
        torch.save({**weights, **extra}, tmp_path / "a.pth")
        _, processor = read(tmp_path / "a.pth")
        assert processor.image_mean == pytest.approx([0.485, 0.456, 0.406])

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            (("image_encoder.blocks.2.norm1.weight", None), "missing"),
            (("mask_decoder.mask_tokens.weight", None), "missing"),
            (("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", None), "missing"),
            (("image_encoder.extra", torch.ones(2)), "unexpected: image_encoder.extra"),
            (
                ("mask_decoder.iou_token.weight", torch.ones(1, 9)),
                r"shape of mask_decoder.iou_token.weight: \(1, 9\), expected \(1, 32\)",
            ),
            (("image_encoder.pos_embed", None), "pos_embed is missing"),
            (("image_encoder.pos_embed", torch.ones(3)), r"pos_embed is of shape \(3,\)"),
            (
                ("image_encoder.layers.0.layer_norm1.weight", torch.ones(32)),
                "are the same parameter",
            ),
        ],
    )
    def test_what_does_not_fit_is_named(
        self, kind: Kind, tmp_path: Path, change: tuple[str, Tensor | None], complaint: str
    ) -> None:
        weights, read, _ = kind
        key, value = change
        changed = {**weights, key: value} if value is not None else dict(weights)
        if value is None:
            del changed[key]
        torch.save(changed, tmp_path / "a.pth")
        with pytest.raises(CheckpointError, match=complaint) as caught:
            read(tmp_path / "a.pth")
        assert "a.pth" in str(caught.value)

    def test_the_other_kind_is_told_apart(self, tmp_path: Path) -> None:
        torch.save(seeded_weights(SMALL), tmp_path / "sam.pth")
        torch.save(seeded_weights(SMALL, high_quality=True), tmp_path / "hq.pth")
        with pytest.raises(CheckpointError, match="load them with SamHq"):
            Sam.from_pretrained(tmp_path / "hq.pth")
        with pytest.raises(CheckpointError, match=r"load them with Sam$"):
            SamHq.from_pretrained(tmp_path / "sam.pth")

    def test_a_missing_file_says_what_to_do(self, kind: Kind, tmp_path: Path) -> None:
        with pytest.raises(CheckpointNotFound, match="needs the checkpoint"):
            kind[2].from_pretrained(tmp_path / "nowhere.pth")
