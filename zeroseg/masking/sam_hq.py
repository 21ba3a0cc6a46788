"""Masks by SAM-HQ, Segment Anything in High Quality (Ke et al., 2023)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from transformers import SamHQModel
from typing_extensions import Self

from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.transformers_masks import FIRST_MASK, TransformersMasks, answers
from zeroseg.masking.two_pass import TOP_20
from zeroseg.values import Points
from zeroseg.weights.official.sam_hq_checkpoint import read_sam_hq


class SamHq(TransformersMasks):
    """SAM-HQ from transformers: the sum of SAM's own mask and the high-quality mask.

    The network is transformers' `SamHQModel`, its parts are joined here. Its own decoder (5.9 to
    5.23) goes on with the image's cells as they came, transposed, where the authors' goes on with
    what the transformer made of them, as SAM does (see `docs/decisions/`).

    Args:
        model: The network.
        image_processor: What prepares images for it.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Raises:
        CheckpointError: The processor does not fill the frame that it pads to.
        ValueError: `chunk_size` is less than one.
    """

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "syscv-community/sam-hq-vit-large",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its image processor.

        Args:
            checkpoint: A hub name, a folder, or a `.pth` file of
                the authors (ViT-B, ViT-L, ViT-H, or the TinyViT of Light HQ-SAM).
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged or incomplete, or a file of the authors does not hold
                exactly one such network.
        """
        return cls(*cls._load(SamHQModel, read_sam_hq, checkpoint), point_sampler, chunk_size)

    def _embed(self, pixels: Tensor) -> Encodings:
        outputs = self.model.vision_encoder(pixels)
        final, first = outputs.last_hidden_state, outputs.intermediate_embeddings[0]
        decoder = self.model.mask_decoder
        details = decoder.encoder_norm(decoder.encoder_conv1(final))
        details = decoder.encoder_conv2(decoder.activation(details))
        early = decoder.compress_vit_norm(decoder.compress_vit_conv1(first.permute(0, 3, 1, 2)))
        return final, details + decoder.compress_vit_conv2(decoder.activation(early))

    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> Tensor:
        decoder = self.model.mask_decoder
        embeddings, details = features
        read, plain = self._read(embeddings[image], boxes, points, decoder.hq_token.weight)
        sharp = decoder.activation(decoder.mask_norm(decoder.mask_conv1(plain)))
        sharp = decoder.mask_conv2(sharp) + details[image]
        by_sam = decoder.output_hypernetworks_mlps[0](read[:, FIRST_MASK])
        by_hq = decoder.hq_mask_mlp(read[:, FIRST_MASK + len(decoder.mask_tokens.weight)])
        return answers(by_sam, plain) + answers(by_hq, sharp)
