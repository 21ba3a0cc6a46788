"""A scripted system of SAM 3's kind, and scenes of which it is known where it errs.

Sky, grass and road are seen by their dense maps alone, things as instances alone, and all are
taken to be in every scene as much: of grass and road, which fill the same place, always grass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Self

from tests.evaluation.result_runs import Maps
from zeroseg.data.sample_data import SampleData
from zeroseg.detection.detector import Detector
from zeroseg.fusion.things_and_stuff import ThingsAndStuff
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import ScriptedConcepts
from zeroseg.values import Detections, Selection
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(
    ["background", "sky", "grass", "road", "dog", "person", "car", "cat"],
    stuff=["sky", "grass", "road"],
)
PLACES = {
    "sky": (0.0, 0.0, 1.0, 0.5),
    "grass": (0.0, 0.5, 1.0, 1.0),
    "road": (0.0, 0.5, 1.0, 1.0),
    "dog": (0.1, 0.4, 0.4, 0.8),
    "person": (0.4, 0.2, 0.5, 0.9),
    "car": (0.5, 0.5, 0.9, 0.8),
}
LIKELY = {"sky": 0.9, "grass": 0.8, "road": 0.5, "dog": 0.7, "person": 0.65, "car": 0.5}
"""How present each is said to be; the car too little to count twice."""

SCENES = (("sky", "grass", "dog", "car"), ("sky", "road", "person", "car"), ("sky", "grass", "car"))
SIZE = (40, 60)


class Concepts(Detector):
    """Finds everything where it may be; with a preview, the car is not admitted.

    Attributes:
        asked: Pictures of each call.
    """

    gives_dense = True

    def __init__(self, preview: bool = False) -> None:
        super().__init__()
        self.preview = preview
        self.asked: list[int] = []
        self._all = ScriptedConcepts(PLACES)

    def previews(self, prompts: int) -> bool:
        return self.preview

    def with_preview(self, preview: bool) -> Self:
        return type(self)(preview)

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        self.asked.append(len(images))
        found = self._all(images, selections)
        return [self._judged(own, asked) for own, asked in zip(found, selections, strict=True)]

    def _judged(self, found: Detections, selection: Selection) -> Detections:
        assert found.dense is not None
        stuff = torch.tensor([label in CLASSES.stuff for label in selection.labels])
        presence = torch.tensor([LIKELY.get(prompt, 0.01) for prompt in selection.prompts])
        maps = 0.9 * found.dense.maps * stuff[:, None, None]
        dense = replace(found.dense, maps=maps, presence=presence)
        missed = "car" if self.preview else ""
        pairs = zip(found.labels.tolist(), found.phrases, strict=True)
        seen = [label not in CLASSES.stuff and phrase != missed for label, phrase in pairs]
        things = found.select(torch.tensor(seen, dtype=torch.bool))
        assert things.masks is not None
        masks = replace(things.masks, logits=3 * things.masks.logits)
        scores = 0.9 * presence[things.prompt_index]  # falls in the order of the classes
        return replace(things, scores=scores, masks=masks, dense=dense)


def build(**changes: Any) -> ZeroShotSegmenter:
    parts: dict[str, Any] = {
        "pre_refiner": AllClasses(),
        "detector": Concepts(),
        "mask_predictor": DetectorMasks(),
        "fusion": ThingsAndStuff(threshold=0.25, stuff="under things"),
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


def target(things: Sequence[str]) -> Tensor:
    """The true label map of a scene with these things and stuff, later ones on top."""
    labels = torch.zeros(SIZE, dtype=torch.int64)
    for name in things:
        x1, y1, x2, y2 = PLACES[name]
        rows = slice(round(y1 * SIZE[0]), round(y2 * SIZE[0]))
        labels[rows, round(x1 * SIZE[1]) : round(x2 * SIZE[1])] = CLASSES.index(name)
    return labels


def scenes() -> SampleData:
    """Every scene once, in batches of two."""
    maps = Maps({f"scene{i}": target(own) for i, own in enumerate(SCENES)})
    return SampleData(CLASSES, maps, batch_size=2, num_workers=0)
