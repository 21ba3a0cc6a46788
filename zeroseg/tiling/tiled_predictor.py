"""A mask predictor that looks at boxes of large pictures in windows that hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.tiling.looking import apart, batches, size_of
from zeroseg.tiling.regions import no_masks
from zeroseg.tiling.tiled_candidates import within
from zeroseg.tiling.tiled_masks import TiledMasks
from zeroseg.tiling.windows import Box, Tiling, Window
from zeroseg.values import Detections, Masks, Points, check_images

ROOM = 1 / 8
"""Of its side a window has to have this around a box, where the picture goes on."""


class TiledPredictor(MaskPredictor):
    """Segments every box in the smallest window that holds it, at the network's resolution there.

    Only windows that are needed are looked at, and one more for each box that borders cut in all
    that are no larger than it needs. A picture that is not cut is left to the predictor
    as it is.

    Args:
        predictor: What segments.
        tiling: Which pictures are cut, and how.
    """

    def __init__(self, predictor: MaskPredictor, tiling: Tiling) -> None:
        super().__init__()
        self.predictor = predictor
        self.tiling = tiling

    @property
    def encoder(self) -> nn.Module:
        """See `MaskPredictor.encoder`."""
        return self.predictor.encoder

    def encode(self, images: Sequence[Tensor]) -> Encodings | None:
        """See `MaskPredictor.encode`; which windows are needed is known once there are boxes."""
        cut = any(self.tiling.cuts(size_of(image)) for image in images)
        return None if cut else self.predictor.encode(images)

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """Predict the mask of every detection; see `MaskPredictor.forward`."""
        check_images(images)

        def plain(some: list[int]) -> Sequence[Masks]:
            known = () if encodings is None else (tuple(rows[some] for rows in encodings),)
            return self.predictor([images[i] for i in some], [detections[i] for i in some], *known)

        return apart(self.tiling, images, plain, lambda i: self._predict(images[i], detections[i]))

    def _predict(self, image: Tensor, found: Detections) -> Masks:
        """The masks of one picture's boxes."""
        size = size_of(image)
        if not len(found):
            return no_masks(self.predictor([image], [found])[0])
        bare = replace(found, masks=None, dense=None).to("cpu")
        windows = self.tiling.windows(size)
        homes: dict[Window, list[int]] = defaultdict(list)
        for i, box in enumerate(bare.boxes.tolist()):
            homes[_home(box, windows, self.tiling, size)].append(i)
        masks: dict[int, tuple[Masks, int, Window]] = {}
        needed = sorted(homes, key=lambda window: window.size)
        for some in batches(needed, self.tiling.batch_size):
            own = [_shifted(bare.select(torch.tensor(homes[w])), w) for w in some]
            answers = self.predictor([w.cut(image) for w in some], own)
            for window, answer in zip(some, answers, strict=True):
                masks |= {i: (answer, row, window) for row, i in enumerate(homes[window])}
        return _gathered([masks[i] for i in range(len(found))], size)


def _home(box: Box, windows: Sequence[Window], tiling: Tiling, size: tuple[int, int]) -> Window:
    """Where a box is looked at: with room around it, as large as it can be seen.

    That is the smallest window that holds it, and of these the most central. Where borders cut it
    in all windows of a size that it would fit, it has one of its own.
    """
    level = next(w.level for w in windows if _holds(w, box, size))
    own = tiling.around(box, 1 / (1 - 2 * ROOM), size)
    if own.level < level:
        return own
    alike = [w for w in windows if w.level == level and _holds(w, box, size)]

    def off(window: Window) -> float:
        x1, y1, x2, y2 = window.box
        return abs(x1 + x2 - box[0] - box[2]) + abs(y1 + y2 - box[1] - box[3])

    return min(alike, key=off)


def _holds(window: Window, box: Sequence[float], size: tuple[int, int]) -> bool:
    room = ROOM * max(window.size)
    left, top, right, bottom = window.box
    return (
        (left == 0 or box[0] >= left + room)
        and (top == 0 or box[1] >= top + room)
        and (right == size[1] or box[2] <= right - room)
        and (bottom == size[0] or box[3] <= bottom - room)
    )


def _shifted(found: Detections, window: Window) -> Detections:
    """Detections in pixels of a window that holds them."""
    queries = found.queries and within(window, found.queries)
    boxes = found.boxes - torch.tensor([window.left, window.top] * 2)
    return replace(found, boxes=boxes, queries=queries)


def _gathered(masks: Sequence[tuple[Masks, int, Window]], size: tuple[int, int]) -> TiledMasks:
    """Masks of a picture from those of its windows, by row."""
    maps = [(own.logits[row], window, own.geometry) for own, row, window in masks]
    return TiledMasks.of(maps, [(i,) for i in range(len(maps))], size, _points(masks))


def _points(masks: Sequence[tuple[Masks, int, Window]]) -> Points | None:
    """The point prompts of masks in pixels of their picture; None where there are none."""
    xy, labels = [], []
    for own, row, window in masks:
        if own.points is None:
            return None
        xy.append(own.points.xy[row] + own.points.xy.new_tensor([window.left, window.top]))
        labels.append(own.points.labels[row])
    return Points(torch.stack(xy), torch.stack(labels))
