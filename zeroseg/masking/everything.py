"""All masks of an image by SAM, prompted with a grid of points (Kirillov et al., 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import nms
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.masking.mask_proposer import MaskProposer, Proposals
from zeroseg.masking.sam import Sam
from zeroseg.values import Detections, Masks
from zeroseg.weights.needs import Need


class EverythingOptions(TypedDict, total=False):
    """The grid, and which masks are kept; see `EverythingMasks`."""

    points_per_side: int
    iou_threshold: float
    stability_threshold: float
    stability_offset: float
    nms_threshold: float
    box_sizes: tuple[float, ...]
    chunk_size: int


class EverythingMasks(MaskProposer):
    """Asks SAM what stands at each point of a grid, and keeps the masks it is sure of.

    As in the SAM paper (section 4 and appendix B, "automatic mask generation"), each point gives
    three masks: whole, part and subpart. A mask is kept if its predicted IoU is high, if it is
    stable (it hardly changes with the threshold that cuts it out), and if no better one has
    about the same box. The paper's crops, and its removal of specks and holes, are left out.

    A network that was only ever shown boxes, such as "tiny:sam", does not answer to bare points;
    with `box_sizes` it is asked for squares around them.

    Stability, boxes and areas are taken at the resolution of SAM's logits, 4 pixels of its frame,
    where segment-anything and transformers take them at the image's.

    Memory does not depend on the grid or the image's size: only `chunk_size` prompts are decoded
    at a time, candidates are remembered by their boxes and scores, and those that remain in the
    end are decoded once more.

    Args:
        sam: The mask predictor; only its network is used.
        points_per_side: The grid has this many columns and rows.
        iou_threshold: A mask's predicted IoU has to be above this.
        stability_threshold: A mask's stability has to reach this: the share that the pixels whose
            logits are above `stability_offset` have in those above `-stability_offset`.
        stability_offset: How far the logits' threshold is moved up and down.
        nms_threshold: Of two masks whose boxes' IoU is above this, the lower predicted IoU goes.
        box_sizes: Sides of the squares that are asked for around each point in place of the bare
            point, as shares of the image's longer side.
        chunk_size: Points or squares decoded at a time.

    Raises:
        ValueError: `points_per_side` or `chunk_size` is less than one.
    """

    def __init__(
        self,
        sam: Sam,
        points_per_side: int = 32,
        iou_threshold: float = 0.88,
        stability_threshold: float = 0.95,
        stability_offset: float = 1.0,
        nms_threshold: float = 0.7,
        box_sizes: tuple[float, ...] = (),
        chunk_size: int = 32,
    ) -> None:
        super().__init__()
        for name, value in (("points_per_side", points_per_side), ("chunk_size", chunk_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, it must be at least 1")
        self.sam = sam.with_points(None)
        self.points_per_side = points_per_side
        self.iou_threshold = iou_threshold
        self.stability_threshold = stability_threshold
        self.stability_offset = stability_offset
        self.nms_threshold = nms_threshold
        self.box_sizes = tuple(box_sizes)
        self.chunk_size = chunk_size

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path = "facebook/sam-vit-huge", **options: Unpack[EverythingOptions]
    ) -> Self:
        """Load SAM.

        Args:
            checkpoint: A hub name, a folder, a file of the authors, or "tiny:sam".
            options: The grid and the thresholds; see the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        return cls(Sam.from_pretrained(checkpoint), **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        return Sam.needs(arguments)

    @torch.no_grad()
    def forward(self, images: Sequence[Tensor]) -> list[Proposals]:
        """Propose masks, see `MaskProposer.forward`; scores are predicted IoUs."""
        if not images:
            return []
        [embeddings] = self.sam.encode(images)
        frames = self.sam(images, [Detections.empty()] * len(images))  # no masks, but geometry
        return [
            self._propose(embedding[None], frame)
            for embedding, frame in zip(embeddings, frames, strict=True)
        ]

    def _propose(self, embedding: Tensor, frame: Masks) -> Proposals:
        prompts = self._prompts(frame)
        judged = [
            self._judge(*self._decode(embedding, part), frame)
            for part in prompts.split(self.chunk_size)
        ]
        good, boxes, scores, areas = (torch.cat(values) for values in zip(*judged, strict=True))
        kept = good.nonzero()[:, 0]
        kept = kept[nms(boxes[kept], scores[kept], self.nms_threshold)]
        masks = replace(frame, logits=self._decode_again(embedding, prompts, kept, frame))
        return Proposals(masks, boxes[kept], scores[kept].clamp(0, 1), areas[kept])

    def _prompts(self, frame: Masks) -> Tensor:
        """Centres of the grid's cells (P, 2) or squares around them (P, 4), pixels of the frame."""
        steps = torch.arange(self.points_per_side, device=frame.logits.device) + 0.5
        shares = steps / self.points_per_side
        x, y = torch.meshgrid(shares, shares, indexing="xy")
        height, width = frame.geometry.resized
        centres = torch.stack([x * width, y * height], -1).view(-1, 2)
        if not self.box_sizes:
            return centres
        half = centres.new_tensor(self.box_sizes) / 2 * max(height, width)
        lowest, highest = centres.new_zeros(2), centres.new_tensor([width, height])
        corners = [centres[:, None] - half[:, None], centres[:, None] + half[:, None]]
        return torch.cat([corner.clamp(lowest, highest) for corner in corners], -1).view(-1, 4)

    def _decode(self, embedding: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits (p, M, h, w) and predicted IoUs (p, M): M candidates for each prompt."""
        bare = prompts.shape[1] == 2
        outputs = self.sam.model(
            image_embeddings=embedding,
            input_points=prompts[None, :, None] if bare else None,
            input_boxes=None if bare else prompts[None],
            multimask_output=True,
        )
        return outputs.pred_masks[0].float(), outputs.iou_scores[0].float()

    def _judge(
        self, logits: Tensor, scores: Tensor, frame: Masks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of p * M candidates: whether each is good, and its box, score and area."""
        cells = inside(logits.flatten(0, 1), frame)
        covered = cells > 0
        core = (cells > self.stability_offset).sum((1, 2))
        reach = (cells > -self.stability_offset).sum((1, 2))
        stable = core >= self.stability_threshold * reach
        scores = scores.flatten()
        areas = covered.sum((1, 2))
        good = (scores > self.iou_threshold) & stable & (areas > 0)
        x, y = cell_size(frame)
        return good, _boxes(covered, frame), scores, areas * x * y

    def _decode_again(
        self, embedding: Tensor, prompts: Tensor, kept: Tensor, frame: Masks
    ) -> Tensor:
        """Logits (N, h, w) of candidates; candidate i is mask i % M of prompt i // M."""
        logits = [frame.logits]
        count = self.sam.model.config.mask_decoder_config.num_multimask_outputs
        for part in kept.split(self.chunk_size) if len(kept) else ():
            decoded, _ = self._decode(embedding, prompts[part // count])
            logits.append(decoded[torch.arange(len(part), device=part.device), part % count])
        return torch.cat(logits)


def cell_size(frame: Masks) -> tuple[float, float]:
    """Width and height of one of the logits' cells, in pixels of the image as given."""
    rows, columns = frame.logits.shape[-2:]
    width = frame.geometry.frame[1] / columns * frame.size[1] / frame.geometry.resized[1]
    height = frame.geometry.frame[0] / rows * frame.size[0] / frame.geometry.resized[0]
    return width, height


def inside(logits: Tensor, frame: Masks) -> Tensor:
    """The part of logits (n, h, w) that covers the image, without the frame's padding."""
    rows = -(-logits.shape[-2] * frame.geometry.resized[0] // frame.geometry.frame[0])
    columns = -(-logits.shape[-1] * frame.geometry.resized[1] // frame.geometry.frame[1])
    return logits[..., :rows, :columns]


def _boxes(covered: Tensor, frame: Masks) -> Tensor:
    """x1 y1 x2 y2 around masks (n, h, w) bool, in pixels of the image and within it, (n, 4)."""
    left, right = ends(covered.any(1))
    top, bottom = ends(covered.any(2))
    width, height = cell_size(frame)
    corners = torch.stack([left * width, top * height, right * width, bottom * height], 1)
    limit = corners.new_tensor([frame.size[1], frame.size[0]] * 2)
    return corners.minimum(limit)


def ends(covered: Tensor) -> tuple[Tensor, Tensor]:
    """First covered cell of rows (n, L) bool, and the one after the last."""
    marks = covered.int()
    return marks.argmax(1), marks.shape[1] - marks.flip(1).argmax(1)
