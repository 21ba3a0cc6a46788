"""What SAM 3's answers cost: each query's box, score and mask, presence, and the dense map."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from benchmarks.recipes.detector_loss import BOX, CLASS, GIOU, focal, generalised_iou
from benchmarks.recipes.sam3_model import Answers
from benchmarks.recipes.sam3_prompts import Targets

SCORE = 3.0
"""Weight of the queries' scores; `focal` weighs a query that should be silent three times one that
should not, or several would answer for the same thing."""
ABSENT = 0.15
"""Weight of the scores of a prompt that nothing answers: presence has it in hand already."""
EARLIER = 0.3
"""Weight of the masks of the layer before the last."""


@torch.no_grad()
def match(answers: Answers, targets: Targets) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Assign each region to one query in each layer: (K,) layer, prompt, query and region."""
    layers = len(answers.logits)
    apart = [torch.cdist(boxes, targets.boxes, p=1) for boxes in answers.boxes]
    cost = BOX * torch.stack(apart) - CLASS * answers.logits.sigmoid()[..., None]
    cost -= GIOU * generalised_iou(answers.boxes[:, :, :, None], targets.boxes[None, :, None])
    costs = cost.numpy(force=True)
    parts = [np.zeros((4, 0))]
    for layer in range(layers):
        for prompt, count in enumerate(targets.counts):
            if count:
                queries, regions = linear_sum_assignment(costs[layer, prompt, :, :count])
                where = np.full((2, count), [[layer], [prompt]])
                parts.append(np.stack([*where, queries, regions]))
    layer, prompt, query, region = torch.from_numpy(np.concatenate(parts, 1)).long()
    return layer, prompt, query, region


def dice(logits: Tensor, wanted: Tensor) -> Tensor:
    """1 - Dice of each map (..., H, W) with squares below, as it is for shares of pixels."""
    chance = logits.sigmoid()
    both = (chance * wanted).sum((-1, -2))
    total = chance.square().sum((-1, -2)) + wanted.square().sum((-1, -2))
    return 1 - (2 * both + 1) / (total + 1)


def entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean binary cross-entropy of each map (..., H, W)."""
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((-1, -2))


def _map_loss(logits: Tensor, wanted: Tensor, present: Tensor, absent: float) -> Tensor:
    """Cross-entropy everywhere, `absent` times where nothing answers, and Dice where something."""
    weights = torch.where(present > 0, 1.0, absent)
    everywhere = (entropy(logits, wanted) * weights).mean()
    return 2 * everywhere + (dice(logits, wanted) * present).sum() / present.sum().clamp(min=1)


def answer_losses(answers: Answers, targets: Targets) -> dict[str, Tensor]:
    """The weighted losses; "iou" (matched masks) and "right" (presence) are to be watched only."""
    layer, prompt, query, region = match(answers, targets)
    layers, _, queries = answers.logits.shape
    count = max(1, len(layer))
    wanted = torch.zeros_like(answers.logits)
    wanted[layer, prompt, query] = 1.0
    weights = torch.where(targets.present > 0, 1.0, ABSENT)[:, None]
    ours, theirs = answers.boxes[layer, prompt, query], targets.boxes[prompt, region]
    presence = targets.present.expand(layers, -1)
    losses = {
        "score": SCORE * (focal(answers.logits, wanted) * weights).sum() / count,
        "box": BOX * (ours - theirs).abs().sum() / count,
        "giou": GIOU * (1 - generalised_iou(ours, theirs)).sum() / count,
        "presence": F.binary_cross_entropy_with_logits(answers.presence, presence),
        "dense": _map_loss(answers.dense, targets.union, targets.present, 0.5),
        "cells": _map_loss(answers.cells, F.avg_pool2d(targets.union, 2), targets.present, 1.0),
    }
    masks = torch.zeros((), device=weights.device)
    for back, share in ((0, 1.0), (1, EARLIER)):
        own = layer == layers - 1 - back
        if own.any():
            logits = answers.masks[prompt[own], query[own] + back * queries]
            truth = targets.masks[prompt[own], region[own]]
            masks = masks + share * (2 * entropy(logits, truth) + dice(logits, truth)).mean()
            if back == 0:
                losses["iou"] = _iou(logits, truth)
    losses["masks"] = masks
    losses["right"] = ((answers.presence[-1] > 0) == (targets.present > 0)).float().mean()
    return losses


def _iou(logits: Tensor, truth: Tensor) -> Tensor:
    found, true = logits > 0, truth > 0.5
    both, either = (found & true).sum((-1, -2)), (found | true).sum((-1, -2))
    return (both / either.clamp(min=1)).mean()
