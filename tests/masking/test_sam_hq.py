from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import SamHQModel, SamImageProcessor

from benchmarks.parity_sam import RestatedHq, seeded_weights
from zeroseg.errors import CheckpointNotFound
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.points import TopLogits
from zeroseg.masking.sam_hq import SamHq
from zeroseg.testing import MaskPredictorContract, boxed, noise
from zeroseg.values import Detections, Points
from zeroseg.weights.official.sam_checkpoint import SamSizes
from zeroseg.weights.official.sam_hq_checkpoint import sam_hq_of

BOXES = ((10, 8, 70, 50), (40.5, 3.25, 119, 79), (0, 0, 20, 20))


class TestSamHq(MaskPredictorContract):
    @pytest.fixture(autouse=True)
    def _networks(self, sam_hq_model: SamHQModel, processor: SamImageProcessor) -> None:
        self.model, self.processor = copy.deepcopy(sam_hq_model), processor

    def part(self) -> MaskPredictor:
        return SamHq(model=self.model, image_processor=self.processor)

    def test_both_passes_are_the_published_ones(self) -> None:
        sizes = SamSizes(
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
        weights = seeded_weights(sizes, high_quality=True)
        model, processor = sam_hq_of(weights)
        image, found = noise(90, 130), boxed(*BOXES)
        part = SamHq(model=model, image_processor=processor, point_sampler=TopLogits(5))
        [masks] = part([image], [found])
        published = RestatedHq(sizes, weights)
        with torch.no_grad():
            features = published.embed(part._pixels([image], torch.device("cpu")))
            scale = torch.tensor([64 / 130, 44 / 90])
            boxes = found.boxes * scale.repeat(2)
            first = replace(masks, logits=published.decode(features, boxes, None), points=None)
            points = TopLogits(5)(found, first)
            framed = Points(points.xy * scale, points.labels)
            second = published.decode(features, boxes, framed)
        assert masks.points is not None
        torch.testing.assert_close(masks.points.xy, points.xy)
        torch.testing.assert_close(masks.logits, second, atol=1e-3, rtol=1e-3)

    def test_mask_is_the_sum_of_sams_and_the_high_quality_one(self) -> None:
        model = copy.deepcopy(self.model)
        part = SamHq(model=model, image_processor=self.processor, point_sampler=None)
        image, found = noise(60, 60), boxed((5, 5, 50, 50), (10, 20, 40, 59))

        def silenced(head: nn.Module) -> Tensor:
            kept = copy.deepcopy(head.state_dict())
            head.load_state_dict({key: torch.zeros_like(value) for key, value in kept.items()})
            [masks] = part([image], [found])
            head.load_state_dict(kept)
            return masks.logits

        high = silenced(model.mask_decoder.output_hypernetworks_mlps[0])
        plain = silenced(model.mask_decoder.hq_mask_mlp)
        [masks] = part([image], [found])
        assert high.std() > 0.05 and plain.std() > 0.05
        torch.testing.assert_close(masks.logits, plain + high, atol=1e-4, rtol=1e-4)

    def test_batch_equals_singles_across_chunks(self) -> None:
        part = SamHq(
            model=self.model,
            image_processor=self.processor,
            point_sampler=TopLogits(3),
            chunk_size=2,
        )
        images = [noise(40, 56, 1), noise(90, 64, 2), noise(64, 64, 3)]
        found = [
            boxed((4, 4, 30, 30), (10, 8, 50, 36), (1, 2, 9, 9)),
            Detections.empty(),
            boxed((0, 0, 64, 64), (5, 5, 40, 60)),
        ]
        for masks, image, detections in zip(part(images, found), images, found, strict=True):
            [alone] = part([image], [detections])
            torch.testing.assert_close(masks.logits, alone.logits, atol=1e-4, rtol=1e-4)

    def test_missing_weights_say_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointNotFound, match="SamHq needs the checkpoint"):
            SamHq.from_pretrained(tmp_path / "nowhere")
