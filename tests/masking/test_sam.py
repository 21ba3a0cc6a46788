from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from transformers import SamImageProcessor, SamModel, SamProcessor

from zeroseg.errors import CheckpointNotFound
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import QueryCentres, SpreadPoints, TopLogits
from zeroseg.masking.sam import Sam
from zeroseg.testing import MaskPredictorContract, boxed, noise
from zeroseg.values import Detections, Masks, Points

BOXES = ((10, 8, 70, 50), (40.5, 3.25, 119, 79), (0, 0, 20, 20))


class CornerPoints(PointSampler):
    """As many points as the image has boxes, all of them inside: K differs between images."""

    def forward(self, detections: Detections, masks: Masks) -> Points:
        n = len(detections)
        xy = detections.boxes[:, None, :2].repeat(1, n, 1) + torch.arange(n)[:, None]
        return Points(xy, torch.ones(n, n, dtype=torch.int64))


class TestSam(MaskPredictorContract):
    @pytest.fixture(autouse=True)
    def _networks(self, sam_model: SamModel, processor: SamImageProcessor) -> None:
        self.library, self.processor = sam_model, processor
        self.model = copy.deepcopy(sam_model)  # a predictor changes its encoder's attention

    def part(self) -> MaskPredictor:
        return Sam(model=self.model, image_processor=self.processor)

    def stock(self, image: Tensor, masks: Masks | None) -> tuple[Tensor, Tensor]:
        """Logits, and full-size masks, as transformers' own processor and model give them."""
        processor = SamProcessor(self.processor)
        points = masks.points if masks is not None else None
        inputs = processor(
            images=image.permute(1, 2, 0).numpy(),
            input_boxes=[[list(map(float, box)) for box in BOXES]],
            input_points=[points.xy.tolist()] if points is not None else None,
            input_labels=[points.labels.tolist()] if points is not None else None,
            return_tensors="pt",
        )
        sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        inputs = {k: v.float() if v.is_floating_point() else v for k, v in inputs.items()}
        with torch.no_grad():
            low = self.library(**inputs, multimask_output=False).pred_masks
        full = self.processor.post_process_masks(low, *sizes, binarize=False)
        return low[0, :, 0], full[0][:, 0]

    def test_one_pass_is_the_stock_model(self) -> None:
        image = noise(90, 130)
        [masks] = Sam(model=self.model, image_processor=self.processor, point_sampler=None)(
            [image], [boxed(*BOXES)]
        )
        low, full = self.stock(image, None)
        assert masks.points is None
        assert low.std() > 0.1
        torch.testing.assert_close(masks.logits, low, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(masks.full(), full, atol=1e-4, rtol=1e-4)

    def test_second_pass_is_the_stock_model_with_the_samplers_points(self) -> None:
        image = noise(130, 90)
        [first] = Sam(model=self.model, image_processor=self.processor, point_sampler=None)(
            [image], [boxed(*BOXES)]
        )
        [second] = Sam(
            model=self.model, image_processor=self.processor, point_sampler=TopLogits(6)
        )([image], [boxed(*BOXES)])
        assert second.points is not None
        expected = TopLogits(6)(boxed(*BOXES), first)
        torch.testing.assert_close(second.points.xy, expected.xy)
        low, full = self.stock(image, second)
        torch.testing.assert_close(second.logits, low, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(second.full(), full, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(second.logits, first.logits, atol=1e-2)

    @pytest.mark.parametrize("sampler", [None, TopLogits(4), SpreadPoints(4), CornerPoints()])
    def test_batch_of_many_sizes_and_counts_equals_singles(
        self, sampler: PointSampler | None
    ) -> None:
        part = Sam(
            model=self.model, image_processor=self.processor, point_sampler=sampler, chunk_size=2
        )
        images = [noise(40, 56, 1), noise(90, 64, 2), noise(64, 64, 3), noise(20, 200, 4)]
        found = [
            boxed((4, 4, 30, 30), (10, 8, 50, 36), (1, 2, 9, 9)),
            Detections.empty(),
            boxed((0, 0, 64, 64)),
            boxed((3, 3, 150, 18), (60, 1, 90, 20)),
        ]
        for masks, image, detections in zip(part(images, found), images, found, strict=True):
            [alone] = part([image], [detections])
            torch.testing.assert_close(masks.logits, alone.logits, atol=1e-4, rtol=1e-4)
            assert masks.full().shape == (len(detections), *image.shape[1:])

    def test_chunks_change_nothing(self) -> None:
        image, found = noise(60, 60), boxed(*((i, i, 30 + 2 * i, 40 + i) for i in range(11)))
        whole, chunked = (
            Sam(
                model=self.model,
                image_processor=self.processor,
                point_sampler=TopLogits(3),
                chunk_size=size,
            )([image], [found])
            for size in (64, 3)
        )
        torch.testing.assert_close(whole[0].logits, chunked[0].logits, atol=1e-4, rtol=1e-4)

    def test_images_without_boxes_are_not_embedded(self) -> None:
        part = Sam(model=self.model, image_processor=self.processor)
        seen = []
        hook = self.model.vision_encoder.register_forward_pre_hook(
            lambda module, args: seen.append(len(args[0]))
        )
        part([noise(seed=1), noise(seed=2)], [Detections.empty(), boxed((1, 1, 20, 20))])
        part([noise()], [Detections.empty()])
        hook.remove()
        assert seen == [1]

    def test_reduced_precision_stays_close(self) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50), (10, 20, 40, 59))
        full = Sam(model=self.model, image_processor=self.processor, point_sampler=None)(
            [image], [found]
        )[0].logits
        for dtype, limit in ((torch.float16, 0.02), (torch.bfloat16, 0.1)):
            model = copy.deepcopy(self.model)
            part = Sam(model=model, image_processor=self.processor, point_sampler=TopLogits(3)).to(
                dtype
            )
            [masks] = part([image], [found])
            assert masks.logits.dtype == torch.float32
            assert masks.logits.isfinite().all()
            part.point_sampler = None
            share = ((part([image], [found])[0].logits > 0) != (full > 0)).float().mean()
            assert share < limit

    def test_detector_queries_reach_their_sampler(self) -> None:
        part = Sam(model=self.model, image_processor=self.processor, point_sampler=QueryCentres(2))
        with pytest.raises(ValueError, match="keeps its queries"):
            part([noise()], [boxed((1, 1, 20, 20))])

    def test_saved_weights_load_by_path_in_single_precision(self, tmp_path: Path) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50))
        before = Sam(model=self.model, image_processor=self.processor)([image], [found])[0].logits
        self.model.save_pretrained(tmp_path)
        self.processor.save_pretrained(tmp_path)
        part = Sam.from_pretrained(tmp_path)
        assert next(part.parameters()).dtype == torch.float32
        torch.testing.assert_close(part([image], [found])[0].logits, before)

    def test_missing_weights_say_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointNotFound, match="Sam needs the checkpoint"):
            Sam.from_pretrained(tmp_path / "nowhere")

    def test_empty_chunks_are_refused(self) -> None:
        with pytest.raises(ValueError, match="chunk_size is 0"):
            Sam(model=self.model, image_processor=self.processor, chunk_size=0)


class LargestTensor(TorchFunctionMode):
    """Watches how many bytes the largest tensor has that is made within it."""

    size = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, Tensor):
                self.size = max(self.size, value.numel() * value.element_size())
        return out


@pytest.mark.parametrize("sampler", [TopLogits(20), SpreadPoints(20)])
def test_memory_does_not_grow_with_the_boxes(
    sam_model: SamModel, processor: SamImageProcessor, sampler: PointSampler
) -> None:
    part = Sam(model=copy.deepcopy(sam_model), image_processor=processor, point_sampler=sampler)
    image, boxes = noise(1024, 2048), [(i, i, i + 300, i + 200) for i in range(300)]
    with LargestTensor() as few:
        part([image], [boxed(*boxes[:20])])
    with LargestTensor() as many:
        [masks] = part([image], [boxed(*boxes)])
    assert len(masks) == 300
    assert few.size == many.size  # the image itself; 300 full-size masks are a hundred times that
