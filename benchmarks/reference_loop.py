"""The published procedure, restated over zeroseg's components: the yardstick of `throughput.py`.

One image after the other; the tagger looks at one piece of a picture at a time; every question to
the language model is waited for, one for each image and one for each phrase that is no class; the
masks of all boxes are brought to full size at once, in both passes, and carried to the host, where
points are searched pixel by pixel in order of their logits and overlaps are settled pair by pair.
Nothing runs ahead, and nothing is kept but answers about phrases, as in the published code.

Options are the components' own, so both ways give the same label maps; peculiarities of the
published code that change results (`presets/paper.yaml` has them) are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zeroseg import ZeroShotSegmenter
from zeroseg.fusion.fusion import Fusion
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.points import NO_POINT, ON_OBJECT, TopLogits
from zeroseg.masking.two_pass import TwoPassMasks
from zeroseg.recognition.ram_plus import RamPlus, quarters
from zeroseg.running.transfer import wait_for
from zeroseg.values import UNRESOLVED, Description, Detections, Exchange, Masks, Points, Tag
from zeroseg.vocabulary import Vocabulary

ALL_AT_ONCE = 1 << 30


@dataclass
class Answer:
    """What the loop says of one image: the label map (H, W) int64, and what it asked."""

    label_map: Tensor
    exchanges: tuple[Exchange, ...]


@dataclass
class ReferenceLoop:
    """The published procedure over the components of a segmenter.

    Attributes:
        parts: The segmenter whose components are used; its own walk is not.
        known: Answers about phrases so far; -1 where a phrase is no class.
        seconds: Time that each stage has taken so far.
    """

    parts: ZeroShotSegmenter
    known: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        predictor = self.parts.mask_predictor
        if not isinstance(predictor, TwoPassMasks):
            raise TypeError(f"{type(predictor).__name__} does not segment boxes in two passes")
        sampler = predictor.point_sampler
        if sampler is not None and not isinstance(sampler, TopLogits):
            raise TypeError(f"{type(sampler).__name__} is not what the published code samples with")
        self.masks = predictor.with_points(HostPoints(sampler.count) if sampler else None)
        self.masks.chunk_size = ALL_AT_ONCE
        self.fusion = HostOverlap()

    @torch.inference_mode()
    def stream(self, images: Iterable[Tensor]) -> Iterator[Answer]:
        """Segment images (3, H, W) uint8, one by one."""
        for image in images:
            yield self._segment(image)

    def _segment(self, image: Tensor) -> Answer:
        parts = self.parts
        with self._timed("tags"):
            tags = self._tags(image)
        with self._timed("caption"):
            caption = parts.captioner([image])[0] if parts.captioner is not None else None
        with self._timed("pre-refinement"):
            [selection] = parts.pre_refiner([Description(tags, caption)], parts.vocabulary)
        with self._timed("detection"):
            [found] = parts.detector([image], [selection])
        with self._timed("post-refinement"):
            resolved, asked = self._resolve(found)
        with self._timed("masks"):
            [masks] = self.masks([image], [resolved])
        with self._timed("fusion"):
            label_map = self.fusion(masks, resolved, parts.vocabulary)
        return Answer(label_map, (*selection.exchanges, *asked))

    def _tags(self, image: Tensor) -> tuple[Tag, ...]:
        """Tags of all pieces of a picture, looked at one by one, each with its best score."""
        tagger = self.parts.tagger
        if tagger is None:
            return ()
        if not isinstance(tagger, RamPlus):
            return tagger([image])[0]
        best: dict[str, Tag] = {}
        for piece in quarters(image, tagger.tile_size):
            for tag in tagger([piece])[0]:
                if tag.name not in best or tag.score > best[tag.name].score:
                    best[tag.name] = tag
        return tuple(best[name] for name in tagger.tags if name in best)

    def _resolve(self, found: Detections) -> tuple[Detections, list[Exchange]]:
        """Ask for each phrase without a class that was not asked for before, one at a time."""
        labels = found.labels.tolist()
        exchanges: list[Exchange] = []
        for i, phrase in enumerate(found.phrases):
            if labels[i] != UNRESOLVED:
                continue
            if phrase not in self.known:
                answer = self.parts.post_refiner([phrase], self.parts.vocabulary)
                self.known[phrase] = answer.labels[0]
                exchanges += answer.exchanges
            labels[i] = self.known[phrase]
        return found.relabel(found.labels.new_tensor(labels)), exchanges

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        wait_for(self.parts.device)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


class HostPoints(PointSampler):
    """The pixels of highest logit in each box, taken off full-size masks one after the other.

    Args:
        count: Points a box.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, detections: Detections, masks: Masks) -> Points:
        """Sample the pixels of all boxes on the host; see `TopLogits`."""
        logits = masks.full().cpu().numpy()
        height, width = masks.size
        limits = np.array([width, height, width, height])
        corners = np.ceil(detections.boxes.cpu().numpy() - 0.5).clip(0, limits).astype(int)
        xy = np.zeros((len(masks), self.count, 2), np.float32)
        labels = np.full((len(masks), self.count), NO_POINT)
        for i, (left, top, right, bottom) in enumerate(corners):
            crop = logits[i, top:bottom, left:right].copy()
            for k in range(min(self.count, crop.size)):
                row, column = np.unravel_index(crop.argmax(), crop.shape)
                crop[row, column] = -np.inf
                xy[i, k] = left + column, top + row
                labels[i, k] = ON_OBJECT
        return Points(torch.from_numpy(xy), torch.from_numpy(labels))


class HostOverlap(Fusion):
    """Overlaps settled pair by pair over full-size masks on the host, then all masks painted."""

    def forward(self, masks: Masks, detections: Detections, vocabulary: Vocabulary) -> Tensor:
        """Paint the masks, see `HighestScore`: detections come by falling score."""
        labels = detections.labels.tolist()
        claims = [
            i for i, label in enumerate(labels) if label not in (UNRESOLVED, vocabulary.background)
        ]
        covered: NDArray[np.bool_] = (masks.full() > 0).cpu().numpy()
        left = covered.copy()
        for winner in claims:
            for loser in claims:
                overlap = covered[winner] * covered[loser]
                if loser > winner and overlap.any():
                    left[loser] &= ~overlap
        canvas = np.full(masks.size, vocabulary.background, np.int64)
        for i in claims:
            canvas[left[i]] = labels[i]
        return torch.from_numpy(canvas)
