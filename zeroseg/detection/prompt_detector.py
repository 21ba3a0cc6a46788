"""What detectors share whose network scores every candidate for every prompt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import TypedDict

from zeroseg.detection.candidates import named_by_prompts
from zeroseg.detection.detector import Detector, side_of
from zeroseg.running.transfer import upload
from zeroseg.values import Detections, Queries, Selection, check_images


class PromptOptions(TypedDict, total=False):
    """How answers become detections; see `PromptDetector`."""

    batch_size: int
    box_threshold: float
    nms_threshold: float


class PromptDetector(Detector):
    """Prompts in, boxes out, around a network that scores candidates for each prompt by itself.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images to a forward pass of the network.
        box_threshold: Candidates must score more than this.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes.

    Raises:
        ValueError: A threshold is not in [0, 1], or `batch_size` is less than one.
    """

    def __init__(
        self,
        model: nn.Module,
        processor: Any,
        batch_size: int,
        box_threshold: float,
        nms_threshold: float,
    ) -> None:
        super().__init__()
        for name, value in (("box_threshold", box_threshold), ("nms_threshold", nms_threshold)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected a number in [0, 1]")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, expected at least 1")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.batch_size = batch_size
        self.box_threshold = box_threshold
        self.nms_threshold = nms_threshold

    @abstractmethod
    def _look(
        self, images: Sequence[Tensor], prompts: Sequence[Sequence[str]]
    ) -> list[tuple[Tensor, Tensor]]:
        """Put images and their prompts, at least one each, to the network.

        Returns:
            For each image logits (Q, P) of Q candidates for its P prompts, and boxes (Q, 4) as
            centre x, centre y, width and height, in shares of `_extent`.
        """

    @abstractmethod
    def _extent(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width in pixels of what a candidate's box is a share of."""

    @abstractmethod
    def _choose(self, queries: Queries) -> tuple[Tensor, Tensor]:
        """Which candidates are detections, by falling score, and of which prompts, (N,) both."""

    @property
    def _weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        return next(self.model.parameters())

    @property
    def side(self) -> int:
        """See `Detector.side`."""
        return side_of(self.processor)

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a prompt is too long to be read.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        found = [Detections.empty() for _ in images]
        for alike in self._batches(selections):
            own = [selections[i].prompts for i in alike]
            answers = self._look(upload([images[i] for i in alike], self._weight.device), own)
            for i, (logits, boxes) in zip(alike, answers, strict=True):
                size = (images[i].shape[1], images[i].shape[2])
                found[i] = self._detect(size, selections[i], logits, boxes)
        return found

    def _batches(self, selections: Sequence[Selection]) -> list[list[int]]:
        """Positions of the images that are looked at together; those without prompts are not."""
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        starts = range(0, len(asked), self.batch_size)
        return [asked[start : start + self.batch_size] for start in starts]

    def _detect(
        self, size: tuple[int, int], selection: Selection, logits: Tensor, boxes: Tensor
    ) -> Detections:
        height, width = self._extent(size)
        middle, extent = boxes.float().cpu().split(2, -1)
        corners = torch.cat([middle - extent / 2, middle + extent / 2], -1)
        scale = corners.new_tensor([width, height, width, height])
        queries = Queries(corners * scale, logits.float().sigmoid().cpu())
        chosen, prompts = self._choose(queries)
        return named_by_prompts(selection, queries, chosen, prompts, size)
