"""The losses of the tiny detector, on the outputs of the stock model.

The library's own loss puts positives on wrong tokens when the prompts of a batch differ, and leaves
the two-stage head untrained; this one does neither. Every decoder layer and the encoder's proposals
are matched to the regions that answer the prompt (Hungarian; four proposals to a region) and get a
focal loss on all tokens of the prompt, L1 and generalised IoU on the boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

ALPHA, GAMMA = 0.25, 2.0
CLASS, BOX, GIOU = 2.0, 5.0, 2.0
"""Weights of the three terms, in the matching and in the loss."""


@dataclass(frozen=True)
class Targets:
    """What N sets of predictions should find, up to M regions each.

    Attributes:
        boxes: (N, M, 4) float32, cx cy w h in [0, 1].
        tokens: (N, M, T) float32, 1 on the tokens that the region answers.
        counts: N numbers of regions; what lies beyond is padding.
        mask: (N, T) bool, real tokens.
    """

    boxes: Tensor
    tokens: Tensor
    counts: list[int]
    mask: Tensor

    def repeat(self, times: int) -> Targets:
        """The same for `times` layers, one after another."""
        return Targets(
            self.boxes.repeat(times, 1, 1),
            self.tokens.repeat(times, 1, 1),
            self.counts * times,
            self.mask.repeat(times, 1),
        )


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Element-wise focal loss (alpha 0.25, gamma 2) for targets of 0 and 1."""
    probability = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    miss = targets + probability - 2 * targets * probability
    return entropy * miss**GAMMA * (1 - ALPHA + (2 * ALPHA - 1) * targets)


def generalised_iou(ours: Tensor, theirs: Tensor) -> Tensor:
    """Generalised IoU of broadcast boxes (..., 4) given as cx cy w h."""
    low = torch.maximum(_low(ours), _low(theirs)), torch.minimum(_low(ours), _low(theirs))
    high = torch.minimum(_high(ours), _high(theirs)), torch.maximum(_high(ours), _high(theirs))
    inner = (high[0] - low[0]).clamp(min=0).prod(-1)
    outer = (high[1] - low[1]).prod(-1) + 1e-7
    union = ours[..., 2:].prod(-1) + theirs[..., 2:].prod(-1) - inner + 1e-7
    return inner / union - (outer - union) / outer


def _low(boxes: Tensor) -> Tensor:
    return boxes[..., :2] - boxes[..., 2:] / 2


def _high(boxes: Tensor) -> Tensor:
    return boxes[..., :2] + boxes[..., 2:] / 2


@torch.no_grad()
def match(
    logits: Tensor, boxes: Tensor, targets: Targets, copies: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Assign each region to `copies` predictions of its set.

    Returns:
        Three (K,) int64 indices: the set, the prediction in it, the region in it.
    """
    probability = logits.sigmoid()
    gain = ALPHA * (1 - probability) ** GAMMA * F.logsigmoid(logits)
    cost = (1 - ALPHA) * probability**GAMMA * F.logsigmoid(-logits)
    share = targets.tokens / targets.tokens.sum(-1, keepdim=True).clamp(min=1)
    total = CLASS * ((cost - gain) @ share.transpose(1, 2))
    total += BOX * torch.cdist(boxes, targets.boxes, p=1)
    total -= GIOU * generalised_iou(boxes[:, :, None], targets.boxes[:, None])
    costs = total.numpy(force=True)
    parts = []
    for position, count in enumerate(targets.counts):
        if count:
            own = np.tile(costs[position, :, :count], (1, copies))
            predictions, regions = linear_sum_assignment(own)
            parts.append(np.stack([np.full(len(regions), position), predictions, regions % count]))
    chosen = np.concatenate(parts, 1) if parts else np.zeros((3, 0))
    first, second, third = torch.from_numpy(chosen).long().to(logits.device)
    return first, second, third


def set_loss(logits: Tensor, boxes: Tensor, targets: Targets, copies: int = 1) -> Tensor:
    """Class, L1 and GIoU loss of N sets of Q predictions, each divided by the matched boxes.

    Args:
        logits: (N, Q, T) for each token.
        boxes: (N, Q, 4), cx cy w h in [0, 1].
        targets: What they should be.
        copies: How many predictions each region is given to.

    Returns:
        (3,) float32, unweighted.
    """
    sets, predictions, regions = match(logits, boxes, targets, copies)
    count = max(1, len(sets))
    wanted = torch.zeros_like(logits)
    wanted[sets, predictions] = targets.tokens[sets, regions]
    ours, theirs = boxes[sets, predictions], targets.boxes[sets, regions]
    return torch.stack(
        [
            (focal(logits, wanted) * targets.mask[:, None]).sum() / count,
            (ours - theirs).abs().sum() / count,
            (1 - generalised_iou(ours, theirs)).sum() / count,
        ]
    )
