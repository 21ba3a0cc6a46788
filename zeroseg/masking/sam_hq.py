"""Masks by SAM-HQ, Segment Anything in High Quality (Ke et al., 2023)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import SamHQModel, SamImageProcessor

from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.transformers_masks import TransformersMasks
from zeroseg.masking.two_pass import TOP_20
from zeroseg.official.sam_hq_checkpoint import read_sam_hq
from zeroseg.values import Points

_FIRST_MASK = 1
"""Place of the token of SAM's first mask, after that of the masks' quality."""


class SamHq(TransformersMasks):
    """SAM-HQ from transformers: the sum of SAM's own mask and the high-quality mask.

    The network is transformers' `SamHQModel`, but its parts are joined here: its own `forward` does
    not give the masks of the published SAM-HQ (see `docs/decisions/`).

    Args:
        checkpoint: A hub name, a folder, or a `.pth` file of the authors (ViT-B, ViT-L, ViT-H, or
            the TinyViT of Light HQ-SAM).
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.
        model: A network already in hand; together with `image_processor` in place of `checkpoint`.
        image_processor: What prepares images for `model`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        CheckpointError: A file of the authors does not hold exactly one such network.
        ValueError: See `TransformersMasks`.
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
        super().__init__(
            SamHQModel, read_sam_hq, checkpoint, point_sampler, chunk_size, model, image_processor
        )

    def _embed(self, pixels: Tensor) -> Encodings:
        outputs = self.model.vision_encoder(pixels)
        final, first = outputs.last_hidden_state, outputs.intermediate_embeddings[0]
        decoder = self.model.mask_decoder
        details = decoder.encoder_norm(decoder.encoder_conv1(final))
        details = decoder.encoder_conv2(decoder.activation(details))
        early = decoder.compress_vit_norm(decoder.compress_vit_conv1(first.permute(0, 3, 1, 2)))
        return final, details + decoder.compress_vit_conv2(decoder.activation(early))

    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor, points: Points | None
    ) -> Tensor:
        embeddings, details = (rows[image] for rows in features)
        sparse, dense = self.model.prompt_encoder(
            input_points=points.xy[:, None] if points is not None else None,
            input_labels=points.labels[:, None] if points is not None else None,
            input_boxes=boxes[:, None],
            input_masks=None,
        )
        read, cells = self._transformed(embeddings + dense, sparse)
        decoder = self.model.mask_decoder
        plain = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(cells)))
        plain = decoder.activation(decoder.upscale_conv2(plain))
        sharp = decoder.activation(decoder.mask_norm(decoder.mask_conv1(plain)))
        sharp = decoder.mask_conv2(sharp) + details
        by_sam = decoder.output_hypernetworks_mlps[0](read[:, _FIRST_MASK])
        by_hq = decoder.hq_mask_mlp(read[:, _FIRST_MASK + len(decoder.mask_tokens.weight)])
        return _mask(by_sam, plain) + _mask(by_hq, sharp)

    def _transformed(self, cells: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """What tokens (n, T, C) and cells (n, C, h, w) have read of one another.

        transformers' own decoder (5.9 to 5.23) goes on with the cells as they came, transposed;
        the authors' goes on with what the transformer made of them, as SAM does, and as here.
        """
        decoder = self.model.mask_decoder
        own = (decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hq_token.weight)
        tokens = torch.cat([torch.cat(own).expand(len(cells), 1, -1, -1), prompts], 2)
        positions = self.model.get_image_wide_positional_embeddings()
        read, seen = decoder.transformer(
            point_embeddings=tokens.to(cells.dtype),
            image_embeddings=cells,
            image_positional_embeddings=positions.expand(len(cells), -1, -1, -1),
            attention_similarity=None,
        )
        return read[:, 0], seen[:, 0].transpose(1, 2).reshape(cells.shape)


def _mask(token: Tensor, pixels: Tensor) -> Tensor:
    """Logits (n, h, w): how well pixels (n, C, h, w) answer their token (n, C)."""
    return (token[:, None] @ pixels.flatten(2)).view(len(token), *pixels.shape[2:])
