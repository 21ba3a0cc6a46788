"""Point samplers: which pixels of a box the mask predictor is shown in its second pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.running.transfer import sent
from zeroseg.values import Detections, Masks, Points

ON_OBJECT = 1
NO_POINT = -10
"""SAM's labels of a point on the object and of a place that holds no point."""

OUTSIDE = float("-inf")
"""The value of what may not be chosen."""

PIXELS = 2**20
"""Logits that are brought to full size at a time, unless a single region has more."""

Bounds = tuple[int, int, int, int]
"""Left, top, right and bottom of a rectangle of whole pixels; right and bottom are outside."""


class TopLogits(PointSampler):
    """The pixels of the box of highest mask logit, at full resolution, best first.

    Equal logits are taken in raster order. A box with fewer pixels than points gets fewer points.
    The published code looks in the whole image: `zeroseg.reference.ReferencePoints`.

    Args:
        count: Points a box.
    """

    def __init__(self, count: int = 20) -> None:
        super().__init__()
        self.count = checked_count(count)

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample the top pixels of each box."""
        windows = Windows(masks)
        xy = masks.logits.new_zeros(len(masks), self.count, 2, dtype=torch.float32)
        labels = torch.full(xy.shape[:2], NO_POINT, device=xy.device)
        for part, corners, values in windows(windows.bounds(detections.boxes)):
            places, best = top_pixels(values, self.count)
            found = best > OUTSIDE
            xy[part] = ((places + corners[:, None]) * found[..., None]).float()
            labels[part] = torch.where(found, ON_OBJECT, NO_POINT)
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
        self.count = checked_count(count)

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
        scores = queries.scores[:, detections.prompt_index.to(device)].T
        index, best = _top(scores.masked_fill(~inside, OUTSIDE), self.count)
        found = best > OUTSIDE
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
        self.count = checked_count(count)

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample spread points in each box."""
        pixels = _grid(masks)
        values = masks.logits.float().flatten(1)
        boxes = detections.boxes.to(values.device)
        within = ((pixels >= boxes[:, None, :2]) & (pixels < boxes[:, None, 2:])).all(-1)
        index, best = _top(values.masked_fill(~within, OUTSIDE), 1)
        sure = within & (values > 0) & (values >= best / 2)
        distance = torch.where(sure, float("inf"), 0.0)
        chosen = [index[:, 0]]
        exists = [best[:, 0] > OUTSIDE]
        for _ in range(self.count - 1):
            step = (pixels - pixels[chosen[-1]][:, None]).square().sum(-1)
            distance = torch.minimum(distance, step)
            farthest = distance.max(1)
            chosen.append(farthest.indices)
            exists.append(farthest.values > 0)
        found = torch.stack(exists, 1)
        xy = (pixels[torch.stack(chosen, 1)] - 0.5).clamp(min=0) * found[..., None]
        return Points(xy, torch.where(found, ON_OBJECT, NO_POINT))


MOST_POINTS = 1000
"""Points a box that can be asked for; mask predictors were trained with about ten."""


def checked_count(count: int) -> int:
    """A number of points a box, which is at least one, and not so many that memory runs out.

    Raises:
        ValueError: It is another.
    """
    if count < 1:
        raise ValueError(f"count is {count}; for no points, use no sampler (point_sampler: null)")
    if count > MOST_POINTS:
        raise ValueError(f"count is {count}, but a box can have {MOST_POINTS} points at most")
    return count


