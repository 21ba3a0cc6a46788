"""What SAM and its descendants share: box to mask, mask to points, box and points to mask."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.masking.point_sampler import PointSampler, points_of
from zeroseg.masking.points import TopLogits
from zeroseg.masking.prompt import Prompt
from zeroseg.running.transfer import sent
from zeroseg.values import Detections, Geometry, Masks, Points, check_images

TOP_20 = TopLogits(20)
"""The paper's points: the 20 pixels of highest logit in each box."""


class TwoPassMasks(MaskPredictor):
    """Segments boxes in two passes of a promptable network (paper, section 3.4).

    The images are embedded once. The first pass is shown the boxes; its mask logits give the
    point sampler its points, and the second pass is shown boxes and points. Without a sampler
    there is one pass. One mask a box, not three alternatives, as in the published code.

    Memory is bounded whatever the number of boxes: `chunk_size` of them are decoded at a time,
    and only logits at the network's own resolution are kept. In float16 prompts keep their
    precision; bfloat16 moves them by up to a few pixels of the 1024 that SAM sees.

    Args:
        model: The network.
        frame: Side of its square input in pixels.
        side: Side of its mask logits.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Attributes:
        square_sides: What a person's clicks become for a network that was only ever shown boxes:
            sides of squares around them, as shares of the picture's longer side; () for one that
            answers to points.

    Raises:
        ValueError: `chunk_size` is less than one.
    """

    def __init__(
        self,
        model: nn.Module,
        frame: int,
        side: int,
        point_sampler: PointSampler | None,
        chunk_size: int,
    ) -> None:
        super().__init__()
        if chunk_size < 1:
            raise ValueError(f"chunk_size is {chunk_size}, at least one box must be decoded")
        self.model: Any = model.eval()
        self.frame = frame
        self.side = side
        self.point_sampler = point_sampler
        self.chunk_size = chunk_size
        self.square_sides: tuple[float, ...] = ()

    @abstractmethod
    def _pixels(self, images: Sequence[Tensor], device: torch.device) -> Tensor:
        """The images as the network sees them, (B, 3, S, S) in its precision."""

    @abstractmethod
    def _embed(self, pixels: Tensor) -> Encodings:
        """What the decoder needs of images (B, 3, S, S): tensors whose first dimension is B."""

    @abstractmethod
    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> Tensor:
        """Mask logits (n, h, w) of boxes (n, 4) and their points, in pixels of the frame.

        `image` (n,) int64, not falling, tells which row of the features each box belongs to.
        """

    def _geometry(self, size: tuple[int, int]) -> Geometry:
        """How an image of a size lies in the frame: its longer side fills it, as SAM's does."""
        return Geometry.padded(size, self.frame)

    def with_points(self, sampler: PointSampler | None) -> Self:
        """See `MaskPredictor.with_points`."""
        other = copy.copy(self)
        other._modules = self._modules.copy()  # else both would share one slot for the sampler
        other.point_sampler = sampler
        return other

    @property
    def encoder(self) -> nn.Module:
        """The network."""
        network: nn.Module = self.model
        return network

    @torch.no_grad()
    def encode(self, images: Sequence[Tensor]) -> Encodings:
        """The network's embeddings of images, see `MaskPredictor.encode`."""
        check_images(images)
        device = next(self.model.parameters()).device
        return self._embed(self._pixels(images, device))

    @torch.no_grad()
    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        """Predict the mask of every detection; images without any are not even looked at."""
        check_images(images)
        device = next(self.model.parameters()).device
        masks = [self._blank(image, device) for image in images]
        busy = [i for i, (_, own) in enumerate(zip(images, detections, strict=True)) if len(own)]
        if not busy:
            return masks
        if encodings is None:
            features = self.encode([images[i] for i in busy])
        elif len(busy) == len(images):
            features = encodings
        else:
            features = tuple(rows[busy] for rows in encodings)
        found = [sent(detections[i].boxes, device) for i in busy]
        boxes = [
            masks[i].geometry.to_frame(own.view(-1, 2, 2)).view(-1, 4)
            for i, own in zip(busy, found, strict=True)
        ]
        logits = self._predict(features, boxes)
        if self.point_sampler is None:
            for i, own in zip(busy, logits, strict=True):
                masks[i] = replace(masks[i], logits=own)
            return masks
        points = [
            points_of(self.point_sampler, detections[i], replace(masks[i], logits=own)).to(device)
            for i, own in zip(busy, logits, strict=True)
        ]
        del logits  # else they stay in memory throughout the second pass
        framed = [
            Points(masks[i].geometry.to_frame(p.xy), p.labels)
            for i, p in zip(busy, points, strict=True)
        ]
        second = self._predict(features, boxes, framed)
        for i, own, shown in zip(busy, second, points, strict=True):
            masks[i] = replace(masks[i], logits=own, points=shown)
        return masks

    @property
    def promptable(self) -> bool:
        """It is."""
        return True

    @torch.no_grad()
    def prompted(self, image: Tensor, prompt: Prompt, encodings: Encodings | None = None) -> Masks:
        """See `MaskPredictor.prompted`.

        With a box, or with several clicks, the network's one mask; with a single click the best of
        its alternatives: one that keeps to the click, and whose predicted quality is the highest.
        """
        check_images([image])
        size = (image.shape[1], image.shape[2])
        prompt.check(size)
        blank = self._blank(image, next(self.model.parameters()).device)
        features = self.encode([image]) if encodings is None else encodings
        boxes, points = self._shown(prompt, blank)
        count = len(boxes) if boxes is not None else 1
        rows = torch.zeros(count, dtype=torch.int64, device=blank.logits.device)
        if prompt.box is not None or (boxes is None and len(prompt.clicks) > 1):
            logits = self._decode(features, rows, boxes, points).float()
        else:
            logits = self._best(prompt, blank, *self._alternatives(features, rows, boxes, points))
        return replace(blank, logits=logits)

    def _shown(self, prompt: Prompt, blank: Masks) -> tuple[Tensor | None, Points | None]:
        """Boxes (n, 4) and their points, in pixels of the frame; one of them may be None."""
        device, geometry = blank.logits.device, blank.geometry
        points, boxes = prompt.points(), None
        if prompt.box is not None or self.square_sides:
            boxes = prompt.boxes(self.square_sides, blank.size).view(-1, 2, 2)
            boxes = geometry.to_frame(boxes).view(-1, 4).to(device)
            points = points if prompt.box is not None else None
        if points is not None:
            points = Points(geometry.to_frame(points.xy), points.labels).to(device)
        return boxes, points

    def _alternatives(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> tuple[Tensor, Tensor]:
        """Several masks for each prompt, and how good the network takes them to be.

        Returns:
            Logits (n, M, h, w) and predicted IoUs (n, M); here one mask, of which nothing is told.
        """
        logits = self._decode(features, image, boxes, points).float()
        return logits[:, None], logits.new_zeros(len(logits), 1)

    @staticmethod
    def _best(prompt: Prompt, blank: Masks, logits: Tensor, quality: Tensor) -> Tensor:
        """The logits (1, h, w) that keep to most clicks; of several such, the best."""
        logits, quality = logits.flatten(0, 1), quality.flatten()
        clicks = prompt.points()
        if clicks is None:
            return logits[quality.argmax()][None]
        frame = torch.tensor(blank.geometry.frame).flip(0)
        cells = torch.tensor([logits.shape[2], logits.shape[1]])
        places = (blank.geometry.to_frame(clicks.xy[0]) / frame * cells).long()
        x, y = places.clamp(min=0).minimum(cells - 1).unbind(1)
        kept = ((logits[:, y, x] > 0) == clicks.labels[0].to(logits.device).bool()).sum(1)
        return logits[(kept + quality.clamp(0, 0.999)).argmax()][None]

    def _predict(
        self,
        features: Encodings,
        boxes: Sequence[Tensor],
        points: Sequence[Points] | None = None,
    ) -> list[Tensor]:
        """One pass over the boxes of all images, in chunks: mask logits (N, h, w) of each."""
        if points and len({p.xy.shape[1] for p in points}) > 1:
            return [
                self._predict(tuple(f[i : i + 1] for f in features), [b], [p])[0]
                for i, (b, p) in enumerate(zip(boxes, points, strict=True))
            ]
        counts = [len(b) for b in boxes]
        asked = torch.cat(list(boxes))
        image = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        image = sent(image, asked.device)
        shown = None
        if points is not None:
            shown = Points(torch.cat([p.xy for p in points]), torch.cat([p.labels for p in points]))
        logits = []
        for start in range(0, len(asked), self.chunk_size):
            part = slice(start, start + self.chunk_size)
            few = None if shown is None else Points(shown.xy[part], shown.labels[part])
            logits.append(self._decode(features, image[part], asked[part], few).float())
        return list(torch.cat(logits).split(counts))

    def _blank(self, image: Tensor, device: torch.device) -> Masks:
        """No mask yet, but the geometry of the image in the network's frame."""
        size = (image.shape[1], image.shape[2])
        logits = torch.zeros(0, self.side, self.side, device=device)
        return Masks(logits, self._geometry(size))
