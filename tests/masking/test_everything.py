"""Masks of everything: the stock pipeline without filters, and each filter by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import MaskGenerationPipeline, SamImageProcessor, SamModel

from tests.masking.test_sam import LargestTensor
from zeroseg.drawn.scene import draw_scene
from zeroseg.errors import CheckpointNotFound
from zeroseg.masking.everything import EverythingMasks
from zeroseg.masking.mask_proposer import Proposals
from zeroseg.masking.sam import Sam
from zeroseg.testing import noise
from zeroseg.values import Detections, Masks

ALL = {"iou_threshold": -9.0, "stability_threshold": 0.0, "nms_threshold": 1.0}
"""Options that let every mask through that is not empty."""


class Network:
    """SAM of the masking tests in front of options, so that tests name only what they vary."""

    def __init__(self, model: SamModel, processor: SamImageProcessor) -> None:
        self.model, self.processor = model, processor

    def __call__(self, **options: object) -> EverythingMasks:
        sam = Sam(self.model, self.processor)
        return EverythingMasks(sam, **{"points_per_side": 3, **ALL, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def everything(sam_model: SamModel, processor: SamImageProcessor) -> Network:
    return Network(sam_model, processor)


@pytest.mark.parametrize("size", [(64, 64), (60, 100), (100, 37)])
def test_without_filters_it_is_the_stock_pipeline(
    everything: Network, size: tuple[int, int]
) -> None:
    image = noise(*size, seed=3)
    [found] = everything(points_per_side=4, chunk_size=5)([image])
    stock = MaskGenerationPipeline(model=everything.model, image_processor=everything.processor)(
        Image.fromarray(image.permute(1, 2, 0).numpy()),
        points_per_crop=4,
        points_per_batch=7,
        pred_iou_thresh=0.0,
        stability_score_thresh=0.0,
        crops_nms_thresh=1.0,
    )
    # The pipeline counts an IoU below 0 and an empty mask as masks.
    theirs = [
        (float(score), mask)
        for score, mask in zip(stock["scores"], stock["masks"], strict=True)
        if np.asarray(mask).any()
    ]
    full = found.masks.full() > 0
    ours = [i for i in range(len(found)) if full[i].any()]
    assert len(ours) == len(theirs) > 10
    for i, (score, mask) in zip(ours, theirs, strict=True):
        assert found.scores[i] == pytest.approx(min(max(score, 0.0), 1.0), abs=1e-4)
        assert (full[i].numpy() != np.asarray(mask)).mean() < 1e-3


@pytest.mark.parametrize("sizes", [(), (0.3, 0.7)])
def test_batch_of_many_sizes_equals_singles(everything: Network, sizes: tuple[float, ...]) -> None:
    part = everything(box_sizes=sizes)
    images = [noise(40, 56, 1), noise(90, 64, 2), noise(1, 1, 3), noise(20, 200, 4)]
    for together, image in zip(part(images), images, strict=True):
        [alone] = part([image])
        assert len(alone) == len(together)
        torch.testing.assert_close(together.masks.logits, alone.masks.logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.boxes, alone.boxes)
        assert together.masks.full().shape == (len(together), *image.shape[1:])


def test_chunks_change_nothing(everything: Network) -> None:
    image = noise(60, 90)
    few, many = (everything(chunk_size=size)([image])[0] for size in (2, 64))
    torch.testing.assert_close(few.masks.logits, many.masks.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(few.areas, many.areas)


def test_no_image_has_no_mask(everything: Network) -> None:
    assert everything()([]) == []


def test_reduced_precision_stays_finite(everything: Network) -> None:
    copy = SamModel(everything.model.config)
    copy.load_state_dict(everything.model.state_dict())
    part = EverythingMasks(Sam(copy, everything.processor), **ALL).half()
    part.points_per_side = 2
    [found] = part([noise(50, 70)])
    assert found.masks.logits.dtype == torch.float32
    assert found.masks.logits.isfinite().all()


def test_memory_does_not_grow_with_the_grid(everything: Network) -> None:
    image = noise(300, 200)
    largest = []
    for points in (4, 12):
        with LargestTensor() as watched:
            found = everything(points_per_side=points, chunk_size=4, nms_threshold=0.5)([image])
        survivors = found[0].masks.logits
        largest.append((watched.size, survivors.numel() * survivors.element_size()))
    (few, _), (many, kept) = largest
    assert many <= max(few, kept)


class Painted(EverythingMasks):
    """Decodes prompt i to the rectangle that it is told, in 32 x 32 logits."""

    def paint(self, *masks: tuple[tuple[int, int, int, int], float, float]) -> None:
        """Rectangles x1 y1 x2 y2 in cells, the logit inside, and the predicted IoU."""
        self.painted = masks

    def _decode(self, embedding: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        every = self._prompts(self._frame).tolist()
        logits = torch.full((len(prompts), 3, 32, 32), -9.0)
        scores = torch.zeros(len(prompts), 3)
        for row, prompt in enumerate(prompts.tolist()):
            number = every.index(prompt)
            if number < len(self.painted):
                (x1, y1, x2, y2), logit, scores[row, 1] = self.painted[number]
                logits[row, 1, y1:y2, x1:x2] = logit
        return logits, scores

    def _propose(self, embedding: Tensor, frame: Masks) -> Proposals:
        self._frame = frame
        return super()._propose(embedding, frame)


@pytest.fixture
def painted(everything: Network) -> Painted:
    return Painted(Sam(everything.model, everything.processor), points_per_side=3)


def test_only_sure_stable_and_different_masks_are_kept(painted: Painted) -> None:
    painted.paint(
        ((0, 0, 16, 16), 5.0, 0.95),
        ((0, 0, 16, 14), 5.0, 0.97),  # about the same box, and better: takes the first's place
        ((18, 18, 30, 30), 5.0, 0.88),  # not sure enough
        ((18, 0, 30, 12), 0.5, 0.99),  # gone when the threshold is raised by one
        ((4, 4, 12, 12), 5.0, 0.90),  # within another one, but with a box of its own
        ((0, 0, 0, 0), 5.0, 0.99),  # nothing at all
    )
    [found] = painted([noise(64, 64)])
    assert found.scores.tolist() == pytest.approx([0.97, 0.90])
    assert found.boxes.tolist() == [[0, 0, 32, 28], [8, 8, 24, 24]]
    assert found.areas.tolist() == [32 * 28, 16 * 16]
    assert [int((m > 0).sum()) for m in found.masks.logits] == [16 * 14, 8 * 8]


def test_stability_is_asked_for_at_its_offset(painted: Painted) -> None:
    painted.paint(((0, 0, 16, 16), 0.5, 0.9), ((0, 16, 16, 32), 5.0, 0.95))
    painted.stability_offset = 0.4
    [found] = painted([noise(64, 64)])
    assert len(found) == 2
    painted.stability_offset = 0.6
    assert len(painted([noise(64, 64)])[0]) == 1
    painted.stability_threshold = 0.0
    assert len(painted([noise(64, 64)])[0]) == 2


def test_boxes_and_areas_are_in_pixels_of_the_image(painted: Painted) -> None:
    painted.paint(((8, 0, 32, 32), 5.0, 0.95))  # the picture fills the frame's upper half
    [found] = painted([noise(100, 200)])
    assert found.boxes.tolist() == [[50, 0, 200, 100]]
    assert found.areas.tolist() == [150 * 100]


def test_a_mask_in_the_padding_is_nothing(painted: Painted) -> None:
    painted.paint(((0, 18, 32, 32), 5.0, 0.95))
    assert len(painted([noise(100, 200)])[0]) == 0


def test_points_are_the_centres_of_cells_and_squares_stand_around_them(
    everything: Network,
) -> None:
    [frame] = everything().sam([noise(32, 64)], [Detections.empty()])
    points = everything(points_per_side=2)._prompts(frame)
    assert points.tolist() == [[16, 8], [48, 8], [16, 24], [48, 24]]
    squares = everything(points_per_side=2, box_sizes=(0.25, 0.5))._prompts(frame)
    assert squares[:3].tolist() == [[8, 0, 24, 16], [0, 0, 32, 24], [40, 0, 56, 16]]


def test_the_tiny_network_finds_what_is_drawn_when_it_is_shown_squares() -> None:
    part = EverythingMasks.from_pretrained(
        "tiny:sam",
        points_per_side=8,
        iou_threshold=0.5,
        stability_threshold=0.6,
        box_sizes=(0.12, 0.25, 0.5, 0.9),
    )
    scenes = [draw_scene(7, number, (256, 256)) for number in (0, 3)]
    images = [torch.from_numpy(s.image).permute(2, 0, 1).contiguous() for s in scenes]
    best = []
    for scene, found in zip(scenes, part(images), strict=True):
        masks = found.masks.full() > 0
        assert masks.any(0).float().mean() > 0.85
        segments = torch.from_numpy(np.asarray(scene.segments))
        for number, region in enumerate(scene.regions):
            if region.thing and region.area > 300:
                truth = segments == number
                both, either = (masks & truth).sum((1, 2)), (masks | truth).sum((1, 2))
                best.append(float((both / either).max()))
    assert np.mean(best) > 0.65


@pytest.mark.parametrize("option", ["points_per_side", "chunk_size"])
def test_nothing_to_ask_is_refused(everything: Network, option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is 0"):
        everything(**{option: 0})


def test_missing_weights_say_what_to_do(tmp_path: object) -> None:
    with pytest.raises(CheckpointNotFound, match="needs the checkpoint"):
        EverythingMasks.from_pretrained(f"{tmp_path}/nowhere")
