"""BLIP-2 with the input of the reference."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from zeroseg.recognition.blip2 import Blip2
from zeroseg.reference.resizing import resized


class ReferenceBlip2(Blip2):
    """`Blip2` whose images are squashed by PIL; arguments are those of `Blip2`."""

    def _caption(self, images: list[Tensor]) -> list[str]:
        size = self.processor.image_processor.size
        sides = (size["height"], size["width"])
        return super()._caption([resized(i, sides, Image.Resampling.BICUBIC) for i in images])
