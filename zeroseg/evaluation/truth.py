"""The truth as stages: what a sample's annotation says, in place of what a component would."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import scipy.ndimage
import scipy.optimize
import torch
from torch import Tensor
from torchvision.ops import box_iou

from zeroseg.data.sample import Regions
from zeroseg.refinement.selecting import only, select_classes
from zeroseg.running.stage import Stage
from zeroseg.values import DISTRACTOR, DenseScores, Detections, Geometry, Masks, Selection
from zeroseg.vocabulary import Vocabulary

SAME_THING = 0.5
"""A detection means a true region if their boxes overlap by at least this IoU."""

_CERTAIN = 200.0
"""A logit whose probability is 1, and 0 where it is negative, to the last digit."""


class TruthStage(Stage):
    """A stage that answers from "target", (H, W) int64, and "known", the regions that are told.

    Args:
        vocabulary: The classes.
        classes: Indices of those whose regions, boxes and masks are told.
    """

    timed = False

    def __init__(self, vocabulary: Vocabulary, classes: Collection[int]) -> None:
        self.vocabulary, self.classes = vocabulary, frozenset(classes)


class TrueRegions(TruthStage):
    """Tells the regions of the classes that are told, on the image's device."""

    name, needs, gives = "truth", ("image", "target"), ("truth",)
    takes: ClassVar[dict[str, Any]] = {"known": None}

    def __call__(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Tensor],
        known: Sequence[Regions | None],
    ) -> tuple[list[Regions]]:
        """See `Stage.__call__`."""
        told = zip(images, targets, known, strict=True)
        return (
            [
                true_regions(target, own, self.vocabulary, self.classes).to(image.device)
                for image, target, own in told
            ],
        )


class TrueLabels(TruthStage):
    """Tells the classes that are there."""

    name, needs, gives = "pre-refinement", ("target",), ("selection",)

    def __call__(self, targets: Sequence[Tensor]) -> tuple[list[Selection]]:
        """See `Stage.__call__`."""
        there = (classes_there(target, self.vocabulary) for target in targets)
        return ([select_classes(labels, self.vocabulary) for labels in there],)


class TrueVerification(TruthStage):
    """Tells which of the classes that were selected are there."""

    name, needs, gives = "verification", ("target", "selection"), ("selection", "unverified")

    def __call__(
        self, targets: Sequence[Tensor], selections: Sequence[Selection]
    ) -> tuple[list[Selection], list[tuple[int, ...]]]:
        """See `Stage.__call__`."""
        there = (classes_there(target, self.vocabulary) for target in targets)
        left = [only(own, labels) for own, labels in zip(selections, there, strict=True)]
        return left, [own.labels for own in selections]


class TruePresence(TruthStage):
    """Tells a detector's prompts whether their classes are there."""

    name, needs, gives = "detection", ("target", "selection", "found"), ("found",)

    def __call__(
        self,
        targets: Sequence[Tensor],
        selections: Sequence[Selection],
        found: Sequence[Detections],
    ) -> tuple[list[Detections]]:
        """See `Stage.__call__`."""
        told = zip(found, selections, targets, strict=True)
        return (
            [
                true_presence(own, selection, classes_there(target, self.vocabulary))
                for own, selection, target in told
            ],
        )


class TrueScorerPresence(TruthStage):
    """Tells a dense scorer's prompts whether their classes are there."""

    name, needs, gives = "dense scores", ("target", "dense"), ("dense",)

    def __call__(
        self, targets: Sequence[Tensor], dense: Sequence[DenseScores]
    ) -> tuple[list[DenseScores]]:
        """See `Stage.__call__`."""
        pairs = zip(dense, targets, strict=True)
        there = [(own, classes_there(target, self.vocabulary)) for own, target in pairs]
        return ([replace(own, presence=_told_presence(own, labels)) for own, labels in there],)


