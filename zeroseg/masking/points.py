"""Point samplers: which pixels of a box the mask predictor is shown in its second pass."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.values import Detections, Masks, Points

ON_OBJECT = 1
NO_POINT = -10
"""SAM's labels of a point on the object and of a place that holds no point."""


class TopLogits(PointSampler):
    """The pixels of highest mask logit, at full resolution, best first.

    What the published code does; it looks for them in the whole image and after rounding logits
    to 8 bits, which leaves almost none inside the box: both are options here. Equal logits are
    taken in raster order. A box with fewer pixels than points gets fewer points.

    Args:
        count: Points a box.
        whole_image: Look in the whole image instead of the box.
        quantise: Round as the published code does: the range of all logits of the image to 0-255,
            cut off; where only pixels of level 0 are left, the point is the pixel (0, 0). The
            points of a box then depend on the other boxes of its image.
    """

    def __init__(self, count: int = 20, whole_image: bool = False, quantise: bool = False) -> None:
        super().__init__()
        self.count = _checked(count)
        self.whole_image = whole_image
        self.quantise = quantise

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample the top pixels of each box."""
        crops = _Crops(masks)
        bounds = [crops.whole] * len(masks) if self.whole_image else crops.bounds(detections.boxes)
        lowest, highest = crops.range() if self.quantise else (0.0, 0.0)
        xy = masks.logits.new_zeros(len(masks), self.count, 2, dtype=torch.float32)
        labels = torch.full(xy.shape[:2], NO_POINT, device=xy.device)
        for i, (left, top, right, bottom) in enumerate(bounds):
            values = crops(i, left, top, right, bottom)
            if self.quantise:
                span = highest - lowest if highest > lowest else float("inf")
                values = ((values - lowest) / span * 255).floor()
            index, found = _top(values.flatten()[None], self.count)
            width = max(right - left, 1)
            points = torch.stack([index[0] % width + left, index[0] // width + top], -1)
            if self.quantise and values.numel():
                points[values.flatten()[index[0]] == 0] = 0
            xy[i] = points * found[0, :, None]
            labels[i] = torch.where(found[0], ON_OBJECT, NO_POINT)
        return Points(xy, labels)


class QueryCentres(PointSampler):
    """The centres of the detector's best candidates for the box's prompt (paper, section 3.4).

    What the paper's text says: of all candidates of the detector whose centre lies in the box,
    those that answer its prompt best. A box with fewer of them gets fewer points.

    Args:
        count: Points a box.
    """

    def __init__(self, count: int = 20) -> None:
        super().__init__()
        self.count = _checked(count)

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample candidates' centres in each box.

        Raises:
            ValueError: The detector keeps no candidates.
        """
        if detections.queries is None:
            raise ValueError(
                "QueryCentres needs a detector that keeps its queries (Detections.queries), as "
                "GroundingDino does; use TopLogits with others."
            )
        device = masks.logits.device
        queries, boxes = detections.queries.to(device), detections.boxes.to(device)
        corners = queries.boxes.view(-1, 2, 2)
        centres = corners.mean(1)
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        inside = ((centres >= low) & (centres < high)).all(-1)
        scores = queries.scores[:, detections.prompts.to(device)].T
        index, found = _top(scores, self.count, inside)
        xy = (centres[index] - 0.5).clamp(min=0) * found[..., None]
        return Points(xy, torch.where(found, ON_OBJECT, NO_POINT))


