"""The tiny CLIP means something: pictures and patches lie near the words of what they show."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from zeroseg import Selection, Vocabulary, ZeroShotSegmenter
from zeroseg.data.drawn_scenes import label_map
from zeroseg.dense import PatchScorer
from zeroseg.drawn.scene import Scene, draw_scene
from zeroseg.metrics.presence import presence_scores
from zeroseg.refinement import AllClasses, EncoderVerifier, PresenceThresholds
from zeroseg.refinement.selecting import select_classes
from zeroseg.vocabularies import DRAWN_ALL

SEED, COUNT = 11, 24


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(draw_scene(SEED, index, (256, 256)) for index in range(COUNT))


def image_of(scene: Scene) -> Tensor:
    return torch.from_numpy(scene.image).permute(2, 0, 1).contiguous()


@pytest.fixture(scope="module")
def verifier() -> EncoderVerifier:
    return EncoderVerifier.from_pretrained(
        "tiny:clip", thresholds="tiny:clip/presence.yaml", templates="none"
    )


def test_it_knows_which_classes_are_there(verifier: EncoderVerifier) -> None:
    every = select_classes(DRAWN_ALL.classes, DRAWN_ALL)
    images = [image_of(scene) for scene in scenes()]
    judged = verifier(images, [every] * COUNT, DRAWN_ALL)
    there = [{int(c) for c in label_map(scene, DRAWN_ALL).unique()} for scene in scenes()]
    found = presence_scores(
        [(true, own.labels) for true, own in zip(there, judged, strict=True)], DRAWN_ALL
    )
    assert found["f1"] > 0.8


def test_thresholds_are_found_again_from_other_scenes(verifier: EncoderVerifier) -> None:
    other = [image_of(draw_scene(SEED + 1, index, (128, 128))) for index in range(60)]
    scores = verifier.scores(other, DRAWN_ALL)
    fresh = EncoderVerifier(verifier.model, verifier.encoder.processor, templates="none")
    found = fresh.calibrate(scores, DRAWN_ALL).classes
    known = PresenceThresholds.from_yaml("tiny:clip/presence.yaml").classes
    both = [
        name
        for name in known
        if found[name].basis == known[name].basis == "two groups" and found[name].there > 5
    ]
    assert len(both) > 5
    apart = torch.tensor([found[name].threshold - known[name].threshold for name in both])
    spread = float(scores.std(0).median())
    assert float(apart.abs().median()) < spread


def test_patches_say_what_stuff_is_where() -> None:
    scorer = PatchScorer.from_pretrained(
        "tiny:clip", attention="maskclip", templates="none", others=(), short_side=160, stride=160
    )
    stuff = [DRAWN_ALL.prompts[index] for index in DRAWN_ALL.stuff]
    labels = tuple(DRAWN_ALL.stuff)
    right = total = 0
    for scene in scenes()[:8]:
        [dense] = scorer([image_of(scene)], [Selection(tuple(stuff), labels)])
        guess = torch.tensor(labels)[dense.full().argmax(0)]
        truth = label_map(scene, DRAWN_ALL)
        counted = torch.isin(truth, torch.tensor(labels))
        right += int((guess == truth)[counted].sum())
        total += int(counted.sum())
    assert right / total > 0.8


def test_a_verified_system_looks_for_what_is_there(verifier: EncoderVerifier) -> None:
    plain = ZeroShotSegmenter.from_preset("tiny-sam3")
    verified = ZeroShotSegmenter(
        plain.vocabulary,
        AllClasses(),
        plain.detector,
        plain.mask_predictor,
        fusion=plain.fusion,
        verifier=verifier,
    )
    image = image_of(scenes()[0])
    selected = verified.segment(image).selection
    assert selected is not None
    assert 0 < len(selected.labels) < len(DRAWN_ALL.classes)
    assert selected.presence is not None
    same = plain.segment(image).label_map == verified.segment(image).label_map
    assert float(same.float().mean()) > 0.9


def test_words_that_it_was_not_calibrated_with_are_refused(verifier: EncoderVerifier) -> None:
    verifier.require(Vocabulary.parse("dog, boat"))
    with pytest.raises(ValueError, match="no threshold for 'puppy'"):
        verifier.require(Vocabulary.parse("puppy, boat"))
