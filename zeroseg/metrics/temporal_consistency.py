"""Temporal consistency: whether what a pixel shows keeps its class from frame to frame."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.metrics.segmentation_scores import class_iou


class TemporalConsistency:
    """Temporal consistency of Liu et al. (2020), with true motion in place of estimated flow.

    TC ("Efficient Semantic Video Segmentation with Per-frame Inference", ECCV 2020) warps the label
    map of a frame to the next one and takes the mIoU of the two predictions. The truth is not
    read: what is always the same is consistent. The paper warps by an estimated optical flow; here
    the motion has to be known, as that of drawn scenes is, and pixels that were hidden in the frame
    before, or outside of it, are left out. Pixels are counted over all pairs of frames first,
    as for mIoU, while the paper takes the mean over pairs; a class in neither is left out.

    `agreement` is the share of the same pixels that keep their class.

    Args:
        classes: K, how many there are.

    Example:
        >>> import torch
        >>> from zeroseg.metrics import TemporalConsistency
        >>> still = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij"), -1)
        >>> consistency = TemporalConsistency(classes=2)
        >>> before, now = torch.tensor([[0, 0], [1, 1]]), torch.tensor([[0, 0], [1, 0]])
        >>> consistency.update(before, now, still, torch.ones(2, 2, dtype=torch.bool))
        >>> round(consistency.agreement, 2), round(consistency.tc, 2)
        (0.75, 0.58)
    """

    def __init__(self, classes: int) -> None:
        self.confusion = torch.zeros(classes, classes, dtype=torch.int64)

    def update(self, before: Tensor, now: Tensor, source: Tensor, seen: Tensor) -> None:
        """Count a pair of frames.

        Args:
            before: (H, W) int64, the label map of a frame.
            now: That of the next.
            source: (H, W, 2) int64, row and column in the frame before of what each pixel shows.
            seen: (H, W) bool, where it was to be seen there.
        """
        classes = len(self.confusion)
        rows, columns = source[seen].unbind(-1)
        pairs = before[rows, columns] * classes + now[seen]
        counts = pairs.bincount(minlength=classes * classes)
        self.confusion += counts.view(classes, classes)

    @property
    def tc(self) -> float:
        """The mIoU of predictions and warped predictions, in [0, 1]; NaN without a pixel."""
        counts = self.confusion.double()
        iou: Tensor = class_iou(counts.diagonal(), counts.sum(0), counts.sum(1))
        return float(iou.nanmean())

    @property
    def agreement(self) -> float:
        """The share of pixels that keep their class, in [0, 1]; NaN without a pixel."""
        counts = self.confusion.double()
        return float(counts.diagonal().sum() / counts.sum())
