from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from segment_anything import SamPredictor
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    TwoWayTransformer,
)
from segment_anything.modeling import Sam as AuthorsSam
from torch import Tensor, nn

from benchmarks.parity_sam import seeded_weights
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import CheckpointError, CheckpointNotFound, ZerosegError
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.official_sam import OfficialSam, official_sam_of
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import SpreadPoints, TopLogits
from zeroseg.masking.sam import Sam
from zeroseg.testing import MaskPredictorContract, boxed, noise
from zeroseg.values import Detections, Points
from zeroseg.weights.official.sam_checkpoint import RENAMES, SamSizes, origins, sam_of

SIZES = SamSizes(
    width=32,
    depth=2,
    heads=2,
    mlp_width=64,
    patch=8,
    grid=8,
    window=4,
    global_blocks=(1,),
    channels=32,
    mask_channels=4,
    decoder_mlp_width=32,
    iou_width=16,
)
BOXES = ((10, 8, 70, 50), (40.5, 3.25, 119, 79), (0, 0, 20, 20))


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return seeded_weights(SIZES)


class FewPoints(PointSampler):
    """Three points in the first box and one in each of the others."""

    def forward(self, detections: Detections, masks: object) -> Points:
        corners = detections.boxes[:, None, :2].repeat(1, 3, 1) + torch.arange(3)[:, None]
        labels = torch.ones(len(detections), 3, dtype=torch.int64)
        labels[1:, 1:] = -10
        return Points(corners, labels)


class TestOfficialSam(MaskPredictorContract):
    @pytest.fixture(autouse=True)
    def _network(self, weights: dict[str, Tensor]) -> None:
        self.model = official_sam_of(weights)

    def part(self) -> MaskPredictor:
        return OfficialSam(model=self.model, point_sampler=TopLogits(4))

    @pytest.mark.parametrize("shape", [(90, 130), (130, 90), (128, 128)])
    def test_both_passes_are_those_of_the_authors_predictor(self, shape: tuple[int, int]) -> None:
        image, found = noise(*shape), boxed(*BOXES)
        [first] = OfficialSam(model=self.model, point_sampler=None)([image], [found])
        [second] = OfficialSam(model=self.model, point_sampler=TopLogits(5))([image], [found])
        assert second.points is not None
        predictor = SamPredictor(self.model)
        predictor.set_image(image.permute(1, 2, 0).numpy())
        boxes = predictor.transform.apply_boxes_torch(found.boxes, shape)
        points = predictor.transform.apply_coords_torch(second.points.xy, shape)
        for masks, shown in ((first, (None, None)), (second, (points, second.points.labels))):
            full, _, low = predictor.predict_torch(
                *shown, boxes, multimask_output=False, return_logits=True
            )
            assert low.std() > 0.1
            torch.testing.assert_close(masks.logits, low[:, 0], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(masks.full(), full[:, 0], atol=1e-4, rtol=1e-4)
        assert not torch.allclose(first.logits, second.logits, atol=1e-2)

    @pytest.mark.parametrize("sampler", [None, TopLogits(4), SpreadPoints(4), FewPoints()])
    def test_masks_are_those_of_sam_on_the_same_weights(
        self, weights: dict[str, Tensor], sampler: PointSampler | None
    ) -> None:
        images, found = [noise(64, 64, 1), noise(48, 64, 2)], [boxed(*BOXES), boxed(BOXES[2])]
        model, processor = sam_of(weights)
        ours = Sam(model=model, image_processor=processor, point_sampler=sampler)
        official = OfficialSam(model=self.model, point_sampler=sampler)
        for mine, theirs in zip(ours(images, found), official(images, found), strict=True):
            torch.testing.assert_close(mine.logits, theirs.logits, atol=1e-3, rtol=1e-3)
            assert replace(mine, logits=theirs.logits, points=None) == replace(theirs, points=None)
            if mine.points is not None and theirs.points is not None:
                assert torch.equal(mine.points.xy, theirs.points.xy)

    def test_chunks_and_company_change_nothing(self) -> None:
        images = [noise(40, 56, 1), noise(90, 64, 2), noise(64, 64, 3)]
        found = [boxed(*BOXES), Detections.empty(), boxed((0, 0, 64, 64), (5, 5, 40, 60))]
        part = OfficialSam(model=self.model, point_sampler=TopLogits(3), chunk_size=2)
        for masks, image, detections in zip(part(images, found), images, found, strict=True):
            [alone] = OfficialSam(model=self.model, point_sampler=TopLogits(3))(
                [image], [detections]
            )
            torch.testing.assert_close(masks.logits, alone.logits, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, 0.02), (torch.bfloat16, 0.1)])
    def test_reduced_precision_stays_close(
        self, weights: dict[str, Tensor], dtype: torch.dtype, limit: float
    ) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50), (10, 20, 40, 59))
        [full] = OfficialSam(model=self.model, point_sampler=None)([image], [found])
        part = OfficialSam(model=official_sam_of(weights), point_sampler=TopLogits(3)).to(dtype)
        [masks] = part([image], [found])
        assert masks.logits.dtype == torch.float32
        assert masks.logits.isfinite().all()
        [first] = part.with_points(None)([image], [found])
        assert ((first.logits > 0) != (full.logits > 0)).float().mean() < limit