class Windows:
    """Full-size logits of parts of masks: the values of `Masks.full`, made only where needed.

    Both interpolations of SAM are linear and separable, so that together they are one matrix for
    the rows and one for the columns. Windows of about one size are computed together.
    """

    def __init__(self, masks: Masks) -> None:
        self.logits = masks.logits
        height, width = masks.logits.shape[1:]
        frame, resized = masks.geometry.frame, masks.geometry.resized
        self.rows = self._line(height, frame[0], resized[0], masks.size[0])
        self.columns = self._line(width, frame[1], resized[1], masks.size[1])
        self.whole = (0, 0, masks.size[1], masks.size[0])

    def _line(self, length: int, frame: int, resized: int, size: int) -> Tensor:
        """How much each cell of a line of logits counts for each pixel, (size, length)."""
        cells = torch.eye(length, device=self.logits.device)[None]
        framed = F.interpolate(cells, frame, mode="linear", align_corners=False)[..., :resized]
        return F.interpolate(framed, size, mode="linear", align_corners=False)[0].T.contiguous()

    def __call__(self, bounds: Sequence[Bounds]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The logits of every region in its own rectangle of pixels.

        Args:
            bounds: Left, top, right and bottom of each.

        Yields:
            Some regions (n,), the left top corners of their rectangles (n, 2) x y, and the logits
            there, (n, h, w) float32, `OUTSIDE` to the right of and below a smaller rectangle.
        """
        for part in _alike(bounds, self.logits.shape[1:].numel()):
            places = torch.tensor([(i, *bounds[i]) for i in part]).T
            index, *sides = sent(places, self.logits.device)
            left, top, right, bottom = sides
            columns = left[:, None] + torch.arange(_longest(bounds, part, 0), device=left.device)
            rows = top[:, None] + torch.arange(_longest(bounds, part, 1), device=top.device)
            with torch.autocast(self.logits.device.type, enabled=False):
                by_row = self.rows[rows.clamp(max=len(self.rows) - 1)]
                by_column = self.columns[columns.clamp(max=len(self.columns) - 1)]
                values = by_row @ self.logits[index].float() @ by_column.mT
            beyond = (rows >= bottom[:, None])[:, :, None] | (columns >= right[:, None])[:, None]
            yield index, torch.stack([left, top], -1), values.masked_fill_(beyond, OUTSIDE)

    def bounds(self, boxes: Tensor) -> list[Bounds]:
        """Left, top, right and bottom of the pixels whose centres lie in boxes (N, 4)."""
        left, top, right, bottom = (boxes.cpu() - 0.5).ceil().clamp(min=0).T
        _, _, width, height = self.whole
        sides = [left.clamp(max=width), top.clamp(max=height)]
        sides += [right.clamp(max=width), bottom.clamp(max=height)]
        return [(x1, y1, x2, y2) for x1, y1, x2, y2 in torch.stack(sides, 1).long().tolist()]


def _alike(bounds: Sequence[Bounds], least: int) -> Iterator[list[int]]:
    """Rectangles of about one size, as many together as `PIXELS` allows, all of them in the end.

    Each counts as its part's longest sides say, and as no fewer than `least` pixels.
    """

    def sides(*part: int) -> tuple[int, int]:
        return _longest(bounds, part, 1), _longest(bounds, part, 0)

    part: list[int] = []
    for i in sorted(range(len(bounds)), key=sides):
        height, width = sides(*part, i)
        if part and (len(part) + 1) * max(height * width, least) > PIXELS:
            yield part
            part = []
        part = [*part, i]
    if part:
        yield part


def _longest(bounds: Sequence[Bounds], part: Sequence[int], axis: int) -> int:
    """Width (axis 0) or height (axis 1) that holds some rectangles, at least 1."""
    return max(1, *(bounds[i][axis + 2] - bounds[i][axis] for i in part))


def _grid(masks: Masks) -> Tensor:
    """Where the centres of the mask's cells lie in the image as given, (h * w, 2) x y."""
    height, width = masks.logits.shape[-2:]
    device = masks.logits.device
    frame, resized = masks.geometry.frame, masks.geometry.resized
    rows = (torch.arange(height, device=device) + 0.5) * frame[0] / height
    columns = (torch.arange(width, device=device) + 0.5) * frame[1] / width
    y = rows * masks.size[0] / resized[0]
    x = columns * masks.size[1] / resized[1]
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).view(-1, 2)


def top_pixels(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest pixels of each picture, best first, ties in raster order.

    Whatever is among the highest of a picture stands in one of the `count` rows whose own highest
    are the best: only those are searched.

    Args:
        values: (n, h, w) float32.
        count: Pixels a picture.

    Returns:
        x and y, (n, count, 2) int64, and the values there, `OUTSIDE` where there is no pixel left.
    """
    width = values.shape[2]
    rows = _top(values.amax(2), count)[0][:, : values.shape[1]].sort(dim=1).values
    strips = values.gather(1, rows[..., None].expand(-1, -1, width))
    index, best = _top(strips.flatten(1), count)
    return torch.stack([index % width, rows.gather(1, index // width)], -1), best


def _top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest places of each row, best first, ties in order.

    A value and its place make one whole number, since equal values come from `topk` in any order.

    Args:
        values: (n, L) float32.
        count: Places a row.

    Returns:
        Indices into the row (n, count) and the values there, (n, count); beyond the end of the row
        index 0 and `OUTSIDE`.
    """
    length = values.shape[1]
    bits = (values + 0.0).view(torch.int32).long()  # adding 0 makes -0 equal to it
    rising = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    places = torch.arange(length - 1, -1, -1, device=values.device)
    keys = ((rising << 32) + places).topk(min(count, length)).values
    index = length - 1 - (keys & 0xFFFFFFFF)
    padding = (0, max(0, count - length))
    return F.pad(index, padding), F.pad(values.gather(1, index), padding, value=OUTSIDE)
