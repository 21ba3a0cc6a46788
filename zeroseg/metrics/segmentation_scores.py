"""Intersection over union from one confusion matrix over a whole data set."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from zeroseg.vocabulary import Vocabulary


def confusion(prediction: Tensor, target: Tensor, classes: int, ignore_index: int) -> Tensor:
    """Count pixels by true class (rows) and predicted class (columns).

    Args:
        prediction: Class indices of any shape.
        target: True class indices of the same shape; `ignore_index` leaves a pixel out.
        classes: K.
        ignore_index: See `target`.

    Returns:
        (K, K) int64.

    Raises:
        ValueError: The shapes differ, or a class lies outside 0..K-1.
    """
    if prediction.shape != target.shape:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"prediction and target differ in shape: {shapes}")
    kept = target != ignore_index
    true, predicted = target[kept].long(), prediction[kept].long()
    if true.numel() and (
        int(torch.stack([true, predicted]).min()) < 0
        or int(torch.stack([true, predicted]).max()) >= classes
    ):
        raise ValueError(f"class indices outside 0..{classes - 1}")
    return torch.bincount(true * classes + predicted, minlength=classes**2).view(classes, classes)


def class_iou(matrix: Tensor) -> Tensor:
    """IoU of each class from a (K, K) confusion matrix; NaN for one that occurs in neither."""
    hit = matrix.diagonal().double()
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return hit / union  # 0 / 0 is NaN, on purpose


class SegmentationScores(Metric):
    """mIoU, per-class IoU and pixel accuracy of a data set.

    Counts are summed over all images before anything is divided (the field's convention, and
    the published evaluation's): small and large images weigh by their pixels, not equally.
    mIoU is the mean over all classes, background included, that occur in the truth or in the
    predictions; a class that occurs in neither is left out. Void pixels count for nothing.

    Args:
        vocabulary: The classes, and the ignore index.
    """

    full_state_update = False
    higher_is_better = True
    matrix: Tensor

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        count = len(vocabulary)
        zeros = torch.zeros(count, count, dtype=torch.int64)
        self.add_state("matrix", zeros, dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count one image's pixels, two (H, W) maps of class indices."""
        counts = confusion(
            prediction.to(self.matrix.device),
            target.to(self.matrix.device),
            len(self.vocabulary),
            self.vocabulary.ignore_index,
        )
        self.matrix += counts

    def compute(self) -> dict[str, float]:
        """`miou`, `pixel_accuracy`, and `iou/<class>` for every class (NaN if it never occurs)."""
        iou = class_iou(self.matrix)
        total = self.matrix.sum()
        scores = {
            "miou": float(iou.nanmean()),
            "pixel_accuracy": float(self.matrix.diagonal().sum() / total.clamp(min=1)),
        }
        names = self.vocabulary.names
        return scores | {f"iou/{n}": float(v) for n, v in zip(names, iou, strict=True)}
