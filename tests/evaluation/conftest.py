"""A system of stand-ins, and drawn scenes that it is scored on."""

from __future__ import annotations

from typing import Any

import pytest

from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.refinement.lexical_post_refiner import LexicalPostRefiner
from zeroseg.refinement.lexical_pre_refiner import LexicalPreRefiner
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedCaptioner, ScriptedDetector, ScriptedTagger
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "boat", "person"])
BOXES = {
    "dog": [0, 0, 0.5, 0.5],
    "puppy": [0, 0, 0.5, 0.5],
    "boat": [0.5, 0, 1, 1],
    "person": [0, 0.75, 0.25, 1],
}
QUIET = {"accelerator": "cpu", "devices": 1, "enable_progress_bar": False}


def build(**changes: Any) -> ZeroShotSegmenter:
    """The tagger names a puppy, the captioner a boat; neither needs to be there."""
    parts: dict[str, Any] = {
        "tagger": ScriptedTagger("puppy"),
        "captioner": ScriptedCaptioner("a boat on the sea"),
        "pre_refiner": LexicalPreRefiner(),
        "detector": ScriptedDetector(BOXES),
        "post_refiner": LexicalPostRefiner(),
        "mask_predictor": BoxMasks(),
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


def scenes(count: int = 5, seed: int = 3) -> DrawnScenes:
    return DrawnScenes(CLASSES, count=count, size=(48, 64), seed=seed, batch_size=2)


@pytest.fixture
def segmenter() -> ZeroShotSegmenter:
    return build()
