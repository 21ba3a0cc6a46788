"""Temporal consistency: whether what a pixel shows keeps its class from frame to frame."""

from __future__ import annotations

import torch
from torch import Tensor

from zeroseg.metrics.segmentation_scores import class_iou


class TemporalConsistency:
    """Temporal consistency of Liu et al. (2020), with true motion in place of estimated flow.

    TC ("Efficient Semantic Video Segmentation with Per-frame Inference", ECCV 2020) is the mIoU of
    the label maps of two frames that follow each other, one warped to the other. The truth is not
    read: what is always the same is consistent. As in the authors' code
    (https://github.com/irfanICMLL/ETC-Real-time-Per-frame-Semantic-video-segmentation,
    `tool/eval_tc.py`) and in that of VSPW (Miao et al., CVPR 2021;
    https://github.com/VSPW-dataset/VSPW_code, `TC_cal.py`), pixels are counted over all pairs of
    frames before IoUs are taken.

    What is otherwise here: both warp the later frame back by an estimated optical flow (FlowNet 2,
    RAFT), hidden pixels included; here the earlier frame is warped on by motion that has to be
    known, as that of drawn scenes is, and pixels that were hidden in it, or outside of it, are left
    out. A class in neither frame is left out, and is an IoU of 0 in the former's code.

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
