"""A detector's candidates in windows, as those of their picture, and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zeroseg.tiling.windows import Window
from zeroseg.values import Detections, Queries


def candidates_of(window: Window, found: Detections) -> Queries | None:
    """A window's candidates whose middle lies in something found there, in pixels of its picture.

    Points are sampled from candidates within a region's box; all of many windows would be half a
    million.
    """
    if found.queries is None:
        return None
    own = found.queries
    x, y = (own.boxes.view(-1, 2, 2).mean(1)[:, axis, None] for axis in (0, 1))
    x1, y1, x2, y2 = found.boxes.to(own.boxes).unbind(1)
    near = ((x >= x1) & (x < x2) & (y >= y1) & (y < y2)).any(1)
    return Queries((own.boxes[near] + _corner(window, own.boxes)).cpu(), own.scores[near].cpu())


def gathered(several: Sequence[Queries | None]) -> Queries | None:
    """Candidates of several windows; None from a detector that keeps none."""
    known = [own for own in several if own is not None]
    if not known:
        return None
    return Queries(torch.cat([own.boxes for own in known]), torch.cat([q.scores for q in known]))


def within(window: Window, queries: Queries) -> Queries:
    """Candidates whose middle lies in a window of their picture, in pixels of the window."""
    boxes = queries.boxes - _corner(window, queries.boxes)
    middle = boxes.view(-1, 2, 2).mean(1)
    size = middle.new_tensor([window.width, window.height])
    shown = ((middle >= 0) & (middle < size)).all(1)
    return Queries(boxes[shown], queries.scores[shown])


def _corner(window: Window, like: Tensor) -> Tensor:
    return like.new_tensor([window.left, window.top] * 2)
