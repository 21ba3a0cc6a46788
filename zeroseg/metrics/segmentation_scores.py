"""Scores from counts of pixels, summed over a whole data set before anything is divided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchmetrics import Metric

from zeroseg.metrics.pixel_counts import BOUNDARY_RATIO, PixelCounts, count_pixels
from zeroseg.metrics.protocol import STANDARD, Protocol
from zeroseg.vocabulary import Vocabulary


def class_iou(hit: Any, predicted: Any, true: Any) -> Any:
    """IoU of each class; NaN for one that occurs in neither.

    Args:
        hit: Pixels of each class in truth and prediction alike, as floating point numbers.
        predicted: In the prediction.
        true: In the truth; tensors or arrays of one shape.
    """
    return hit / (predicted + true - hit)  # 0 / 0 is NaN, on purpose


def summarize(
    counts: PixelCounts,
    vocabulary: Vocabulary,
    protocol: Protocol = STANDARD,
    scored: Sequence[int] | None = None,
    void_classes: int = 0,
) -> dict[str, float]:
    """The scores of a data set.

    Counts are summed over all images first (the field's convention, and the
    reference's): small and large images weigh by their pixels, not equally.

    Args:
        counts: Of all images.
        vocabulary: The K classes.
        protocol: What a class without any pixel counts for; such a class is NaN, or 0 if the
            protocol counts it so.
        scored: Indices of the classes that the overall scores are about; all by default,
            background included.
        void_classes: See `Protocol.mean`.

    Returns:
        `iou/<class>`, intersection over union; `accuracy/<class>`, the share of the class's true
        pixels that were found; `boundary_iou/<class>`, IoU of its boundaries. Their means over the
        scored classes are `miou`, `mean_accuracy` and `boundary_iou`; where the vocabulary has
        stuff, also `miou_things` and `miou_stuff`, over its things and its stuff alone. Over the
        pixels whose true class is scored, `pixel_accuracy` is the share found,
        `frequency_weighted_iou` the mean of their classes' IoU. All in [0, 1], NaN where there is
        nothing to divide by.
    """
    chosen = list(scored) if scored is not None else list(range(len(vocabulary)))
    hit, predicted, true = counts.areas.double().unbind(1)
    per_class = {
        "iou": class_iou(hit, predicted, true),
        "accuracy": hit / true,
        "boundary_iou": class_iou(*counts.boundary.double().unbind(1)),
    }
    pixels = true[chosen].sum()
    weighted = per_class["iou"].nan_to_num(0.0) * true
    scores = {
        "miou": protocol.mean(per_class["iou"][chosen], void_classes),
        "mean_accuracy": protocol.mean(per_class["accuracy"][chosen], void_classes),
        "pixel_accuracy": float(hit[chosen].sum() / pixels),
        "frequency_weighted_iou": float(weighted[chosen].sum() / pixels),
        "boundary_iou": protocol.mean(per_class["boundary_iou"][chosen], void_classes),
    }
    for kind, own in kinds(vocabulary, chosen).items():
        scores[f"miou_{kind}"] = protocol.mean(per_class["iou"][own])
    for name, values in per_class.items():
        settled = protocol.settle(values).tolist()
        scores |= {f"{name}/{c}": v for c, v in zip(vocabulary.names, settled, strict=True)}
    return scores


def kinds(vocabulary: Vocabulary, scored: Sequence[int]) -> dict[str, list[int]]:
    """The scored classes that are things, and those that are stuff; nothing without any stuff.

    A background is neither, unless the vocabulary calls it stuff.
    """
    if not vocabulary.stuff:
        return {}
    sides = {"things": vocabulary.things, "stuff": vocabulary.stuff}
    return {kind: [i for i in scored if i in own] for kind, own in sides.items()}


class SegmentationScores(Metric):
    """`summarize` of a data set that is seen image by image, on any number of devices.

    Args:
        vocabulary: The classes, and the ignore index.
        protocol: See `summarize`.
        scored: See `summarize`.
        void_classes: See `summarize`.
        boundaries: Whether boundaries are counted; without, their scores are missing.

    Example:
        >>> import torch
        >>> from zeroseg import Vocabulary
        >>> from zeroseg.metrics import SegmentationScores
        >>> scores = SegmentationScores(Vocabulary.parse("dog, boat"))
        >>> scores.update(torch.tensor([[0, 1, 1, 1]]), torch.tensor([[0, 0, 1, 1]]))
        >>> computed = scores.compute()
        >>> round(computed["iou/dog"], 3), round(computed["miou"], 3), computed["pixel_accuracy"]
        (0.667, 0.583, 0.75)
    """

    full_state_update = False
    higher_is_better = True
    matrix: Tensor
    boundary: Tensor
    unlisted: Tensor

    def __init__(
        self,
        vocabulary: Vocabulary,
        protocol: Protocol = STANDARD,
        scored: Sequence[int] | None = None,
        void_classes: int = 0,
        boundaries: bool = True,
    ) -> None:
        super().__init__()
        self.vocabulary, self.protocol = vocabulary, protocol
        self.scored, self.void_classes, self.boundaries = scored, void_classes, boundaries
        zeros = PixelCounts.zeros(len(vocabulary))
        self.add_state("matrix", zeros.confusion, dist_reduce_fx="sum")
        self.add_state("boundary", zeros.boundary, dist_reduce_fx="sum")
        self.add_state("unlisted", zeros.unlisted, dist_reduce_fx="sum")

    @property
    def counts(self) -> PixelCounts:
        """The counts so far, of this process until `compute` gathers them."""
        return PixelCounts.of(self.matrix, self.boundary, self.unlisted)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count one image's pixels, two (H, W) maps of class indices."""
        counts = count_pixels(
            prediction.to(self.matrix.device),
            target.to(self.matrix.device),
            self.vocabulary,
            BOUNDARY_RATIO if self.boundaries else None,
        )
        own = counts.occurring
        self.matrix[own[:, None], own] += counts.matrix
        self.boundary[own] += counts.edges
        self.unlisted[own] += counts.missed

    def compute(self) -> dict[str, float]:
        """See `summarize`."""
        scores = summarize(
            # Not every device knows float64, which scores are divided in.
            self.counts.to("cpu"),
            self.vocabulary,
            self.protocol,
            self.scored,
            self.void_classes,
        )
        if self.boundaries:
            return scores
        return {n: value for n, value in scores.items() if not n.startswith("boundary_iou")}
