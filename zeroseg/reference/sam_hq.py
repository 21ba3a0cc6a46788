"""SAM-HQ with the input of the published code."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from zeroseg.masking.sam_hq import SamHq
from zeroseg.reference.resizing import resized
from zeroseg.values import Geometry


class ReferenceSamHq(SamHq):
    """`SamHq` whose images are resized by PIL; arguments are those of `SamHq`."""

    def _pixels(self, images: Sequence[Tensor], device: torch.device) -> Tensor:
        frame = self.image_processor.size["longest_edge"]
        sizes = [Geometry.padded(tuple(image.shape[1:]), frame).resized for image in images]
        bilinear = Image.Resampling.BILINEAR
        pairs = zip(images, sizes, strict=True)
        return super()._pixels([resized(image, size, bilinear) for image, size in pairs], device)
