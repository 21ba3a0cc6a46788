"""What the mask predictors of transformers share: where the network comes from, and its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import Sam2ImageProcessor, Sam3ImageProcessor, SamImageProcessor

from zeroseg.errors import CheckpointError
from zeroseg.masking.attention import slice_attention
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.two_pass import TOP_20, TwoPassMasks
from zeroseg.running.transfer import upload
from zeroseg.values import Points
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Need, authors_or_hub
from zeroseg.weights.official.weights import is_authors_file

Network = TypeVar("Network", bound=nn.Module)

FIRST_MASK = 1
"""Place of the token of SAM's first mask, after that of the masks' quality."""


class TransformersMasks(TwoPassMasks):
    """Two passes of a network of transformers.

    The attention of its image encoder is replaced by one that takes less memory, see
    `zeroseg.masking.attention`.

    Args:
        model: The network.
        image_processor: What prepares images for it.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Raises:
        CheckpointError: The processor does not make the square that the network sees.
        ValueError: `chunk_size` is less than one.
    """

    def __init__(
        self,
        model: nn.Module,
        image_processor: SamImageProcessor | Sam2ImageProcessor | Sam3ImageProcessor,
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> None:
        network: Any = model
        slice_attention(network)
        side = 4 * network.prompt_encoder.image_embedding_size[0]
        super().__init__(network, self._frame(image_processor), side, point_sampler, chunk_size)
        self.image_processor: Any = image_processor

    @classmethod
    def _load(
        cls,
        kind: type[Network],
        read_authors_file: Callable[[str | Path], tuple[Network, SamImageProcessor]],
        checkpoint: str | Path,
    ) -> tuple[Network, SamImageProcessor]:
        """The network and image processor of a hub name, a folder, or a file of the authors."""
        if is_authors_file(checkpoint):
            return read_authors_file(checkpoint)
        name = cls.__name__
        model: Network = load_pretrained(kind, checkpoint, name, dtype=torch.float32)
        return model, load_pretrained(SamImageProcessor, checkpoint, name)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        return authors_or_hub(arguments, ("network", "pictures"))

    @staticmethod
    def _frame(image_processor: Any) -> int:
        """Side of the square that a processor makes of images.

        Raises:
            CheckpointError: It makes none.
        """
        longest, padded = image_processor.size["longest_edge"], image_processor.pad_size
        if (padded["height"], padded["width"]) != (longest, longest):
            raise CheckpointError(
                f"the image processor resizes to {longest} pixels but pads to {dict(padded)}; "
                f"SAM's frame is a square that the longer side fills"
            )
        return int(longest)

    def _pixels(self, images: Sequence[Tensor], device: torch.device) -> Tensor:
        inputs = self.image_processor(
            images=upload(images, device),
            input_data_format="channels_first",
            return_tensors="pt",
        )
        return inputs["pixel_values"].to(device, next(self.model.parameters()).dtype)

    def _prompts(self, boxes: Tensor | None, points: Points | None) -> tuple[Tensor, Tensor]:
        """Embeddings of prompts (n, 1, T, C), and what they say of every cell (n, C, h, w).

        Args:
            boxes: (n, 4), in pixels of the frame; None for points alone.
            points: Theirs, in pixels of the frame.
        """
        sparse, dense = self.model.prompt_encoder(
            input_points=points.xy[:, None] if points is not None else None,
            input_labels=points.labels[:, None] if points is not None else None,
            input_boxes=boxes[:, None] if boxes is not None else None,
            input_masks=None,
        )
        return sparse, dense

    def _read(
        self, cells: Tensor, boxes: Tensor | None, points: Points | None, *tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Let prompts and the image's cells read one another, for one box each.

        The library's decoder does the same with several copies of the cells, and makes all masks.

        Args:
            cells: Image embeddings (n, C, h, w).
            boxes: (n, 4), in pixels of the frame; None for points alone.
            points: Theirs, in pixels of the frame.
            tokens: Output tokens (t, C) beside those of SAM.

        Returns:
            What the output tokens and prompts have read, (n, T, C), and the cells what they have,
            upsampled to (n, C / 8, 4h, 4w).
        """
        sparse, dense = self._prompts(boxes, points)
        decoder = self.model.mask_decoder
        cells = cells + dense
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, *tokens])
        asking = torch.cat([own.expand(len(cells), 1, -1, -1), sparse], 2).to(cells.dtype)
        positions = self.model.get_image_wide_positional_embeddings()
        read, seen = decoder.transformer(
            point_embeddings=asking,
            image_embeddings=cells,
            image_positional_embeddings=positions.expand(len(cells), -1, -1, -1),
            attention_similarity=None,
        )
        seen = decoder.upscale_conv1(seen[:, 0].transpose(1, 2).reshape(cells.shape))
        seen = decoder.activation(decoder.upscale_layer_norm(seen))
        return read[:, 0], decoder.activation(decoder.upscale_conv2(seen))


def answers(token: Tensor, pixels: Tensor) -> Tensor:
    """Logits (n, h, w): how well pixels (n, C, h, w) answer their token (n, C)."""
    return (token[:, None] @ pixels.flatten(2)).view(len(token), *pixels.shape[2:])
