"""Masks by the tracker of SAM 3 (Carion et al., 2025), which sees pictures here and no videos."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from transformers import Sam3ImageProcessor, Sam3TrackerModel
from typing_extensions import Self

from zeroseg.masking.mask_predictor import Encodings
from zeroseg.masking.point_sampler import PointSampler
from zeroseg.masking.sam2 import SquashedMasks
from zeroseg.masking.two_pass import TOP_20


class Sam3Tracker(SquashedMasks):
    """The tracker of SAM 3 from transformers, prompted with boxes, then with boxes and points.

    For boxes of other detectors; `Sam3` gives masks with its own. It has SAM 2's prompts and
    decoder behind SAM 3's image encoder. Of a checkpoint of SAM 3 the tracker's part is read.

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
        checkpoint: str | Path = "facebook/sam3",
        point_sampler: PointSampler | None = TOP_20,
        chunk_size: int = 16,
    ) -> Self:
        """Load the network and its image processor.

        Args:
            checkpoint: A hub name or a folder. The published weights are given to those who accept
                their licence on the hub.
            point_sampler: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        parts = cls._read_from(Sam3TrackerModel, checkpoint, Sam3ImageProcessor)
        return cls(*parts, point_sampler, chunk_size)

    def _embed(self, pixels: Tensor) -> Encodings:
        maps = super()._embed(pixels)
        if len(self.model.config.vision_config.scale_factors) == len(maps):
            return maps
        # The encoder's last map is not read. Transformers (up to 5.23) adds to it what says that
        # there is no earlier picture; in videos, and in SAM 2, that is added to the last one read.
        *details, cells = maps
        return (*details, cells + self.model.no_memory_embedding.view(1, -1, 1, 1))
