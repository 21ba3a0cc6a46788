"""Masks by SAM-HQ, Segment Anything in High Quality (Ke et al., 2023)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import SamHQModel, SamImageProcessor

from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.two_pass import TOP_20, TwoPassMasks
from zeroseg.values import Points


class SamHq(TwoPassMasks):
    """SAM-HQ from transformers: the sum of SAM's own mask and the high-quality mask.

    Args:
        checkpoint: A hub name or a folder.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time; those of one image share its features.
        model: A network already in hand; together with `image_processor` in place of `checkpoint`.
        image_processor: What prepares images for `model`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        ValueError: See `TwoPassMasks`.
    """

    def __init__(
        self,
        checkpoint: str | Path = "syscv-community/sam-hq-vit-large",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
        *,
        model: SamHQModel | None = None,
        image_processor: SamImageProcessor | None = None,
    ) -> None:
        super().__init__(SamHQModel, checkpoint, point_sampler, chunk_size, model, image_processor)

    def _embed(self, pixels: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model.vision_encoder(pixels)
        return outputs.last_hidden_state, outputs.intermediate_embeddings[0]

    def _decode(
        self, features: tuple[Tensor, ...], image: Tensor, boxes: Tensor, points: Points | None
    ) -> Tensor:
        embeddings, early = features
        logits = []
        for i in image.unique_consecutive().tolist():
            mine = image == i
            outputs = self.model(
                image_embeddings=embeddings[i : i + 1],
                intermediate_embeddings=[early[i : i + 1]],
                input_boxes=boxes[mine][None],
                input_points=points.xy[mine][None] if points is not None else None,
                input_labels=points.labels[mine][None] if points is not None else None,
                multimask_output=False,
                hq_token_only=False,
            )
            logits.append(outputs.pred_masks[0, :, 0])
        return torch.cat(logits)