class TrueBoxes(TruthStage):
    """Tells the boxes of the classes that were selected."""

    name, needs, gives = "detection", ("truth", "selection"), ("found",)

    def __call__(
        self, truths: Sequence[Regions], selections: Sequence[Selection]
    ) -> tuple[list[Detections]]:
        """See `Stage.__call__`."""
        pairs = zip(truths, selections, strict=True)
        return ([true_detections(truth, own, self.vocabulary) for truth, own in pairs],)


class TrueInstances(TruthStage):
    """Tells the boxes to a detector that knows pixels, which outlines what is in them."""

    name, needs, gives = "detection", ("truth", "selection", "found"), ("found",)

    def __call__(
        self,
        truths: Sequence[Regions],
        selections: Sequence[Selection],
        found: Sequence[Detections],
    ) -> tuple[list[Detections]]:
        """See `Stage.__call__`."""
        told = zip(found, truths, selections, strict=True)
        return (
            [
                true_instances(own, truth, selection, self.vocabulary, self.classes)
                for own, truth, selection in told
            ],
        )


class StuffByMaps(TruthStage):
    """Leaves to dense maps that are told what else is told of things alone."""

    name, needs, gives = "detection", ("found",), ("found",)

    def __call__(self, found: Sequence[Detections]) -> tuple[list[Detections]]:
        """See `Stage.__call__`."""
        return ([_keep(own, lambda label: label < 0 or label in self.classes) for own in found],)


class TrueMasks(TruthStage):
    """Tells the masks of the detections that mean a true region."""

    name, needs, gives = "masks", ("truth", "masks", "detections"), ("masks",)
    apart = True

    def __call__(
        self, truths: Sequence[Regions], masks: Sequence[Masks], detections: Sequence[Detections]
    ) -> tuple[list[Masks]]:
        """See `Stage.__call__`."""
        told = zip(masks, detections, truths, strict=True)
        return ([true_masks(own, found, truth) for own, found, truth in told],)


class TrueMaps(TruthStage):
    """Tells the dense map of every prompt, whoever scored it: detector or dense scorer."""

    name, needs, gives = "dense scores", ("image", "target", "found"), ("dense",)
    takes: ClassVar[dict[str, Any]] = {"dense": None}

    def __call__(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Tensor],
        found: Sequence[Detections],
        dense: Sequence[DenseScores | None],
    ) -> tuple[list[DenseScores | None]]:
        """See `Stage.__call__`."""
        judges = [f.dense if own is None else own for f, own in zip(found, dense, strict=True)]
        told = zip(images, targets, judges, strict=True)
        return (
            [
                None if own is None else TrueScores.of(own, target.to(image.device))
                for image, target, own in told
            ],
        )


@dataclass(frozen=True)
class TrueScores(DenseScores):
    """Dense scores that are the truth: 1 where a prompt's class is, else 0.

    A map is made when it is asked for: those of a long list would be large at full size.

    Attributes:
        maps: (P, 1, 1), the highest number of each map.
        target: (H, W) int64 class indices.
    """

    target: Tensor | None = None

    @classmethod
    def of(cls, scores: DenseScores, target: Tensor) -> TrueScores:
        """The truth for the prompts of some scores, with their presence.

        What is of no class, such as a distractor, has a map of zeros.
        """
        there = set(target.unique().tolist())
        peaks = torch.tensor([float(label in there) for label in scores.labels])
        frame = Geometry.itself((target.shape[0], target.shape[1]))
        maps = peaks.to(target.device)[:, None, None]
        return cls(maps, scores.labels, frame, scores.presence, target)

    def full(self, part: slice | Tensor = slice(None)) -> Tensor:
        """See `DenseScores.full`."""
        assert self.target is not None
        labels = torch.tensor(self.labels, dtype=torch.int64, device=self.target.device)[part]
        return (self.target == labels[:, None, None]).float()


def classes_there(target: Tensor, vocabulary: Vocabulary) -> set[int]:
    """The classes that a truth (H, W) has, without the background."""
    return set(target.unique().tolist()) - {vocabulary.background, vocabulary.ignore_index}


