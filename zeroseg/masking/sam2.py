"""Masks by Segment Anything 2 (Ravi et al., 2024), which sees pictures here and no videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Sam2ImageProcessor, Sam2Model
from typing_extensions import Self

from zeroseg.errors import CheckpointError
from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.transformers_masks import TransformersMasks
from zeroseg.masking.two_pass import TOP_20
from zeroseg.values import Geometry, Points
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need


class SquashedMasks(TransformersMasks):
    """Two passes of SAM 2 or of what has its prompts and decoder.

    An image fills the network's square, its aspect given up. Where the network's one mask is not
    stable, it takes the best of its three alternatives in place of it, as its authors do.
    """

    @classmethod
    def _read_from(
        cls, kind: type[nn.Module], checkpoint: str | Path, processor: type = Sam2ImageProcessor
    ) -> tuple[Any, Any]:
        """The network and image processor of a hub name or a folder."""
        name = cls.__name__
        model = load_pretrained(kind, checkpoint, name, dtype=torch.float32)
        return model, load_pretrained(processor, checkpoint, name)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]), ("network", "pictures"))

    @staticmethod
    def _frame(image_processor: Any) -> int:
        height, width = image_processor.size["height"], image_processor.size["width"]
        if height != width:
            raise CheckpointError(
                f"the image processor resizes to {height} x {width} pixels; SAM 2's frame is a "
                f"square"
            )
        return int(height)

    def _geometry(self, size: tuple[int, int]) -> Geometry:
        return Geometry.squashed(size, self.frame)

    def _embed(self, pixels: Tensor) -> Encodings:
        return tuple(self.model.get_image_embeddings(pixels))

    def _decode(
        self, features: Encodings, image: Tensor, boxes: Tensor | None, points: Points | None
    ) -> Tensor:
        *details, cells = (rows[image] for rows in features)
        sparse, dense = self._prompts(boxes, points)
        positions = self.model.get_image_wide_positional_embeddings()
        masks: Tensor = self.model.mask_decoder(
            image_embeddings=cells,
            image_positional_embeddings=positions.expand(len(cells), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=details,
        )[0]
        return masks[:, 0, 0]


class Sam2(SquashedMasks):
    """SAM 2 and 2.1 from transformers, prompted with boxes, then with boxes and points.

    Of a checkpoint for videos, as those on the hub are, the part for pictures is read.

    Args:
        model: The network.
        image_processor: What prepares images for it.
        point_sampler: Where the points of the second pass come from, None for no second pass.
        chunk_size: Boxes decoded at a time, of one or several images.

    Raises:
        CheckpointError: The processor does not make a square.
        ValueError: `chunk_size` is less than one.
    """

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "facebook/sam2.1-hiera-large",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its image processor.

        Args:
            checkpoint: A hub name or a folder: "facebook/sam2.1-hiera-tiny", "-small",
                "-base-plus" or "-large".
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        return cls(*cls._read_from(Sam2Model, checkpoint), point_sampler, chunk_size)
