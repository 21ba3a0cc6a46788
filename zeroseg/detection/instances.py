"""Masks that answer prompts: their boxes, and which of them say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import nms
from typing_extensions import Self

from zeroseg.running.transfer import sent


@dataclass(frozen=True)
class Instances:
    """N regions of one image that answer prompts.

    Attributes:
        scores: (N,) float32, on the CPU.
        prompts: (N,) int64, position of the prompt that each answers, on the CPU.
        boxes: (N, 4) float32, x1 y1 x2 y2 in shares of the image, on the CPU.
        logits: (N, h, w) float32, their masks, on the network's device.
    """

    scores: Tensor
    prompts: Tensor
    boxes: Tensor
    logits: Tensor

    @classmethod
    def of(cls, scores: Tensor, prompts: Tensor, logits: Tensor) -> Self:
        """With boxes read off the masks; what has no pixel is left out."""
        boxes = boxes_of(logits > 0).cpu()
        seen = (boxes[:, 2] > boxes[:, 0]).nonzero()[:, 0]
        there = sent(seen, logits.device)
        return cls(scores[seen], prompts[seen], boxes[seen], logits[there])

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, index: Tensor) -> Instances:
        """The regions at `index`, (M,) int64 on the CPU."""
        there = sent(index, self.logits.device)
        return Instances(
            self.scores[index], self.prompts[index], self.boxes[index], self.logits[there]
        )

    def thinned(self, labels: Sequence[int], iou: float, most: int) -> Instances:
        """The best regions, best first: of two of a class that overlap, the better one.

        Args:
            labels: The class of each prompt; what has none (below 0) is a class of its own.
            iou: Two boxes whose IoU is above this overlap.
            most: How many are left at most.
        """
        classes = torch.tensor([own if own >= 0 else -1 - i for i, own in enumerate(labels)])
        own = classes[self.prompts]
        kept = [torch.zeros(0, dtype=torch.int64)]
        for label in own.unique().tolist():
            of_class = (own == label).nonzero()[:, 0]
            kept.append(of_class[nms(self.boxes[of_class], self.scores[of_class], iou)])
        index = torch.cat(kept).sort().values
        order = self.scores[index].argsort(descending=True, stable=True)
        return self.select(index[order[:most]])


def joined(parts: Sequence[Instances]) -> Instances:
    """The regions of several answers."""
    names = ("scores", "prompts", "boxes", "logits")
    joint: Any = (torch.cat([getattr(part, name) for part in parts]) for name in names)
    return Instances(*joint)


def boxes_of(masks: Tensor) -> Tensor:
    """The smallest boxes around masks (N, h, w) bool: (N, 4) float32 in shares of the frame.

    Around a mask without a pixel it is (0, 0, 0, 0).
    """
    height, width = masks.shape[1:]
    edges = []
    for axis, length in ((2, height), (1, width)):
        taken = masks.any(axis).int()  # argmax gives the first of equals
        first, last = taken.argmax(1), length - taken.flip(1).argmax(1)
        edges.append(torch.stack([first, last], -1).float() / length)
    (y, x), some = edges, masks.flatten(1).any(1)
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], -1) * some[:, None]
