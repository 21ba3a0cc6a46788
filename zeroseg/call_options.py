"""What one call asks for otherwise than the segmenter's own settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from typing_extensions import TypedDict

from zeroseg.regions import Region
from zeroseg.running.stage_event import OnStage
from zeroseg.vocabulary import Vocabulary


class CallOptions(TypedDict, total=False):
    """Options of `segment`, `stream` and `variant`; what is left out stays as it is.

    Attributes:
        vocabulary: The classes: a Vocabulary, names, the name of a built-in one, or a YAML file.
        thresholds: By class names, numbers in [0, 1]: a detection of that class with a lower score
            is dropped after post-refinement, and so is a place of a dense map that is lower.
        region: x1, y1, x2, y2 in pixels: only this part of each picture is looked at, its right
            and lower edges not in it. What lies outside is background.
        instances: Whether results keep the masks of detections, see `Segmentation.instances`.
        confidence: Whether results say how sure they are, see `Segmentation.confidence`.
        on_stage: Is called with a `StageEvent` whenever a picture begins a stage or has gone
            through it; None for nobody. What it raises ends the call.
    """

    vocabulary: Vocabulary | str | list[str]
    thresholds: Mapping[str, float]
    region: Region | Sequence[int] | np.ndarray | None
    instances: bool
    confidence: bool
    on_stage: OnStage | None
