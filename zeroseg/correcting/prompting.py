"""Masks that a person asks a network for, by boxes and clicks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.masking.prompt import Prompt

KEPT = 2
"""Pictures of which the network's encodings are kept: the one that is looked at, and the last."""


class Prompting:
    """Asks a mask predictor; its second answer for a picture is quick.

    Only one thread may use it, and nothing else uses the predictor meanwhile.

    Args:
        predictor: What makes the masks.
        kept: Pictures whose pixels and encodings are kept, those asked for last.
    """

    def __init__(self, predictor: MaskPredictor, kept: int = KEPT) -> None:
        self.predictor, self.kept = predictor, kept
        self._known: OrderedDict[Hashable, tuple[Tensor, Encodings | None]] = OrderedDict()

    @property
    def name(self) -> str:
        """Of the component."""
        return type(self.predictor).__name__

    def mask(self, key: Hashable, image: Callable[[], Tensor], prompt: Prompt) -> NDArray[np.bool_]:
        """The mask that is meant, (H, W).

        Args:
            key: Of the picture.
            image: Gives its pixels, (3, H, W) uint8; called where they are not known any more.
            prompt: A box and clicks.

        Raises:
            ZerosegError: The predictor answers to none, or the prompt leads out of the picture.
        """
        pixels, encodings = self._encoded(key, image)
        masks = self.predictor.prompted(pixels, prompt, encodings)
        inside: NDArray[np.bool_] = (masks.full()[0] > 0).cpu().numpy()
        return inside

    def _encoded(
        self, key: Hashable, image: Callable[[], Tensor]
    ) -> tuple[Tensor, Encodings | None]:
        if key not in self._known:
            pixels = image()
            self._known[key] = pixels, self.predictor.encode([pixels])
        self._known.move_to_end(key)
        while len(self._known) > self.kept:
            self._known.popitem(last=False)
        return self._known[key]
