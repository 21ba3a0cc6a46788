"""Where the mIoU goes: stages replaced by the truth, one at a time and one after another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import scipy.ndimage
import scipy.optimize
import torch
from torchvision.ops import box_iou

from zeroseg.base_segmenter import BaseSegmenter
from zeroseg.data.sample import Regions, Sample
from zeroseg.data.sample_data import SampleData
from zeroseg.errors import ZerosegError
from zeroseg.evaluation.evaluate import Run, evaluate
from zeroseg.evaluation.results import scores, total_pixels
from zeroseg.metrics.pixel_counts import PixelCounts
from zeroseg.refinement.selecting import select_classes
from zeroseg.running.stage import Stage
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.stages import Detection, Masking, PreRefinement, Verification
from zeroseg.values import Detections, Geometry, Masks, Selection
from zeroseg.vocabulary import Vocabulary

Told = Literal["labels", "boxes", "masks"]
"""What can be told: the classes present, the boxes of the things, the masks in the boxes."""

STEPS: dict[str, tuple[Told, ...]] = {
    "measured": (),
    "labels": ("labels",),
    "labels, boxes": ("labels", "boxes"),
    "labels, boxes, masks": ("labels", "boxes", "masks"),
}
"""One after another: the steps of the waterfall."""

SINGLE: dict[str, tuple[Told, ...]] = {
    "labels": ("labels",),
    "boxes": ("boxes",),
    "masks": ("masks",),
}
"""One at a time, the others as they are."""

LOSSES = {
    "labels": "recognition and pre-refinement",
    "labels, boxes": "detection and post-refinement",
    "labels, boxes, masks": "masks",
    "perfect": "fusion, and pictures that failed",
}
"""What each step of the waterfall makes good."""

SAME_THING = 0.5
"""A detection means a true region if their boxes overlap by at least this IoU."""


class OracleSegmenter(ZeroShotSegmenter):
    """A segmenter whose components are partly replaced by the truth.

    * "labels": the detector is asked for exactly the classes that are there (the paper's row
      "Input GT Labels"), and nothing verifies them.
    * "boxes": the detections are the true boxes with their classes, score 1, of the classes that
      were selected.
    * "masks": the mask of each detection is the true one: of the true region of its class whose
      box overlaps its own best, if by `SAME_THING` or more. Other masks stay as predicted.

    The truth is that of the sample's regions. Where a data set does not tell things apart, or has
    no regions for a class (such as road), each connected part of a class is a region. A region
    smaller than a pixel's worth of logits is kept exactly: true masks have the image's size.

    Args:
        segmenter: Whose components and vocabulary to use; they are shared, not copied.
        told: The stages that are replaced.

    Raises:
        ValueError: `told` names something else.
    """

    def __init__(self, segmenter: ZeroShotSegmenter, told: Collection[Told]) -> None:
        unknown = set(told) - set(get_args(Told))
        if unknown:
            raise ValueError(f"{sorted(unknown)} cannot be told, only {list(get_args(Told))}")
        super().__init__(
            segmenter.vocabulary,
            **segmenter.components(),
            batch_size=segmenter.batch_size,
            batches_in_flight=segmenter.batches_in_flight,
        )
        self.told = frozenset(told)
        self.config = segmenter.config

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The walk of the segmenter, with the truth in place of what is told."""
        walk: list[Stage] = []
        for stage in super().stages:
            if isinstance(stage, PreRefinement) and "labels" in self.told:
                walk.append(TrueLabels(self.vocabulary))
            elif isinstance(stage, Verification) and "labels" in self.told:
                continue
            elif isinstance(stage, Detection) and "boxes" in self.told:
                walk.append(TrueBoxes(self.vocabulary))
            else:
                walk.append(stage)
            if isinstance(stage, Masking) and "masks" in self.told:
                walk.append(TrueMasks())
        return tuple(walk)

    def _given(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        return {**super()._given(samples), "truth": [self._truth(sample) for sample in samples]}

    def _truth(self, sample: Sample) -> Regions | None:
        if sample.target is None:
            return None
        return true_regions(sample, self.vocabulary).to(self.device)


class TrueLabels(Stage):
    """Tells the classes that are there."""

    name, needs, gives = "pre-refinement", ("truth",), ("selection",)
    timed = False

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(self, truths: Sequence[Regions]) -> tuple[list[Selection]]:
        """See `Stage.__call__`."""
        return ([select_classes(own.labels.tolist(), self.vocabulary) for own in truths],)


class TrueBoxes(Stage):
    """Tells the boxes of the classes that were selected."""

    name, needs, gives = "detection", ("truth", "selection"), ("found",)
    timed = False

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(
        self, truths: Sequence[Regions], selections: Sequence[Selection]
    ) -> tuple[list[Detections]]:
        """See `Stage.__call__`."""
        pairs = zip(truths, selections, strict=True)
        return ([true_detections(truth, own, self.vocabulary) for truth, own in pairs],)


class TrueMasks(Stage):
    """Tells the masks of the detections that mean a true region."""

    name, needs, gives = "masks", ("truth", "masks", "detections"), ("masks",)
    timed, apart = False, True

    def __call__(
        self, truths: Sequence[Regions], masks: Sequence[Masks], detections: Sequence[Detections]
    ) -> tuple[list[Masks]]:
        """See `Stage.__call__`."""
        told = zip(masks, detections, truths, strict=True)
        return ([true_masks(own, found, truth) for own, found, truth in told],)


def true_regions(sample: Sample, vocabulary: Vocabulary) -> Regions:
    """All regions of a sample: those it has, and the connected parts of what they leave over."""
    assert sample.target is not None
    target = sample.target.cpu().numpy()
    segments = np.full(target.shape, -1, np.int64)
    labels: list[int] = []
    if sample.regions is not None:
        own = sample.regions.to("cpu")
        segments, labels = own.segments.numpy().copy(), own.labels.tolist()
        named = np.array([*labels, -1])[segments]
        segments[named != target] = -1  # annotations of things and of classes can disagree
    left = np.where(segments < 0, target, vocabulary.background)
    for label in np.unique(left).tolist():
        if label in (vocabulary.background, vocabulary.ignore_index):
            continue
        parts, count = scipy.ndimage.label(left == label)
        segments[parts > 0] = parts[parts > 0] - 1 + len(labels)
        labels += [label] * count
    return Regions(torch.from_numpy(segments), torch.tensor(labels, dtype=torch.int64))


def true_detections(truth: Regions, selection: Selection, vocabulary: Vocabulary) -> Detections:
    """The true boxes of the selected classes, smaller before larger, all with score 1.

    A raw tag that is no class selects nothing: which boxes it would stand for, only
    post-refinement could tell.
    """
    device = truth.segments.device
    boxes = truth.boxes().to(device)
    wanted = torch.tensor(sorted(set(selection.labels)), dtype=torch.int64, device=device)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = area.argsort(stable=True)
    order = order[torch.isin(truth.labels, wanted)[order] & (area[order] > 0)]
    labels = truth.labels[order]
    return Detections(
        boxes=boxes[order],
        scores=torch.ones(len(order), device=device),
        labels=labels,
        phrases=tuple(vocabulary.prompts[label] for label in labels.tolist()),
        prompt_index=torch.tensor(
            [selection.labels.index(label) for label in labels.tolist()],
            dtype=torch.int64,
            device=device,
        ),
    )


def true_masks(masks: Masks, detections: Detections, truth: Regions) -> Masks:
    """Masks of the image's size, replaced by the true ones where a detection has one."""
    device = masks.logits.device
    logits = masks.full() if len(masks) else masks.logits.new_zeros(0, *masks.size)
    for i, region in _meant(detections.to("cpu"), truth.to("cpu")).items():
        logits[i] = (truth.segments.to(device) == region).float() * 2 - 1
    return replace(masks, logits=logits, geometry=Geometry.itself(masks.size))


def _meant(detections: Detections, truth: Regions) -> dict[int, int]:
    """The region that each detection means, by their positions.

    First each region goes to one detection, so that things with the same box all get their masks;
    then every detection left over takes the region it overlaps best.
    """
    if not len(detections) or not len(truth.labels):
        return {}
    overlap = box_iou(detections.boxes, truth.boxes())
    overlap = overlap.masked_fill(detections.labels[:, None] != truth.labels, 0)
    best = dict(enumerate(overlap.argmax(1).tolist()))
    rows, columns = scipy.optimize.linear_sum_assignment(overlap.numpy(), maximize=True)
    paired = zip(rows.tolist(), columns.tolist(), strict=True)
    best |= {i: region for i, region in paired if overlap[i, region] >= SAME_THING}
    return {i: region for i, region in best.items() if overlap[i, region] >= SAME_THING}


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
                    "makes_good": LOSSES.get(told),
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
    systems = {name: OracleSegmenter(whole, told) for name, told in {**STEPS, **SINGLE}.items()}
    folders = {name: Path(output) / "runs" / name.replace(", ", "-") for name in systems}
    runs = evaluate(systems, data, folders, **options)
    miou = {name: float(run.results["miou"]) for name, run in runs.items()}
    steps = {**{name: miou[name] for name in STEPS}, "perfect": _perfect(runs["measured"], data)}
    losses = {after: steps[after] - steps[before] for before, after in pairwise(steps)}
    return OracleReport(steps, losses, {name: miou[name] for name in SINGLE}, runs)


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
