"""How candidates that are scored for every prompt become detections."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms

from zeroseg.values import Detections, Queries, Selection


def best_prompts(queries: Queries, threshold: float, overlap: float) -> tuple[Tensor, Tensor]:
    """Let each candidate stand for the one prompt that it answers best.

    Args:
        queries: The candidates.
        threshold: They must score more than this.
        overlap: Of two whose IoU is above this, whatever their prompts, the lower score goes.

    Returns:
        Indices of candidates by falling score, and of their prompts, (N,) int64 both.
    """
    best, prompts = queries.scores.max(1)
    keep = (best > threshold).nonzero()[:, 0]
    keep = keep[nms(queries.boxes[keep], best[keep], overlap)]
    return keep, prompts[keep]


def answers_by_prompt(queries: Queries, threshold: float, overlap: float) -> tuple[Tensor, Tensor]:
    """Let each candidate stand for every prompt that it answers, a detection each.

    There are no more answers than candidates: the highest of all.

    Args:
        queries: The candidates.
        threshold: Answers must score more than this.
        overlap: Of two answers to one prompt whose IoU is above this, the lower score goes.

    Returns:
        Indices of candidates by falling score, and of the prompts, (N,) int64 both.
    """
    count, prompts = queries.scores.shape
    scores, answers = queries.scores.flatten().topk(count)
    answers = answers[scores > threshold]
    chosen, prompt = answers // prompts, answers % prompts
    scores = queries.scores[chosen, prompt]
    keep = batched_nms(queries.boxes[chosen], scores, prompt, overlap)
    return chosen[keep], prompt[keep]


def clipped(boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4) cut off at the edges of an image, and where something is left of them, (N,)."""
    height, width = size
    boxes = boxes.clamp(min=0)
    boxes = boxes.minimum(boxes.new_tensor([width, height, width, height]))
    return boxes, (boxes[:, 2:] > boxes[:, :2]).all(1)


def named_by_prompts(
    selection: Selection, queries: Queries, chosen: Tensor, prompts: Tensor, size: tuple[int, int]
) -> Detections:
    """Detections whose phrases are prompts.

    Args:
        selection: What was looked for.
        queries: All candidates.
        chosen: Indices of those that are detections, (N,) by falling score.
        prompts: Indices of the prompts that they stand for, (N,).
        size: (height, width) of the image, at whose edges boxes end.
    """
    boxes, seen = clipped(queries.boxes[chosen], size)
    chosen, prompts = chosen[seen], prompts[seen]
    return Detections(
        boxes=boxes[seen],
        scores=queries.scores[chosen, prompts],
        labels=torch.tensor(selection.labels, dtype=torch.int64)[prompts],
        phrases=tuple(selection.prompts[i] for i in prompts.tolist()),
        prompt_index=prompts,
        queries=queries,
    )