def true_regions(
    target: Tensor, known: Regions | None, vocabulary: Vocabulary, classes: Collection[int]
) -> Regions:
    """All regions of some classes: those that are known, and the connected parts of what is left.

    Args:
        target: (H, W) int64 class indices.
        known: Those that the data set tells apart.
        vocabulary: The classes.
        classes: Indices of those that are wanted.
    """
    truth = target.cpu().numpy()
    segments = np.full(truth.shape, -1, np.int64)
    labels: list[int] = []
    if known is not None:
        own = known.to("cpu")
        segments, labels = own.segments.numpy().copy(), own.labels.tolist()
        named = np.array([*labels, -1])[segments]
        # Annotations of things and of classes can disagree.
        segments[(named != truth) | ~np.isin(named, list(classes))] = -1
    left = np.where(segments < 0, truth, vocabulary.background)
    for label in np.unique(left).tolist():
        if label not in classes:
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


def true_presence(found: Detections, selection: Selection, there: Collection[int]) -> Detections:
    """What a detector found, had it known which classes are there.

    The presence of a prompt is 1 or 0, scores are weighed by that instead, and what answers to a
    class that is not there is gone. Distractors keep theirs. Without dense scores nothing changes.

    Args:
        found: The detections, with dense scores.
        selection: What was asked.
        there: Indices of the classes that are there.
    """
    dense = found.dense
    if dense is None:
        return found
    told = _told_presence(dense, there)
    before = told.new_ones(len(told)) if dense.presence is None else dense.presence
    weighed = _of_detections(told, found) / _of_detections(before, found).clamp(min=1e-12)
    scores = (found.scores * weighed).clamp(max=1)
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] > 0]
    return _ordered(found, order, scores, replace(dense, presence=told))


def true_instances(
    found: Detections,
    truth: Regions,
    selection: Selection,
    vocabulary: Vocabulary,
    classes: Collection[int],
) -> Detections:
    """What a detector that knows pixels found, had it known the boxes of some classes.

    Every true region is found once, by its class's likeliest word, and scores as that word's
    presence. Its outline is that of the instance that was found there; where none was, it is what
    the dense map has in the box. What else was found of these classes is gone; other classes'
    instances, and distractors', stay as they are.

    Args:
        found: The detections, with masks and dense scores.
        truth: The true regions.
        selection: What was asked.
        vocabulary: The classes.
        classes: Indices of those whose boxes are told.
    """
    own = true_detections(truth, selection, vocabulary).to("cpu")
    prompts, presence = _likeliest(own.labels.tolist(), selection, found.dense)
    rest = _keep(found, lambda label: label == DISTRACTOR or label not in classes)
    scores = torch.cat([presence, rest.scores.cpu()])
    order = scores.argsort(descending=True, stable=True)
    boxes = torch.cat([own.boxes, rest.boxes.cpu()])
    masks = None
    if found.masks is not None and rest.masks is not None:
        made = torch.cat([_outlines(own, found), rest.masks.full()])
        masks = Masks(made[order.to(made.device)], Geometry.itself(found.masks.size))
    phrases = (*(selection.prompts[i] for i in prompts), *rest.phrases)
    labels = torch.cat([own.labels, rest.labels.cpu()])
    answered = torch.cat([torch.tensor(prompts, dtype=torch.int64), rest.prompt_index.cpu()])
    return Detections(
        boxes=boxes[order],
        scores=scores[order],
        labels=labels[order],
        phrases=tuple(phrases[i] for i in order.tolist()),
        prompt_index=answered[order],
        masks=masks,
        dense=found.dense,
    )


def true_masks(masks: Masks, detections: Detections, truth: Regions) -> Masks:
    """Masks of the image's size, replaced by the true ones where a detection has one."""
    device = masks.logits.device
    logits = masks.full()
    for i, region in _meant(detections.to("cpu"), truth.to("cpu")).items():
        logits[i] = _certain(truth.segments.to(device) == region)
    return replace(masks, logits=logits, geometry=Geometry.itself(masks.size))


