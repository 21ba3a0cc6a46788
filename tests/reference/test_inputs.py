"""What networks are given: bit for bit what PIL makes of a picture, by the published sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.parity_sam import seeded_weights
from tests.weights.official.sam_parts import SMALL
from zeroseg import GroundingDino, Selection
from zeroseg.reference import (
    ReferenceBlip2,
    ReferenceGroundingDino,
    ReferenceRamPlus,
    ReferenceSamHq,
)
from zeroseg.reference.input_size import reference_size
from zeroseg.reference.resizing import resized
from zeroseg.testing import (
    CaptionerContract,
    DetectorContract,
    MaskPredictorContract,
    TaggerContract,
    noise,
)
from zeroseg.values import UNRESOLVED
from zeroseg.weights.official.sam_hq_checkpoint import sam_hq_of

PICTURE = noise(90, 120)


def sam_hq() -> ReferenceSamHq:
    model, processor = sam_hq_of(seeded_weights(SMALL, high_quality=True))
    return ReferenceSamHq(model=model, image_processor=processor)


def by_pil(image: Tensor, size: tuple[int, int], by: Image.Resampling) -> Tensor:
    picture = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(size[::-1], by)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (2000, 1000, (666, 1332)),
        (1200, 300, (333, 1332)),
        (2048, 1024, (666, 1332)),
        (1000, 2000, (1332, 666)),
        (640, 480, (800, 1066)),
        (500, 375, (800, 1066)),
        (300, 300, (800, 800)),
    ],
)
def test_sizes_are_cut_off_as_published(width: int, height: int, expected: tuple[int, int]) -> None:
    assert reference_size(height, width, 800, 1333) == expected


@pytest.mark.parametrize("by", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("size", [(64, 64), (200, 31), (90, 120)])
def test_pixels_are_those_of_pil(size: tuple[int, int], by: Image.Resampling) -> None:
    made = resized(PICTURE, size, by)
    assert made.dtype == torch.uint8
    assert torch.equal(made, by_pil(PICTURE, size, by))


def normalised(pixels: Tensor, processor: Any) -> Tensor:
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (processor.image_mean, processor.image_std)
    )
    return (pixels.float() / 255 - mean) / std


@pytest.mark.parametrize("fixed", [True, False])
def test_the_detector_sees_what_pil_makes(fixed: bool) -> None:
    part = ReferenceGroundingDino.from_pretrained("tiny:grounding_dino")
    processor = part.processor.image_processor
    wide, size = noise(100, 260), (160, 160)
    if not fixed:
        processor.size = {"shortest_edge": 160, "longest_edge": 267}
        size = (103, 267)
    [pixels] = part._prepare([wide])
    expected = normalised(by_pil(wide, size, Image.Resampling.BILINEAR), processor)
    torch.testing.assert_close(pixels, expected, atol=1e-5, rtol=0)


def test_the_tagger_sees_what_pil_makes() -> None:
    part = ReferenceRamPlus.from_pretrained("tiny:ram_plus")
    side = part.model.config.image_size
    squashed = part._squash(PICTURE, side)
    assert torch.equal(squashed, by_pil(PICTURE, (side, side), Image.Resampling.BILINEAR).float())


def test_the_captioner_sees_what_pil_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    part = ReferenceBlip2.from_pretrained("tiny:blip2")
    seen: list[Tensor] = []
    generate = part.model.generate

    def listening(**inputs: Any) -> Any:
        seen.append(inputs["pixel_values"])
        return generate(**inputs)

    monkeypatch.setattr(part.model, "generate", listening)
    part([PICTURE])
    processor = part.processor.image_processor
    size = (processor.size["height"], processor.size["width"])
    expected = normalised(by_pil(PICTURE, size, Image.Resampling.BICUBIC), processor)
    torch.testing.assert_close(seen[0][0], expected, atol=1e-5, rtol=0)


def test_the_mask_predictor_sees_what_pil_makes() -> None:
    part = sam_hq()
    side = part.image_processor.size["longest_edge"]
    [pixels] = part._pixels([PICTURE], torch.device("cpu"))
    height = int(90 * side / 120 + 0.5)
    shown = by_pil(PICTURE, (height, side), Image.Resampling.BILINEAR)
    expected = normalised(shown, part.image_processor)
    torch.testing.assert_close(pixels[:, :height], expected, atol=1e-5, rtol=0)
    assert not pixels[:, height:].any()


def test_a_region_without_a_word_over_the_threshold_has_the_empty_phrase() -> None:
    options: dict[str, Any] = {"box_threshold": 0.01, "text_threshold": 1.0, "decoding": "phrases"}
    asked = [Selection(("dog", "boat"), (0, 1))]
    [best] = GroundingDino.from_pretrained("tiny:grounding_dino", **options)([PICTURE], asked)
    [found] = ReferenceGroundingDino.from_pretrained("tiny:grounding_dino", **options)(
        [PICTURE], asked
    )
    assert len(found) and set(found.phrases) == {""}
    assert set(found.labels.tolist()) == {UNRESOLVED}
    assert len(best) and all(best.phrases)


class TestReferenceRamPlus(TaggerContract):
    def part(self) -> ReferenceRamPlus:
        return ReferenceRamPlus.from_pretrained("tiny:ram_plus")


class TestReferenceBlip2(CaptionerContract):
    def part(self) -> ReferenceBlip2:
        return ReferenceBlip2.from_pretrained("tiny:blip2")


class TestReferenceGroundingDino(DetectorContract):
    def part(self) -> ReferenceGroundingDino:
        return ReferenceGroundingDino.from_pretrained("tiny:grounding_dino")


class TestReferenceSamHq(MaskPredictorContract):
    def part(self) -> ReferenceSamHq:
        return sam_hq()
