"""Where the mIoU goes: stages replaced by the truth, one at a time and one after another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.evaluate import Run, evaluate
from zeroseg.evaluation.results import scores, total_pixels
from zeroseg.evaluation.truth import (
    StuffByMaps,
    TrueBoxes,
    TrueInstances,
    TrueLabels,
    TrueMaps,
    TrueMasks,
    TruePresence,
    TrueRegions,
    TrueScorerPresence,
    TrueVerification,
    TruthStage,
)
from zeroseg.masking.detector_masks import DetectorMasks
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.running.stage import Stage
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.stages import (
    DenseScoring,
    Detection,
    Fusing,
    Masking,
    PreRefinement,
    Reviewing,
    Verification,
)

Told = Literal["verification", "labels", "presence", "boxes", "masks", "dense"]
"""What can be told, in the order of the waterfall: which of the classes selected are there, the
classes to ask for, whether what was asked for is there, the boxes of the things, the masks in the
boxes, the dense maps."""

LOSSES: dict[str, str] = {
    "verification": "verification",
    "labels": "recognition and pre-refinement",
    "presence": "presence",
    "boxes": "detection and post-refinement",
    "masks": "masks",
    "dense": "dense maps",
    "perfect": "fusion, and pictures that failed",
}
"""What each step of the waterfall makes good."""


def makes_good(step: str) -> str | None:
    """What a step makes good, by its name; None for the measured figure."""
    return LOSSES.get(step.rpartition(", ")[2])


def tellable(system: ZeroShotSegmenter) -> tuple[Told, ...]:
    """What makes a difference to a system, in the order of the waterfall.

    * "verification" to one that verifies what it has selected;
    * "labels" to one that chooses what to look for, or has no other word on what is there;
    * "presence" and "dense" to one that has dense scores and a fusion that reads them;
    * "boxes" and "masks" to one whose fusion reads instances.
    """
    fusion, scored = system.fusion, has_dense_scores(system)
    heard = scored and fusion.hears_presence
    verified, chooses = system.verifier is not None, not isinstance(system.pre_refiner, AllClasses)
    applies: dict[Told, bool] = {
        "verification": verified,
        "labels": chooses or not (verified or heard),
        "presence": heard,
        "boxes": fusion.evidence != "dense",
        "masks": fusion.evidence != "dense",
        "dense": scored and fusion.evidence != "instances",
    }
    return tuple(told for told, does in applies.items() if does)


def has_dense_scores(system: ZeroShotSegmenter) -> bool:
    """Whether its detector or a dense scorer scores every place."""
    return system.detector.gives_dense or system.dense_scorer is not None


def steps_of(system: ZeroShotSegmenter) -> dict[str, tuple[Told, ...]]:
    """One after another: the steps of a system's waterfall, by name."""
    told = tellable(system)
    after = (told[: count + 1] for count in range(len(told)))
    return {"measured": (), **{", ".join(own): own for own in after}}


