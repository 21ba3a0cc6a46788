"""RAM++ with the input of the reference."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from zeroseg.recognition.ram_plus import RamPlus
from zeroseg.reference.resizing import resized


class ReferenceRamPlus(RamPlus):
    """`RamPlus` whose pieces are squashed by PIL; arguments are those of `RamPlus`."""

    def _squash(self, piece: Tensor, side: int) -> Tensor:
        return resized(piece, (side, side), Image.Resampling.BILINEAR).float()
