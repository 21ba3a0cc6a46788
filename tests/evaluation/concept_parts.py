"""A scripted system of SAM 3's kind: one pass gives instances, dense maps and presence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Self

from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedConcepts
from zeroseg.values import Detections, Selection
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.parse("drawn-all")
PLACES = {
    "sky": (0.0, 0.0, 1.0, 0.5),
    "grass": (0.0, 0.5, 1.0, 1.0),
    "road": (0.0, 0.5, 1.0, 1.0),
    "dog": (0.1, 0.4, 0.4, 0.8),
    "person": (0.4, 0.3, 0.6, 0.9),
    "car": (0.5, 0.5, 0.9, 0.8),
}
LIKELY = {"sky": 0.9, "grass": 0.8, "road": 0.3, "dog": 0.7, "person": 0.6, "car": 0.5}


class Concepts(ScriptedConcepts):
    """Finds boxes as instances and as maps, as present as it is told; counts its pictures.

    Args:
        likely: The presence of each prompt; 0.05 of others.
        preview: Whether a cheap look comes first; it misses the car.
    """

    def __init__(
        self,
        boxes: dict[str, Sequence[float]] | None = None,
        likely: dict[str, float] | None = None,
        preview: bool = False,
    ) -> None:
        super().__init__(PLACES if boxes is None else boxes)
        self.likely = LIKELY if likely is None else likely
        self.preview = preview
        self.asked: list[int] = []

    def previews(self, prompts: int) -> bool:
        return self.preview

    def with_preview(self, preview: bool) -> Self:
        return type(self)(dict(self.boxes), self.likely, preview)

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        self.asked.append(len(images))
        pairs = zip(super().forward(images, selections), selections, strict=True)
        return [self._weighed(found, selection) for found, selection in pairs]

    def _weighed(self, found: Detections, selection: Selection) -> Detections:
        assert found.dense is not None and found.masks is not None
        presence = torch.tensor([self.likely.get(prompt, 0.05) for prompt in selection.prompts])
        maps = 0.9 * found.dense.maps
        if self.preview and "car" in selection.prompts:
            maps[selection.prompts.index("car")] = 0
            found = found.select(torch.tensor([phrase != "car" for phrase in found.phrases]))
        scores = 0.9 * presence[found.prompt_index]
        order = scores.argsort(descending=True, stable=True)
        assert found.masks is not None
        return replace(
            found,
            boxes=found.boxes[order],
            scores=scores[order],
            labels=found.labels[order],
            phrases=tuple(found.phrases[i] for i in order.tolist()),
            prompt_index=found.prompt_index[order],
            masks=replace(found.masks, logits=3 * found.masks.logits[order]),
            dense=replace(found.dense, maps=maps, presence=presence),  # type: ignore[type-var]
        )


def build(**changes: Any) -> ZeroShotSegmenter:
    parts: dict[str, Any] = {
        "pre_refiner": AllClasses(),
        "detector": Concepts(),
        "mask_predictor": DetectorMasks(),
        "fusion": ThingsAndStuff(threshold=0.2),
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


def scenes(count: int = 4, seed: int = 11) -> DrawnScenes:
    return DrawnScenes(CLASSES, count=count, size=(48, 64), seed=seed, batch_size=2)
