"""SAM 2 and EdgeTAM, which have the same prompts and decoder."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from transformers import (
    EdgeTamModel,
    EdgeTamVideoConfig,
    EdgeTamVideoModel,
    Sam2ImageProcessor,
    Sam2Model,
    Sam2Processor,
    Sam2VideoConfig,
    Sam2VideoModel,
)

from tests.masking.conftest import SIDE, SMALL_VIDEO, edgetam_vision, sam2_vision
from zeroseg.errors import CheckpointError, CheckpointNotFound, PackageNotFound
from zeroseg.masking import edgetam
from zeroseg.masking.edgetam import EdgeTam
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.masking.points import SpreadPoints, TopLogits
from zeroseg.masking.sam2 import Sam2, SquashedMasks
from zeroseg.testing import MaskPredictorContract, boxed, noise
from zeroseg.values import Detections, Masks
from zeroseg.weights.needs import Checkpoint, Package

BOXES = ((10, 8, 70, 50), (40.5, 3.25, 119, 79), (0, 0, 20, 20))


class TestSam2(MaskPredictorContract):
    kind: type[SquashedMasks] = Sam2

    @pytest.fixture(autouse=True)
    def _networks(self, sam2_model: Sam2Model, squashing: Sam2ImageProcessor) -> None:
        self.model: Any = sam2_model
        self.processor = squashing

    def part(self, **options: Any) -> MaskPredictor:
        return self.kind(model=self.model, image_processor=self.processor, **options)

    def stock(self, image: Tensor, masks: Masks) -> tuple[Tensor, Tensor]:
        """Logits, and full-size masks, as transformers' own processor and model give them."""
        points = masks.points
        inputs = Sam2Processor(self.processor)(
            images=image.permute(1, 2, 0).numpy(),
            input_boxes=[[list(map(float, box)) for box in BOXES]],
            input_points=[points.xy.tolist()] if points is not None else None,
            input_labels=[points.labels.tolist()] if points is not None else None,
            return_tensors="pt",
        )
        sizes = inputs.pop("original_sizes")
        with torch.no_grad():
            low = self.model(**inputs, multimask_output=False).pred_masks
        full = self.processor.post_process_masks(low, sizes, binarize=False)
        return low[0, :, 0], full[0][:, 0]

    @pytest.mark.parametrize("points", [None, TopLogits(6)])
    @pytest.mark.parametrize("size", [(90, 130), (131, 97)])
    def test_masks_are_those_of_the_stock_model(
        self, size: tuple[int, int], points: TopLogits | None
    ) -> None:
        image = noise(*size)
        [masks] = self.part(point_sampler=points)([image], [boxed(*BOXES)])
        low, full = self.stock(image, masks)
        assert (masks.points is None) == (points is None)
        assert low.std() > 0.1
        torch.testing.assert_close(masks.logits, low, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(masks.full(), full, atol=1e-4, rtol=1e-4)

    def test_points_of_the_second_pass_are_the_samplers(self) -> None:
        image = noise(130, 90)
        [first] = self.part(point_sampler=None)([image], [boxed(*BOXES)])
        [second] = self.part(point_sampler=TopLogits(6))([image], [boxed(*BOXES)])
        assert second.points is not None
        torch.testing.assert_close(second.points.xy, TopLogits(6)(boxed(*BOXES), first).xy)
        assert not torch.allclose(second.logits, first.logits, atol=1e-2)

    def test_an_unstable_mask_gives_way_to_the_best_alternative(self) -> None:
        image, decoder = noise(90, 130), self.model.mask_decoder
        stable = decoder.dynamic_multimask_stability_thresh
        results = []
        for threshold in (0.0, 1.1):
            decoder.dynamic_multimask_stability_thresh = threshold
            [masks] = self.part(point_sampler=None)([image], [boxed(*BOXES)])
            torch.testing.assert_close(masks.logits, self.stock(image, masks)[0])
            results.append(masks.logits)
        decoder.dynamic_multimask_stability_thresh = stable
        assert not torch.allclose(*results, atol=1e-2)

    @pytest.mark.parametrize("sampler", [None, TopLogits(4), SpreadPoints(4)])
    def test_batch_of_many_sizes_and_counts_equals_singles(self, sampler: Any) -> None:
        part = self.part(point_sampler=sampler, chunk_size=2)
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

    def test_reduced_precision_stays_close(self) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50), (10, 20, 40, 59))
        self.model = copy.deepcopy(self.model)
        self.model.mask_decoder.dynamic_multimask_stability_thresh = 0.0  # else choices may flip
        [full] = self.part(point_sampler=None)([image], [found])
        for dtype, limit in ((torch.float16, 0.05), (torch.bfloat16, 0.15)):
            part = self.kind(copy.deepcopy(self.model), self.processor, TopLogits(3)).to(dtype)
            [masks] = part([image], [found])
            assert masks.logits.dtype == torch.float32 and masks.logits.isfinite().all()
            part.point_sampler = None
            [once] = part([image], [found])
            assert ((once.logits > 0) != (full.logits > 0)).float().mean() < limit

    def test_saved_weights_load_by_path_in_single_precision(self, tmp_path: Path) -> None:
        image, found = noise(60, 60), boxed((5, 5, 50, 50))
        [before] = self.part()([image], [found])
        self.model.save_pretrained(tmp_path)
        self.processor.save_pretrained(tmp_path)
        part = self.kind.from_pretrained(tmp_path)
        assert next(part.parameters()).dtype == torch.float32
        [after] = part([image], [found])
        torch.testing.assert_close(after.logits, before.logits, atol=1e-4, rtol=1e-4)

    def video(self) -> Any:
        return Sam2VideoModel(Sam2VideoConfig(vision_config=sam2_vision(), **SMALL_VIDEO))

    def test_of_a_checkpoint_for_videos_the_part_for_pictures_is_read(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The hub's checkpoints are such ones."""
        torch.manual_seed(0)
        self.video().save_pretrained(tmp_path)
        self.processor.save_pretrained(tmp_path)
        part = self.kind.from_pretrained(tmp_path)
        stored = self.video().from_pretrained(tmp_path).state_dict()
        own = part.model.state_dict()
        assert len(own) > 100 and set(own) <= set(stored)
        assert all(torch.equal(value, stored[name]) for name, value in own.items())
        assert "You are using a model of type" not in "".join(capfd.readouterr())

    def test_missing_weights_say_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointNotFound, match=f"{self.kind.__name__} needs the checkpoint"):
            self.kind.from_pretrained(tmp_path / "nowhere")

    def test_a_frame_that_is_no_square_is_refused(self) -> None:
        oblong = Sam2ImageProcessor(size={"height": SIDE, "width": 2 * SIDE})
        with pytest.raises(CheckpointError, match="64 x 128"):
            self.kind(self.model, oblong)


class TestEdgeTam(TestSam2):
    kind = EdgeTam

    @pytest.fixture(autouse=True)
    def _networks(self, edgetam_model: EdgeTamModel, squashing: Sam2ImageProcessor) -> None:
        self.model, self.processor = edgetam_model, squashing

    def video(self) -> Any:
        return EdgeTamVideoModel(EdgeTamVideoConfig(vision_config=edgetam_vision(), **SMALL_VIDEO))

    def test_without_timm_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(edgetam, "find_spec", lambda name: None)
        with pytest.raises(PackageNotFound, match=r'pip install "zeroseg\[timm\]"'):
            EdgeTam.from_pretrained()


def test_edgetam_says_which_transformers_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers, "__version__", "5.19.2")
    with pytest.raises(PackageNotFound, match=r"transformers 5\.20.*\(5\.19\.2 is, .*timm\]"):
        EdgeTam.from_pretrained()


def test_what_each_needs_is_known() -> None:
    weights = Checkpoint("a/b", ("network", "pictures"))
    assert list(Sam2.needs({"checkpoint": "a/b"})) == [weights]
    assert list(EdgeTam.needs({"checkpoint": "a/b"})) == [Package("timm", "zeroseg[timm]"), weights]