class OracleSegmenter(ZeroShotSegmenter):
    """A segmenter whose components are partly replaced by the truth.

    * "verification": of what was selected, the detector is asked for exactly what is there.
    * "labels": the detector is asked for exactly the classes that are there (the paper's row
      "Input GT Labels"), and nothing verifies them.
    * "presence": of what was asked for, the presence is 1 or 0, by which scores are weighed.
    * "boxes": the detections are the true boxes with their classes, score 1, of the classes that
      were selected. Where the detector's own masks are taken, a box has that of the instance found
      there, else what the dense map has in it; see `true_instances`. Nothing reviews them.
    * "masks": the mask of each detection is the true one: of the true region of its class whose
      box overlaps its own best, if by `SAME_THING` or more. Other masks stay as predicted.
    * "dense": the dense map of each prompt is 1 where its class is, and 0 elsewhere. Where fusion
      reads no boxes, nothing reviews what was found.

    The truth is that of the sample's regions. Where a data set does not tell things apart, or has
    no regions for a class (such as road), each connected part of a class is a region. A region
    smaller than a pixel's worth of logits is kept exactly: true masks have the image's size.

    Where dense maps are read and the vocabulary has stuff, that is what the maps are for: boxes and
    masks are told of things alone, and with the maps, stuff has no other instances.

    Args:
        segmenter: Whose components and vocabulary to use; they are shared, not copied. Of another
            oracle, the truth is shared, too.
        told: The stages that are replaced.

    Raises:
        ValueError: `told` names something else, or what the segmenter does not have.
    """

    def __init__(self, segmenter: ZeroShotSegmenter, told: Collection[Told]) -> None:
        unknown = set(told) - set(get_args(Told))
        if unknown:
            raise ValueError(f"{sorted(unknown)} cannot be told, only {list(get_args(Told))}")
        dense = {"presence", "dense"} & set(told)
        if dense and not has_dense_scores(segmenter):
            raise ValueError(f"{sorted(dense)} cannot be told to a system without dense scores")
        if "verification" in told and segmenter.verifier is None:
            raise ValueError("'verification' cannot be told to a system without a verifier")
        super().__init__(
            segmenter.vocabulary,
            **segmenter.components(),
            batch_size=segmenter.batch_size,
            batches_in_flight=segmenter.batches_in_flight,
            tiling=segmenter.tiling,
        )
        self.told = frozenset(told)
        self.config = segmenter.config
        of_oracle = isinstance(segmenter, OracleSegmenter)
        self._truths = segmenter._truths if of_oracle else _truths(segmenter)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The walk of the segmenter, with the truth in place of what is told."""
        walk: list[Stage] = [self._truths[TrueRegions]]
        for stage in super().stages:
            walk += self._told_before(stage)
            if not self._is_replaced(stage):
                walk.append(stage)
            walk += self._told_after(stage)
        return tuple(walk)

    def _is_replaced(self, stage: Stage) -> bool:
        if isinstance(stage, PreRefinement):
            return "labels" in self.told
        if isinstance(stage, Verification):
            return not self.told.isdisjoint({"verification", "labels"})
        if isinstance(stage, Reviewing):
            return ("dense" if self.fusion.evidence == "dense" else "boxes") in self.told
        return isinstance(stage, Detection) and "boxes" in self.told and not self._reads_detector

    @property
    def _reads_detector(self) -> bool:
        """Whether more is taken from the detector than the boxes that are told."""
        pixels = self.detector.gives_dense or isinstance(self.mask_predictor, DetectorMasks)
        return pixels or _stuff_is_mapped(self)

    def _told_before(self, stage: Stage) -> list[Stage]:
        told = isinstance(stage, Fusing) and "dense" in self.told
        return [self._truths[TrueMaps]] if told else []

    def _told_after(self, stage: Stage) -> list[Stage]:
        instances = TrueInstances if self._reads_detector else TrueBoxes
        follows: tuple[tuple[type[Stage], Told, type[TruthStage], bool], ...] = (
            (PreRefinement, "labels", TrueLabels, True),
            (Verification, "verification", TrueVerification, "labels" not in self.told),
            (Detection, "presence", TruePresence, self.detector.gives_dense),
            (Detection, "boxes", instances, True),
            (Detection, "dense", StuffByMaps, _stuff_is_mapped(self)),
            (DenseScoring, "presence", TrueScorerPresence, True),
            (Masking, "masks", TrueMasks, True),
        )
        return [
            self._truths[truth]
            for kind, told, truth, applies in follows
            if isinstance(stage, kind) and told in self.told and applies
        ]

    def _given(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        return {
            **super()._given(samples),
            "target": [sample.target for sample in samples],
            "known": [sample.regions for sample in samples],
        }


def _stuff_is_mapped(system: ZeroShotSegmenter) -> bool:
    """Whether a system has dense maps to read stuff from."""
    read = has_dense_scores(system) and system.fusion.evidence != "instances"
    return read and bool(system.vocabulary.stuff)


def _truths(system: ZeroShotSegmenter) -> Mapping[type[TruthStage], TruthStage]:
    """The stages of the truth, each once, so that oracles of one system share its answers."""
    vocabulary = system.vocabulary
    classes = vocabulary.things if _stuff_is_mapped(system) else vocabulary.classes
    labels = (TrueVerification, TrueLabels, TruePresence, TrueScorerPresence)
    regions = (TrueRegions, TrueBoxes, TrueInstances, TrueMasks)
    return {kind: kind(vocabulary, classes) for kind in (*labels, *regions, StuffByMaps, TrueMaps)}


@dataclass(frozen=True)
class OracleReport:
    """What telling the truth is worth.

    Attributes:
        steps: mIoU with ever more stages told, from "measured" to "perfect", which is 1 unless the
            protocol counts absent classes as 0.
        losses: What each step gains over the one before; with the measured mIoU they add up to the
            perfect one.
        single: mIoU with one stage told.
        runs: The runs behind the figures.
    """

    steps: dict[str, float]
    losses: dict[str, float]
    single: dict[str, float]
    runs: dict[str, Run]

    def to_dict(self) -> dict[str, Any]:
        """The content of `oracle.json`."""
        measured = self.steps["measured"]
        return {
            "miou": measured,
            "steps": [
                {
                    "told": told,
                    "miou": miou,
                    "gain": self.losses.get(told),
                    "makes_good": makes_good(told),
                }
                for told, miou in self.steps.items()
            ],
            "single": [
                {"told": told, "miou": miou, "gain": miou - measured}
                for told, miou in self.single.items()
            ],
            "data": self.runs["measured"].results["data"],
            "protocol": self.runs["measured"].results["protocol"],
        }


def oracle(
    segmenter: BaseSegmenter, data: SampleData, output: str | Path, **options: Any
) -> OracleReport:
    """Score a segmenter with stages replaced by the truth.

    Args:
        segmenter: The system to explain, a `ZeroShotSegmenter`.
        data: The data set.
        output: Folder of the runs; each has a result folder under `runs`.
        options: See `evaluate`.

    Raises:
        ZerosegError: The system has no such stages; or see `evaluate`.
    """
    whole = with_stages(segmenter, "the oracle")
    measured, steps_told = OracleSegmenter(whole, ()), steps_of(whole)
    alone: dict[str, tuple[Told, ...]] = {name: (name,) for name in tellable(whole)}
    systems = {
        name: OracleSegmenter(measured, told) for name, told in {**steps_told, **alone}.items()
    }
    folders = {name: Path(output) / "runs" / name.replace(", ", "-") for name in systems}
    runs = evaluate(systems, data, folders, **options)
    miou = {name: float(run.results["miou"]) for name, run in runs.items()}
    perfect = _perfect(runs["measured"], data)
    steps = {**{name: miou[name] for name in steps_told}, "perfect": perfect}
    losses = {after: steps[after] - steps[before] for before, after in pairwise(steps)}
    return OracleReport(steps, losses, {name: miou[name] for name in alone}, runs)


def with_stages(system: BaseSegmenter, who: str) -> ZeroShotSegmenter:
    """The system, if it has the stages that are to be swapped.

    Args:
        system: Any system.
        who: What swaps them.

    Raises:
        ZerosegError: It has not.
    """
    if not isinstance(system, ZeroShotSegmenter):
        raise ZerosegError(
            f"{who} swaps the stages of a ZeroShotSegmenter; {type(system).__name__} has none"
        )
    return system


def _perfect(run: Run, data: SampleData) -> float:
    """The truth against itself: 1, or less where a protocol counts absent classes as 0."""
    total = total_pixels(run.records, data.vocabulary)
    true = total.areas[:, 2]
    itself = PixelCounts.of(true.diag(), total.boundary, torch.zeros_like(true))
    return float(scores(itself, data)["miou"])
