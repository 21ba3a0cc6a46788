"""Light HQ-SAM's published layout: SAM-HQ's decoder behind a TinyViT."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import SamHQConfig

from benchmarks.parity_sam import RestatedHq, high_quality_shapes, seeded_weights
from tests.weights.official.sam_parts import (
    classifier,
    on_meta,
    parameters,
    published_light,
)
from zeroseg.errors import CheckpointError
from zeroseg.masking.official_sam import OfficialSam
from zeroseg.masking.sam import Sam
from zeroseg.masking.sam_hq import SamHq
from zeroseg.testing import boxed, noise
from zeroseg.weights.official.sam_checkpoint import HQ_TOKEN, SamSizes
from zeroseg.weights.official.sam_hq_checkpoint import (
    LIGHT_RENAMES,
    LightSamHq,
    LightSizes,
    read_sam_hq,
)
from zeroseg.weights.official.tiny_vit import TinyVit

TINY = LightSizes(
    patch=16,
    grid=64,
    channels=256,
    mask_channels=16,
    decoder_mlp_width=2048,
    iou_width=256,
    widths=(64, 128, 160, 320),
    depths=(2, 2, 6, 2),
    heads=(4, 5, 10),
    windows=(7, 14, 7),
)
SMALL = LightSizes(
    patch=16,
    grid=64,
    channels=32,
    mask_channels=4,
    decoder_mlp_width=40,
    iou_width=16,
    widths=(4, 8, 12, 16),
    depths=(1, 1, 2, 1),
    heads=(2, 3, 4),
    windows=(5, 8, 7),
)


def as_vit(sizes: LightSizes) -> SamSizes:
    """A SAM with the same decoder, and an early feature map of the same width."""
    return SamSizes(
        patch=sizes.patch,
        grid=sizes.grid,
        channels=sizes.channels,
        mask_channels=sizes.mask_channels,
        decoder_mlp_width=sizes.decoder_mlp_width,
        iou_width=sizes.iou_width,
        width=sizes.widths[2],
        depth=1,
        heads=1,
        mlp_width=8,
        window=0,
        global_blocks=(0,),
    )


def layout(sizes: LightSizes) -> dict[str, tuple[int, ...]]:
    return published_light(sizes) | high_quality_shapes(as_vit(sizes))


def weights_of(sizes: LightSizes) -> dict[str, Tensor]:
    """Random weights by published key, the decoder's as those of `as_vit`."""
    generator = torch.Generator().manual_seed(0)
    weights = seeded_weights(as_vit(sizes), high_quality=True)
    weights = {k: v for k, v in weights.items() if not k.startswith("image_encoder.")}
    for key, shape in published_light(sizes).items():
        if key.endswith("num_batches_tracked"):
            weights[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            weights[key] = 0.5 + torch.rand(shape, generator=generator)
        elif key.startswith("image_encoder."):
            spread = 0.2 if len(shape) == 1 else 1.5 * torch.Size(shape[1:]).numel() ** -0.5
            mean = float(len(shape) == 1 and key.endswith("weight"))
            weights[key] = mean + spread * torch.randn(shape, generator=generator)
    return weights


class TestLayout:
    @pytest.mark.parametrize("sizes", [TINY, SMALL], ids=["tiny", "small"])
    def test_sizes_are_read_off_the_shapes(self, sizes: LightSizes) -> None:
        assert LightSizes.of(on_meta(layout(sizes))) == sizes

    def test_it_is_as_large_as_the_authors_file(self) -> None:
        keys = layout(TINY) | classifier(TINY.widths[3])
        size = sum(
            torch.Size(shape).numel() * (8 if key.endswith("num_batches_tracked") else 4)
            for key, shape in keys.items()
        )
        assert (len(keys), size) == (464, 42_355_080)

    def test_it_fills_every_parameter_and_statistic(self) -> None:
        with torch.device("meta"):
            model = LightSamHq(SamHQConfig(**TINY.config()))
        expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        del expected["prompt_encoder.shared_embedding.positional_embedding"]  # tied
        assert parameters(on_meta(layout(TINY)), LIGHT_RENAMES) == expected


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return weights_of(SMALL)


def saved(weights: dict[str, Tensor], folder: Path) -> Path:
    torch.save(weights, folder / "any_name.pth")
    return folder / "any_name.pth"


class TestFiles:
    @torch.no_grad()
    def test_masks_are_the_published_ones(self, weights: dict[str, Tensor], tmp_path: Path) -> None:
        part = SamHq.from_pretrained(saved(weights, tmp_path), point_sampler=None)
        image, found = noise(90, 130), boxed((10, 8, 70, 50), (40, 3, 119, 79))
        [masks] = part([image], [found])
        assert masks.geometry.frame == (1024, 1024)
        encoder = TinyVit(SMALL.widths, SMALL.depths, SMALL.heads, SMALL.windows, SMALL.channels)
        prefix = "image_encoder."
        encoder.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
        outputs = encoder.eval()(part._pixels([image], torch.device("cpu")))
        vit = as_vit(SMALL)
        published = RestatedHq(vit, seeded_weights(vit, high_quality=True))
        early = outputs.intermediate_embeddings[0].permute(0, 3, 1, 2)
        final = outputs.last_hidden_state
        details = published._upsample("compress_vit_feat", early)
        details = details + published._upsample("embedding_encoder", final)
        boxes = found.boxes * torch.tensor([1024 / 130, 709 / 90]).repeat(2)
        logits = published.decode((final, details), boxes, None)
        assert logits.std() > 0.1
        torch.testing.assert_close(masks.logits, logits, atol=1e-3, rtol=1e-3)

    def test_halves_are_read_in_single_for_evaluation(
        self, weights: dict[str, Tensor], tmp_path: Path
    ) -> None:
        halves = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
        model, processor = read_sam_hq(saved(halves, tmp_path))
        assert isinstance(model.vision_encoder, TinyVit)
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert not any(module.training for module in model.modules())
        assert processor.pad_size == {"height": 1024, "width": 1024}
        assert processor.image_mean == pytest.approx([0.485, 0.456, 0.406])

    def test_the_classifier_is_known_to_be_unused(
        self, weights: dict[str, Tensor], tmp_path: Path
    ) -> None:
        head = {key: torch.ones(shape) for key, shape in classifier(16).items()}
        model, _ = read_sam_hq(saved({**weights, **head}, tmp_path))
        again, _ = read_sam_hq(saved(weights, tmp_path))
        for one, other in zip(model.parameters(), again.parameters(), strict=True):
            assert torch.equal(one, other)

    @pytest.mark.parametrize(
        ("key", "value", "complaint"),
        [
            ("layers.2.blocks.1.mlp.fc1.weight", None, r"missing: \S+fc1.weight"),
            ("layers.1.downsample.conv2.bn.running_var", None, "missing: .*conv2.bn.running_var"),
            ("neck.0.weight", None, "neck.0.weight is missing"),
            ("layers.3.blocks.0.attn.attention_biases", None, "attention_biases is missing"),
            (
                "layers.3.blocks.0.attn.attention_biases",
                torch.ones(3, 49),
                r"attention_biases is of shape \(3, 49\) for 16 channels",
            ),
            (
                "layers.3.blocks.0.attn.attention_biases",
                torch.ones(4, 48),
                r"shape of image_encoder.layers.3.\S+: \(4, 48\), expected \(4, 36\)",
            ),
            ("layers.4.extra", torch.ones(2), "unexpected: image_encoder.layers.4.extra"),
            ("pos_embed", torch.ones(1, 64, 64, 8), "unexpected: image_encoder.pos_embed"),
        ],
    )
    def test_what_does_not_fit_is_named(
        self,
        weights: dict[str, Tensor],
        tmp_path: Path,
        key: str,
        value: Tensor | None,
        complaint: str,
    ) -> None:
        changed = {k: v for k, v in weights.items() if k != f"image_encoder.{key}"}
        if value is not None:
            changed[f"image_encoder.{key}"] = value
        with pytest.raises(CheckpointError, match=complaint) as caught:
            SamHq.from_pretrained(saved(changed, tmp_path))
        assert "any_name.pth" in str(caught.value)

    @pytest.mark.parametrize("component", [Sam, OfficialSam])
    def test_other_components_name_the_right_one(
        self, component: type[Sam] | type[OfficialSam], weights: dict[str, Tensor], tmp_path: Path
    ) -> None:
        with pytest.raises(CheckpointError, match="load them with SamHq"):
            component.from_pretrained(saved(weights, tmp_path))

    @pytest.mark.parametrize("component", [Sam, SamHq, OfficialSam])
    def test_mobile_sam_is_refused(
        self,
        component: type[Sam] | type[SamHq] | type[OfficialSam],
        weights: dict[str, Tensor],
        tmp_path: Path,
    ) -> None:
        without = {k: v for k, v in weights.items() if k != HQ_TOKEN}
        with pytest.raises(CheckpointError, match="MobileSAM cannot"):
            component.from_pretrained(saved(without, tmp_path))
