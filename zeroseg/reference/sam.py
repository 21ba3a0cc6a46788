"""SAM and SAM-HQ with the input of the reference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from zeroseg.masking.sam import Sam
from zeroseg.masking.sam_hq import SamHq
from zeroseg.masking.transformers_masks import TransformersMasks
from zeroseg.reference.resizing import resized
from zeroseg.values import Geometry


class _ResizedByPil(TransformersMasks):
    def _pixels(self, images: Sequence[Tensor], device: torch.device) -> Tensor:
        frame = self.image_processor.size["longest_edge"]

        def shown(image: Tensor) -> Tensor:
            height, width = image.shape[1:]
            size = Geometry.padded((height, width), frame).resized
            return resized(image, size, Image.Resampling.BILINEAR)

        return super()._pixels([shown(image) for image in images], device)


class ReferenceSam(_ResizedByPil, Sam):
    """`Sam` whose images are resized by PIL; arguments are those of `Sam`."""


class ReferenceSamHq(_ResizedByPil, SamHq):
    """`SamHq` whose images are resized by PIL; arguments are those of `SamHq`."""