def _keep(found: Detections, wanted: Callable[[int], bool]) -> Detections:
    chosen = [wanted(label) for label in found.labels.tolist()]
    return found.select(torch.tensor(chosen, dtype=torch.bool, device=found.boxes.device))


def _certain(inside: Tensor) -> Tensor:
    return (inside.float() * 2 - 1) * _CERTAIN


def _told_presence(dense: DenseScores, there: Collection[int]) -> Tensor:
    """Of every prompt 1 or 0, (P,) float32; of one without a class what it was."""
    labels = dense.labels
    known = [1.0] * len(labels) if dense.presence is None else dense.presence.tolist()
    told = [
        float(label in there) if label >= 0 else was
        for label, was in zip(labels, known, strict=True)
    ]
    return torch.tensor(told, device=dense.maps.device)


def _of_detections(presence: Tensor, found: Detections) -> Tensor:
    """The presence of each detection's prompt, (N,), 1 where it answers none."""
    prompts = found.prompt_index.cpu()
    if not len(presence):
        return torch.ones(len(prompts)).to(found.scores)
    own = presence.float().cpu()[prompts.clamp(min=0)].where(prompts >= 0, 1.0)
    return own.to(found.scores)


def _ordered(found: Detections, order: Tensor, scores: Tensor, dense: DenseScores) -> Detections:
    """Some detections in another order, under other scores (N,)."""
    masks = found.masks
    return Detections(
        boxes=found.boxes[order],
        scores=scores[order],
        labels=found.labels[order],
        phrases=tuple(found.phrases[i] for i in order.tolist()),
        prompt_index=found.prompt_index[order],
        queries=found.queries,
        masks=None if masks is None else masks.select(order.to(masks.logits.device)),
        dense=dense,
    )


def _likeliest(
    labels: Sequence[int], selection: Selection, dense: DenseScores | None
) -> tuple[list[int], Tensor]:
    """For each class its likeliest prompt, and the presence of that, (N,) float32."""
    known = None if dense is None or dense.presence is None else dense.presence
    presence = torch.ones(len(selection.prompts)) if known is None else known.float().cpu()
    best: dict[int, int] = {}
    for i, label in enumerate(selection.labels):
        if label not in best or presence[i] > presence[best[label]]:
            best[label] = i
    prompts = [best[label] for label in labels]
    return prompts, presence[torch.tensor(prompts, dtype=torch.int64)]


def _outlines(own: Detections, found: Detections) -> Tensor:
    """Logits (M, H, W) of true boxes, as the detector outlined what is in them."""
    assert found.masks is not None
    device, size = found.masks.logits.device, found.masks.size
    outlines = torch.full((len(own), *size), -_CERTAIN, device=device)
    if not len(own):
        return outlines
    overlap = torch.zeros(len(own), 1)
    if len(found):
        overlap = box_iou(own.boxes, found.boxes.cpu())
        overlap = overlap.masked_fill(own.labels[:, None] != found.labels.cpu(), 0)
    for i, (share, best) in enumerate(zip(*(t.tolist() for t in overlap.max(1)), strict=True)):
        if share >= SAME_THING:
            outlines[i] = found.masks.full(torch.tensor([best], device=device))[0]
        elif found.dense is not None:
            x1, y1, x2, y2 = own.boxes[i].int().tolist()
            inside = _mapped(int(own.labels[i]), found.dense)[y1:y2, x1:x2]
            outlines[i, y1:y2, x1:x2] = inside.to(device)
    return outlines


def _mapped(label: int, dense: DenseScores) -> Tensor:
    """What the best of a class's dense maps says, as logits (H, W)."""
    words = [i for i, own in enumerate(dense.labels) if own == label]
    maps = dense.full(torch.tensor(words, device=dense.maps.device))
    return maps.amax(0).logit(1e-6)


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
