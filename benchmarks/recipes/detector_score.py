"""How well a detector finds the classes of a fixed prompt: average precision and false alarms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_iou


@dataclass
class DetectionScore:
    """Collects the candidates and the truth of many images for P prompts, then sums up.

    Attributes:
        prompts: The P words asked for in every image.
        threshold: Score above which a candidate counts as a detection.
    """

    prompts: tuple[str, ...]
    threshold: float = 0.3
    _scores: list[list[Tensor]] = field(default_factory=list)
    _ious: list[list[Tensor]] = field(default_factory=list)

    def add(self, boxes: Tensor, scores: Tensor, truth: Tensor, labels: Tensor) -> None:
        """Take in one image.

        Args:
            boxes: (Q, 4) float32 corners of the candidates.
            scores: (Q, P) float32 in [0, 1].
            truth: (M, 4) float32 corners of the regions that are there.
            labels: (M,) int64, which prompt each answers.
        """
        own = [truth[labels == prompt] for prompt in range(len(self.prompts))]
        self.add_overlaps(scores, [box_iou(boxes, regions) for regions in own])

    def add_overlaps(self, scores: Tensor, ious: list[Tensor]) -> None:
        """Take in one image by the candidates' IoU (Q, M) with the M regions of each prompt."""
        self._scores.append(list(scores.T))
        self._ious.append(ious)

    def average_precision(self, prompt: int, iou: float = 0.5) -> float:
        """Area under the interpolated precision-recall curve of one prompt; NaN if never there."""
        ranked: list[tuple[float, int, int]] = []
        count = 0
        for image, (scores, ious) in enumerate(zip(self._scores, self._ious, strict=True)):
            count += ious[prompt].shape[1]
            candidates = (scores[prompt] > 0.01).nonzero()[:, 0].tolist()
            ranked += [(-float(scores[prompt][q]), image, q) for q in candidates]
        if not count:
            return float("nan")
        found: set[tuple[int, int]] = set()
        hits = np.zeros(len(ranked))
        for rank, (_, image, query) in enumerate(sorted(ranked)):
            overlaps = self._ious[image][prompt][query]
            best = int(overlaps.argmax()) if len(overlaps) else -1
            if best >= 0 and overlaps[best] >= iou and (image, best) not in found:
                found.add((image, best))
                hits[rank] = 1
        precision = hits.cumsum() / np.arange(1, len(hits) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        return float((precision * hits).sum() / count)

    def summary(self) -> dict[str, float]:
        """AP50 and AP75 (mean over prompts), and how absent and present prompts score."""
        prompts = range(len(self.prompts))
        best = torch.stack([torch.stack([s.max() for s in scores]) for scores in self._scores])
        there = torch.tensor([[bool(iou.shape[1]) for iou in ious] for ious in self._ious])
        alarms = (best > self.threshold) & ~there
        return {
            "AP50": float(np.nanmean([self.average_precision(p) for p in prompts])),
            "AP75": float(np.nanmean([self.average_precision(p, 0.75) for p in prompts])),
            "present": float(best[there].mean()),
            "found": float((best[there] > self.threshold).float().mean()),
            "absent": float(best[~there].mean()),
            "false": float(alarms.sum() / (~there).sum()),
        }