class SpreadPoints(PointSampler):
    """Pixels the mask is sure of, far from one another.

    From the pixel of highest logit on, each next point is the one farthest from those before,
    among the pixels in the box whose logit is positive and at least half the highest. It works at
    the predictor's resolution. Where the candidates run out, or no logit is positive, a box gets
    fewer points, but at least its highest pixel.

    Args:
        count: Points a box.
    """

    def __init__(self, count: int = 20) -> None:
        super().__init__()
        self.count = _checked(count)

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample spread points in each box."""
        pixels = _grid(masks)
        values = masks.logits.float().flatten(1)
        boxes = detections.boxes.to(values.device)
        within = ((pixels >= boxes[:, None, :2]) & (pixels < boxes[:, None, 2:])).all(-1)
        index, found = _top(values, 1, within)
        best = values.gather(1, index)
        sure = within & (values > 0) & (values >= best / 2)
        distance = torch.where(sure, float("inf"), 0.0)
        chosen = [index[:, 0]]
        exists = [found[:, 0]]
        for _ in range(self.count - 1):
            step = (pixels - pixels[chosen[-1]][:, None]).square().sum(-1)
            distance = torch.minimum(distance, step)
            farthest = distance.max(1)
            chosen.append(farthest.indices)
            exists.append(farthest.values > 0)
        found = torch.stack(exists, 1)
        xy = (pixels[torch.stack(chosen, 1)] - 0.5).clamp(min=0) * found[..., None]
        return Points(xy, torch.where(found, ON_OBJECT, NO_POINT))


def _checked(count: int) -> int:
    if count < 1:
        raise ValueError(f"count is {count}; for no points, use no sampler (point_sampler: null)")
    return count


class _Crops:
    """Full-size logits of parts of masks: the values of `Masks.full`, made only where needed.

    Both interpolations of SAM are linear and separable, so that together they are one matrix for
    the rows and one for the columns.
    """

    def __init__(self, masks: Masks) -> None:
        self.logits = masks.logits
        height, width = masks.logits.shape[1:]
        self.rows = self._line(height, masks.frame[0], masks.resized[0], masks.size[0])
        self.columns = self._line(width, masks.frame[1], masks.resized[1], masks.size[1])
        self.whole = (0, 0, masks.size[1], masks.size[0])

    def _line(self, length: int, frame: int, resized: int, size: int) -> Tensor:
        """How much each cell of a line of logits (length) counts for each pixel (size)."""
        cells = torch.eye(length, device=self.logits.device)[None]
        framed = F.interpolate(cells, frame, mode="linear", align_corners=False)[..., :resized]
        return F.interpolate(framed, size, mode="linear", align_corners=False)[0]

    def __call__(self, i: int, left: int, top: int, right: int, bottom: int) -> Tensor:
        """The logits of region `i` in a rectangle of pixels."""
        with torch.autocast(self.logits.device.type, enabled=False):
            rows = self.rows[:, top:bottom].T @ self.logits[i].float()
            return rows @ self.columns[:, left:right]

    def bounds(self, boxes: Tensor) -> list[tuple[int, int, int, int]]:
        """Left, top, right and bottom of the pixels whose centres lie in boxes (N, 4)."""
        _, _, width, height = self.whole
        limit = boxes.new_tensor([width, height, width, height])
        inside = (boxes - 0.5).ceil().clamp(min=0).minimum(limit)
        return [(x1, y1, x2, y2) for x1, y1, x2, y2 in inside.long().tolist()]

    def range(self) -> tuple[float, float]:
        """The lowest and highest logit of all regions and all pixels."""
        ends = [self(i, *self.whole).aminmax() for i in range(len(self.logits))]
        lowest = min((float(end.min) for end in ends), default=0.0)
        return lowest, max((float(end.max) for end in ends), default=0.0)


def _grid(masks: Masks) -> Tensor:
    """Where the centres of the mask's cells lie in the image as given, (h * w, 2) x y."""
    height, width = masks.logits.shape[-2:]
    device = masks.logits.device
    rows = (torch.arange(height, device=device) + 0.5) * masks.frame[0] / height
    columns = (torch.arange(width, device=device) + 0.5) * masks.frame[1] / width
    y = rows * masks.size[0] / masks.resized[0]
    x = columns * masks.size[1] / masks.resized[1]
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).view(-1, 2)


def _top(values: Tensor, count: int, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The `count` highest allowed places of each row, ties in order.

    Args:
        values: (n, L) float.
        count: Places a row.
        allowed: (n, L) bool, all by default.

    Returns:
        Indices (n, count) into the row, best first, and whether there is such a place at all,
        (n, count) bool.
    """
    if allowed is not None:
        values = values.masked_fill(~allowed, float("-inf"))
    kept = min(count, values.shape[1])
    taken, index = values.topk(kept)
    last = taken[:, -1:]
    if kept and bool(((values >= last).sum(1) > kept).any()):
        rank = (values >= last).long() + (values > last).long()
        order = torch.arange(values.shape[1], 0, -1, device=values.device)
        index = (rank * (len(order) + 1) + order).topk(kept).indices
    index = index.sort(dim=1).values
    taken, best_first = values.gather(1, index).sort(dim=1, descending=True, stable=True)
    padding = (0, count - kept)
    return F.pad(index.gather(1, best_first), padding), F.pad(taken > float("-inf"), padding)