class TestCheckpoints:
    def test_a_file_of_the_authors_is_read(
        self, weights: dict[str, Tensor], tmp_path: Path
    ) -> None:
        extra = {"pixel_mean": torch.zeros(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)}
        torch.save({**weights, **extra}, tmp_path / "a.pth")
        image, found = noise(60, 80), boxed((5, 5, 50, 50))
        [read] = OfficialSam.from_pretrained(tmp_path / "a.pth")([image], [found])
        [given] = OfficialSam(model=official_sam_of(weights))([image], [found])
        torch.testing.assert_close(read.logits, given.logits)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"mask_decoder.hf_token.weight": torch.ones(1, 32)}, "load them with SamHq"),
            ({"image_encoder.extra": torch.ones(1)}, "image_encoder.extra"),
            ({"mask_decoder.iou_token.weight": torch.ones(1, 9)}, "shape of .*iou_token"),
        ],
    )
    def test_what_does_not_fit_is_named(
        self,
        weights: dict[str, Tensor],
        tmp_path: Path,
        change: dict[str, Tensor],
        complaint: str,
    ) -> None:
        torch.save({**weights, **change}, tmp_path / "a.pth")
        with pytest.raises(CheckpointError, match=rf"(?s)a\.pth': .*{complaint}"):
            OfficialSam.from_pretrained(tmp_path / "a.pth")

    def test_a_missing_key_is_named(self, weights: dict[str, Tensor], tmp_path: Path) -> None:
        key = "mask_decoder.mask_tokens.weight"
        torch.save({k: v for k, v in weights.items() if k != key}, tmp_path / "a.pth")
        with pytest.raises(CheckpointError, match=rf"missing: {key}"):
            OfficialSam.from_pretrained(tmp_path / "a.pth")

    def test_a_missing_file_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointNotFound, match="OfficialSam needs the checkpoint"):
            OfficialSam.from_pretrained(tmp_path / "sam_vit_b_01ec64.pth")

    def test_a_missing_package_is_named(
        self, weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch.save(weights, tmp_path / "a.pth")
        for module in [name for name in sys.modules if name.startswith("segment_anything")]:
            monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ZerosegError, match=r'pip install "zeroseg\[official\]"'):
            OfficialSam.from_pretrained(tmp_path / "a.pth")


def authors_network(sam: Sam) -> nn.Module:
    """The weights of "tiny:sam" in the authors' code; it has no relative positions."""
    vision, decoder = sam.model.config.vision_config, sam.model.config.mask_decoder_config
    c, cells = vision.output_channels, vision.image_size // vision.patch_size
    network = AuthorsSam(
        ImageEncoderViT(
            vision.image_size,
            vision.patch_size,
            embed_dim=vision.hidden_size,
            depth=vision.num_hidden_layers,
            num_heads=vision.num_attention_heads,
            mlp_ratio=vision.mlp_dim / vision.hidden_size,
            out_chans=c,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            window_size=vision.window_size,
            global_attn_indexes=tuple(vision.global_attn_indexes),
        ),
        PromptEncoder(c, (cells, cells), (vision.image_size, vision.image_size), 8),
        MaskDecoder(
            transformer_dim=c,
            transformer=TwoWayTransformer(2, c, decoder.num_attention_heads, decoder.mlp_dim),
            iou_head_hidden_dim=decoder.iou_head_hidden_dim,
        ),
    )
    ours = sam.model.state_dict()
    names = origins(network.state_dict(), RENAMES)
    network.load_state_dict({key: ours[name] for name, key in names.items()})
    return network


def test_trained_weights_segment_the_same_things() -> None:
    scene = draw_scene(3, 7, (96, 128))
    image = torch.as_tensor(scene.image).permute(2, 0, 1)
    ours = Sam.from_pretrained("tiny:sam")
    official = OfficialSam(model=authors_network(ours))
    found = boxed(*[region.box for region in scene.regions][:5])
    [mine], [theirs] = ours([image], [found]), official([image], [found])
    both = (mine.full() > 0) & (theirs.full() > 0)
    either = (mine.full() > 0) | (theirs.full() > 0)
    assert (both.sum((1, 2)) / either.sum((1, 2))).min() > 0.95
