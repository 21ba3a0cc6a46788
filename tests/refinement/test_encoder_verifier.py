"""Presence by an image-text encoder: parity, presence, dropping, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.encoders.encoder_parts import ENCODERS, LENGTH, SIDE, clip, siglip, tipsv2
from tests.refinement.presence_parts import thresholds
from zeroseg import Selection, Vocabulary
from zeroseg.errors import CalibrationError, CheckpointError
from zeroseg.refinement import AllClasses, EncoderVerifier
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector, VerifierContract, blank, noise
from zeroseg.values import DISTRACTOR, UNRESOLVED
from zeroseg.weights.offload import offload

CLASSES = Vocabulary.from_names(
    ["background", "dog", "boat", "sky"], words={"dog": ["hound", "puppy"]}
)
IMAGES = [noise(40, 56, 1), noise(56, 40, 2), blank(33, 33)]


def verifier(parts: Callable[[], tuple[Any, Any]] = clip, **options: Any) -> EncoderVerifier:
    torch.manual_seed(0)
    options.setdefault("thresholds", thresholds(VerifierContract.vocabulary))
    return EncoderVerifier(*parts(), **options)


class TestClipVerifier(VerifierContract):
    def part(self) -> EncoderVerifier:
        return verifier()


class TestSiglip2Verifier(VerifierContract):
    def part(self) -> EncoderVerifier:
        return verifier(siglip, drop_below=0.0)


class TestTipsv2Verifier(VerifierContract):
    def part(self) -> EncoderVerifier:
        return verifier(tipsv2, drop_below=0.2)


@pytest.mark.parametrize("kind", ENCODERS)
def test_scores_are_those_of_the_stock_network(kind: str) -> None:
    model, processor = ENCODERS[kind]()
    square = [F.interpolate(image[None].float(), (SIDE, SIDE))[0].byte() for image in IMAGES]
    words = ["dog", "hound", "puppy", "boat", "sky"]
    length = {"padding": "max_length", "max_length": LENGTH} if kind == "siglip" else {}
    inputs = processor(
        text=[f"a photo of a {word}." for word in words],
        images=square,
        return_tensors="pt",
        **{"padding": True, **length},
    )
    if kind == "siglip":  # which reads padding along
        inputs.pop("attention_mask", None)
    with torch.no_grad():
        output = model(**inputs)
    expected = output.image_embeds @ output.text_embeds.T
    found = EncoderVerifier(model, processor).scores(square, CLASSES)
    best = torch.stack([expected[:, :3].amax(1), expected[:, 3], expected[:, 4]], 1)
    torch.testing.assert_close(found, best, atol=2e-5, rtol=0)
    assert float(found.std(0).min()) > 1e-4


def test_the_edges_of_a_wide_picture_are_seen() -> None:
    wide = blank(32, 96)
    edge = wide.clone()
    edge[:, :, :16] = 255
    part = verifier()
    one, other = part.scores([wide, edge], CLASSES)
    assert float((one - other).abs().max()) > 1e-4


def test_a_batch_equals_singles_in_any_order() -> None:
    part = verifier(batch_size=2)
    together = part.scores(IMAGES, CLASSES)
    backwards = part.scores(IMAGES[::-1], CLASSES).flip(0)
    alone = torch.cat([part.scores([image], CLASSES) for image in IMAGES])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together, backwards, atol=1e-5, rtol=0)
    assert part.scores([], CLASSES).shape == (0, 3)


def test_presence_is_a_logistic_function_of_the_score() -> None:
    part = verifier(thresholds=thresholds(CLASSES, 0.1, 0.05), drop_below=0.0)
    asked = Selection(("boat", "puppy", "dog", "ufo", "fog"), (2, 1, 1, UNRESOLVED, DISTRACTOR))
    [found] = part(IMAGES[:1], [asked], CLASSES)
    dog, boat, _ = part.scores(IMAGES[:1], CLASSES)[0]
    expected = torch.sigmoid((torch.stack([boat, dog, dog]) - 0.1) / 0.05)
    assert found.presence is not None
    assert found.presence[:3] == pytest.approx(expected.tolist(), abs=1e-5)
    assert found.presence[3:] == (1.0, 1.0)
    assert found.prompts == asked.prompts


def test_what_is_less_likely_is_dropped_and_distractors_do_not_stay_alone() -> None:
    scores = verifier().scores(IMAGES[:1], CLASSES)[0].tolist()
    between = sum(sorted(scores)[:2]) / 2
    part = verifier(thresholds=thresholds(CLASSES, between, 1e-4))
    every = Selection(("dog", "boat", "sky", "fog"), (1, 2, 3, DISTRACTOR))
    [found] = part(IMAGES[:1], [every], CLASSES)
    kept = [label for label, score in zip((1, 2, 3), scores, strict=True) if score > between]
    assert found.labels == (*kept, DISTRACTOR)
    assert len(kept) == 2
    part = verifier(thresholds=thresholds(CLASSES, 2.0))
    [found] = part(IMAGES[:1], [every], CLASSES)
    assert found.prompts == ()


def test_nothing_selected_is_nothing_judged() -> None:
    assert verifier(thresholds=thresholds(CLASSES))(IMAGES[:1], [Selection()], CLASSES) == [
        Selection()
    ]


def test_offloaded_it_says_the_same() -> None:
    asked = [Selection(("dog", "boat"), (1, 2))] * 3
    plain = verifier(thresholds=thresholds(CLASSES), drop_below=0.0)
    away = offload(verifier(thresholds=thresholds(CLASSES), drop_below=0.0))
    for one, other in zip(plain(IMAGES, asked, CLASSES), away(IMAGES, asked, CLASSES), strict=True):
        assert one.presence == pytest.approx(other.presence, abs=1e-6)


def test_a_system_refuses_before_any_picture() -> None:
    system = ZeroShotSegmenter(
        CLASSES,
        pre_refiner=AllClasses(),
        detector=ScriptedDetector({"dog": [0, 0, 1, 1]}),
        mask_predictor=BoxMasks(),
        verifier=verifier(thresholds=None),
    )
    with pytest.raises(CalibrationError, match="has no thresholds; run zeroseg calibrate"):
        list(system.stream([blank(40, 40)]))


def test_thresholds_for_something_else_are_refused() -> None:
    known = thresholds(CLASSES)
    with pytest.raises(CalibrationError, match=r"for the checkpoint 'other', but .* has ''"):
        verifier(thresholds=replace(known, checkpoint="other"))
    with pytest.raises(CalibrationError, match="for the templates"):
        verifier(thresholds=known, templates="none")
    with pytest.raises(CalibrationError, match="no threshold for 'cow'"):
        verifier(thresholds=known)([], [], Vocabulary.parse("boat, cow"))
    other = Vocabulary.from_names(["dog", "boat"], words={"dog": ["hound"]})
    with pytest.raises(CalibrationError, match=r"asked with \['dog', 'hound'\]"):
        verifier(thresholds=known)([], [], other)


def test_bad_numbers_images_and_networks_are_refused(tmp_path: Path) -> None:
    for option in ({"drop_below": 1.5}, {"batch_size": 0}, {"kept_words": -1}):
        with pytest.raises(ValueError, match=next(iter(option))):
            verifier(**option)
    with pytest.raises(ValueError, match="templates are"):
        verifier(templates="a photo")
    part = verifier(thresholds=thresholds(CLASSES))
    with pytest.raises(ValueError, match="1 images but 0 selections"):
        part(IMAGES[:1], [], CLASSES)
    with pytest.raises(ValueError, match="expected \\(3, H, W\\)"):
        part([torch.zeros(3, 8, 8)], [Selection(("dog",), (1,))], CLASSES)
    with pytest.raises(CheckpointError, match="it is a sam3, expected a clip"):
        EncoderVerifier.from_pretrained("tiny:sam3")
