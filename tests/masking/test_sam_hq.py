from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import SamHQModel, SamHQProcessor, SamImageProcessor

from zeroseg.errors import CheckpointNotFound
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.points import TopLogits
from zeroseg.masking.sam_hq import SamHq
from zeroseg.testing import MaskPredictorContract, boxed, noise
from zeroseg.values import Detections

BOXES = ((10, 8, 70, 50), (40.5, 3.25, 119, 79), (0, 0, 20, 20))


class TestSamHq(MaskPredictorContract):
    @pytest.fixture(autouse=True)
    def _networks(self, sam_hq_model: SamHQModel, processor: SamImageProcessor) -> None:
        self.model, self.processor = sam_hq_model, processor

    def part(self) -> MaskPredictor:
        return SamHq(model=self.model, image_processor=self.processor)

    def test_both_passes_are_the_stock_model(self) -> None:
        image = noise(90, 130)
        [masks] = SamHq(
            model=self.model, image_processor=self.processor, point_sampler=TopLogits(5)
        )([image], [boxed(*BOXES)])
        assert masks.points is not None
        inputs = SamHQProcessor(self.processor)(
            images=image.permute(1, 2, 0).numpy(),
            input_boxes=[[list(map(float, box)) for box in BOXES]],
            input_points=[masks.points.xy.tolist()],
            input_labels=[masks.points.labels.tolist()],
            return_tensors="pt",
        )
        prompts = {k: v.float() if v.is_floating_point() else v for k, v in inputs.items()}
        del prompts["original_sizes"], prompts["reshaped_input_sizes"]
        with torch.no_grad():
            outputs = self.model(**prompts, multimask_output=False)
        torch.testing.assert_close(masks.logits, outputs.pred_masks[0, :, 0], atol=1e-4, rtol=1e-4)

    def test_mask_is_the_sum_of_sams_and_the_high_quality_one(self) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50), (10, 20, 40, 59))
        part = SamHq(model=self.model, image_processor=self.processor, point_sampler=None)
        [masks] = part([image], [found])
        pixels = part._pixels([image], torch.device("cpu"))
        boxes = found.boxes[None] * 64 / 60
        with torch.no_grad():
            high = self.model(
                pixel_values=pixels, input_boxes=boxes, multimask_output=False, hq_token_only=True
            ).pred_masks[0, :, 0]
            decoder = self.model.mask_decoder
            kept = (
                decoder.hq_mask_mlp.proj_out.weight.clone(),
                decoder.hq_mask_mlp.proj_out.bias.clone(),
            )
            decoder.hq_mask_mlp.proj_out.weight.zero_()
            decoder.hq_mask_mlp.proj_out.bias.zero_()
            plain = self.model(pixel_values=pixels, input_boxes=boxes, multimask_output=False)
            decoder.hq_mask_mlp.proj_out.weight.copy_(kept[0])
            decoder.hq_mask_mlp.proj_out.bias.copy_(kept[1])
        assert high.std() > 0.05
        torch.testing.assert_close(
            masks.logits, plain.pred_masks[0, :, 0] + high, atol=1e-4, rtol=1e-4
        )

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
            SamHq(tmp_path / "nowhere")
