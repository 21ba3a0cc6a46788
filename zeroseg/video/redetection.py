"""Propagation by looking again for what the keyframe was asked for, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from zeroseg.dense.dense_scorer import DenseScorer
from zeroseg.detection.detector import Detector
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.stages import DenseScoring, Detection, Masking
from zeroseg.values import UNRESOLVED, Detections
from zeroseg.video.propagation import Carry, Propagation
from zeroseg.video.seen import WANTED, Seen, seen_of
from zeroseg.vocabulary import Vocabulary


class Redetection(Propagation):
    """Detects, and segments what it detects, in every frame.

    It looks for the keyframe's selection: no tags, no caption and no language model. A phrase
    that is no prompt has the class that it had on the keyframe, or none.

    Args:
        detector: Finds boxes for the keyframe's prompts.
        mask_predictor: Segments the boxes.
        dense_scorer: Scores every place for the prompts, where the system has one.
    """

    def __init__(
        self,
        detector: Detector,
        mask_predictor: MaskPredictor,
        dense_scorer: DenseScorer | None = None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.mask_predictor = mask_predictor
        self.dense_scorer = dense_scorer

    def forward(self, image: Tensor, seen: Seen, vocabulary: Vocabulary) -> Carry:
        """See `Propagation.forward`."""
        stages: list[Stage] = [Detection(self.detector, vocabulary), _Recalling(_classes(seen))]
        if self.dense_scorer is not None:
            stages.append(DenseScoring(self.dense_scorer, vocabulary))
        stages.append(Masking(self.mask_predictor, vocabulary))
        parameter = next(self.parameters(), None)
        runner = Runner(stages, torch.device("cpu") if parameter is None else parameter.device)
        wanted = [name for name in WANTED if any(name in stage.gives for stage in stages)]

        def carry(images: Sequence[Tensor]) -> list[Seen]:
            given = {"image": images, "selection": [seen.selection] * len(images)}
            return seen_of(runner.run(given, wanted)) if images else []

        return carry


class _Recalling(Stage):
    """Phrases without a class get the one that they had on the keyframe."""

    name, needs, gives = "detection", ("found",), ("detections",)

    def __init__(self, label_of: Mapping[str, int]) -> None:
        self.label_of = label_of

    def __call__(self, found: Sequence[Detections]) -> tuple[Sequence[Detections]]:
        """See `Stage.__call__`."""
        return ([self._recalled(own) for own in found],)

    def _recalled(self, found: Detections) -> Detections:
        labels = [
            self.label_of.get(phrase, UNRESOLVED) if label == UNRESOLVED else label
            for phrase, label in zip(found.phrases, found.labels.tolist(), strict=True)
        ]
        return found.relabel(found.labels.new_tensor(labels))


def _classes(seen: Seen) -> dict[str, int]:
    found = seen.detections
    return dict(zip(found.phrases[::-1], found.labels.tolist()[::-1], strict=True))  # best wins
