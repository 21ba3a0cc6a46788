"""What a score calls background, and by which rule a system gives pixels to it."""

from __future__ import annotations

from typing import Any

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample_data import SampleData
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.fusion.signature_fusion import SignatureFusion
from zeroseg.fusion.things_and_stuff import ThingsAndStuff

_MEASURED = ("threshold", "margin")


def background_of(system: BaseSegmenter, data: SampleData) -> dict[str, Any]:
    """The protocol of the background, ready for JSON.

    Returns:
        "scored": whether the background is a class that the mean is taken over. "rule": which
        pixels the system leaves to it: one of `ThingsAndStuff`'s, "signatures" for those that are
        more like nothing than like their class, "uncovered" for those that no mask covers, or
        "own" for what only the system knows. "threshold": where the rule has one. "words": what is
        asked for so that it claims what is none of the classes.
    """
    fusion = getattr(system, "fusion", None)
    settled = isinstance(fusion, SignatureFusion)
    fusion = fusion.fusion if isinstance(fusion, SignatureFusion) else fusion
    rule, threshold = "own", None
    if isinstance(fusion, ThingsAndStuff):
        rule = fusion.background_rule(system.vocabulary)
        rule = "signatures" if settled and rule != "never" else rule
        threshold = fusion.threshold if rule in _MEASURED else None
    elif isinstance(fusion, HighestScore):
        rule = "uncovered"
    return {
        "scored": data.vocabulary.background in data.scored,
        "rule": rule,
        "threshold": threshold,
        "words": list(system.vocabulary.distractors),
    }
