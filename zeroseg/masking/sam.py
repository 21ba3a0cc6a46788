"""Masks by the Segment Anything Model (Kirillov et al., 2023)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import SamModel
from typing_extensions import Self

from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.transformers_masks import FIRST_MASK, TransformersMasks, answers
from zeroseg.masking.two_pass import TOP_20
from zeroseg.values import Points
from zeroseg.weights.checkpoints import is_packaged
from zeroseg.weights.official.sam_checkpoint import read_sam

SQUARES = (0.1, 0.2, 0.35, 0.5)
"""Sides of the squares around clicks, for "tiny:sam", which was only ever shown boxes."""


class Sam(TransformersMasks):
    """SAM from transformers, prompted with boxes, then with boxes and points.

    Args:
        model: The network.
        image_processor: What prepares images for it.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Raises:
        CheckpointError: The processor does not fill the frame that it pads to.
        ValueError: `chunk_size` is less than one.

    Example:
        >>> import torch
        >>> from zeroseg import Detections, Sam, read_image
        >>> box = torch.tensor([[10.0, 40.0, 90.0, 120.0]])
        >>> found = Detections(box, torch.ones(1), torch.tensor([1]), ("dog",), torch.tensor([0]))
        >>> [masks] = Sam.from_pretrained("tiny:sam")([read_image("picture.png")], [found])
        >>> masks.logits.shape
        torch.Size([1, 128, 128])
    """

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "facebook/sam-vit-huge",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its image processor.

        Args:
            checkpoint: A hub name, a folder, a `.pth` file of
                the authors (ViT-B, ViT-L or ViT-H), or "tiny:sam".
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged or incomplete, or a file of the authors does not hold
                exactly one such network.
        """
        made = cls(*cls._load(SamModel, read_sam, checkpoint), point_sampler, chunk_size)
        made.square_sides = SQUARES if is_packaged(checkpoint) else ()
        return made

    def _embed(self, pixels: Tensor) -> Encodings:
        return (self.model.vision_encoder(pixels).last_hidden_state,)

    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> Tensor:
        read, pixels = self._read(features[0][image], boxes, points)
        head = self.model.mask_decoder.output_hypernetworks_mlps[0]
        return answers(head(read[:, FIRST_MASK]), pixels)

    def _alternatives(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> tuple[Tensor, Tensor]:
        """The masks of the three tokens after the first: whole, part and subpart."""
        read, pixels = self._read(features[0][image], boxes, points)
        decoder = self.model.mask_decoder
        heads = list(decoder.output_hypernetworks_mlps)[1:]
        masks = [answers(h(read[:, FIRST_MASK + n]), pixels) for n, h in enumerate(heads, 1)]
        return torch.stack(masks, 1).float(), decoder.iou_prediction_head(read[:, 0])[:, 1:].float()
