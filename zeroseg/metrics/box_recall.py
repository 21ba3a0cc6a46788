"""How many of the things in a picture the detector's boxes find."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_iou

from zeroseg.metrics.presence import ratio
from zeroseg.vocabulary import Vocabulary


def count_boxes(
    boxes: Tensor,
    labels: Tensor,
    true_boxes: Tensor,
    true_labels: Tensor,
    classes: int,
    iou: float = 0.5,
) -> Tensor:
    """Count the true boxes of each class, and those that a detection found.

    A true box is found by a detection that overlaps it with IoU >= `iou`. One detection finds one
    true box: pairs are formed greedily, the best overlap first, equal ones in the order of true
    boxes and then of detections. Pairs of equal class and pairs of any class are formed apart.

    Args:
        boxes: (N, 4) detections, x1 y1 x2 y2 in pixels.
        labels: (N,) int64 class indices, -1 for none.
        true_boxes: (M, 4) in the same coordinates.
        true_labels: (M,) int64 class indices.
        classes: K.
        iou: The overlap that is enough.

    Returns:
        (K, 3) int64 on the CPU: true boxes, found under their own class, found under any class or
        none.
    """
    true_labels = true_labels.cpu()
    overlaps = box_iou(true_boxes.cpu().double(), boxes.cpu().double())
    fitting = overlaps.where(overlaps >= iou, -1.0)  # NaN of two empty boxes does not fit either
    same = true_labels[:, None] == labels.cpu()
    counted = [
        torch.ones_like(true_labels, dtype=torch.bool),
        _found(fitting.where(same, -1.0)),
        _found(fitting),
    ]
    return torch.stack(
        [torch.bincount(true_labels[kept], minlength=classes) for kept in counted], dim=1
    )


def recall_scores(counts: Tensor, vocabulary: Vocabulary) -> dict[str, Any]:
    """Recall of boxes over a data set.

    Args:
        counts: (K, 3) int64, the sum of `count_boxes` over all images.
        vocabulary: The K classes.

    Returns:
        `recall` and `recall_any_class` of all boxes, `count` of them, and `per_class` with
        `recall` and `count` for every class but the background. NaN where there is no box.
    """
    total, own, any_class = counts.sum(0).tolist()
    rows = counts.tolist()
    return {
        "recall": ratio(own, total),
        "recall_any_class": ratio(any_class, total),
        "count": total,
        "per_class": {
            vocabulary.names[index]: {
                "recall": ratio(rows[index][1], rows[index][0]),
                "count": rows[index][0],
            }
            for index in vocabulary.classes
        },
    }


def _found(fitting: Tensor) -> Tensor:
    """(M,) bool from (M, N) overlaps, negative where a pair is not allowed."""
    pairs = (fitting >= 0).nonzero()
    order = fitting[fitting >= 0].argsort(descending=True, stable=True)
    found = [False] * fitting.shape[0]
    free = [True] * fitting.shape[1]
    for true, detection in pairs[order].tolist():
        if free[detection] and not found[true]:
            found[true], free[detection] = True, False
    return torch.tensor(found, dtype=torch.bool)
