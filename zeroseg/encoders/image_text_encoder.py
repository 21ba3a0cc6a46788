"""What the image-text encoders of transformers have in common, by the same names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from zeroseg.encoders.kept_texts import KeptTexts
from zeroseg.running.transfer import upload

TEXTS = 128
"""Sentences that a text encoder reads at once."""


@dataclass(frozen=True)
class LastLayer:
    """The last layer of a vision transformer, taken apart: modules of the network itself.

    Attributes:
        whole: All of it.
        norm: Before the attention.
        query, key, value, output: The attention's projections.
        heads: The attention's heads.
        scale: What the attention's output is multiplied by.
        mlp_norm, mlp, mlp_scale: What comes after the attention.
    """

    whole: Any
    norm: Any
    query: Any
    key: Any
    value: Any
    output: Any
    heads: int
    scale: Any
    mlp_norm: Any
    mlp: Any
    mlp_scale: Any


class ImageTextEncoder(ABC):
    """A network that puts words and the patches of pictures into one space of D dimensions.

    It holds no weights of its own: whoever makes one holds the network.

    Attributes:
        model: The network.
        processor: What prepares pictures and text for it.
        patch: Side of a patch, in pixels.
        side: Side of the square pictures that it was trained on, in pixels.
        special: Tokens before those of the patches.
        last: Its last layer.
    """

    patch: int
    side: int
    special: int
    last: LastLayer

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.processor = model, processor

    @property
    def weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        weight: Tensor = next(self.model.parameters())
        return weight

    def pixels(self, images: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Images as the network sees them.

        Args:
            images: (3, H, W) uint8 each, RGB.
            size: (height, width) to bring them to.

        Returns:
            (B, 3, height, width), in the network's precision and on its device.
        """
        pixels: Tensor = self.processor.image_processor(
            upload(images, self.weight.device),
            size={"height": size[0], "width": size[1]},
            do_center_crop=False,
            input_data_format="channels_first",
            return_tensors="pt",
        )["pixel_values"]
        return pixels.to(self.weight)

    @abstractmethod
    def tokens(self, pixels: Tensor) -> Tensor:
        """What enters the last layer.

        Args:
            pixels: (B, 3, h, w), sides in whole patches; positions are interpolated for any size.

        Returns:
            (B, special + N, C), patches row by row.
        """

    @abstractmethod
    def project(self, tokens: Tensor) -> Tensor:
        """What comes out of the last layer (..., C), in the space of words (..., D)."""

    def whole(self, images: Sequence[Tensor]) -> Tensor:
        """Whole images, squashed to the size that was trained on.

        Args:
            images: (3, H, W) uint8 each, RGB; at least one.

        Returns:
            (B, D) float32 of length 1: what the network pools of each.
        """
        seen = self.model.get_image_features(self.pixels(images, (self.side, self.side)))
        return F.normalize(seen.pooler_output.float(), dim=-1)

    @abstractmethod
    def read(self, sentences: Sequence[str]) -> Tensor:
        """Sentences in the same space, (N, D).

        Raises:
            ValueError: One is longer than the network reads.
        """


class WordVectors(KeptTexts):
    """Unit vectors (D,) of words: unit vectors of their sentences, averaged.

    Args:
        templates: The sentences; "{}" stands for the word.
        kept: How many words' vectors are kept; 0 for none.
    """

    def __init__(self, templates: Sequence[str], kept: int) -> None:
        super().__init__(kept)
        self.templates = tuple(templates)

    @property
    def at_once(self) -> int:
        """Words to a pass of the text encoder."""
        return max(1, TEXTS // len(self.templates))

    def _weight(self, model: ImageTextEncoder) -> Tensor:
        return model.weight

    def _read(self, model: ImageTextEncoder, texts: Sequence[str]) -> list[Tensor]:
        sentences = [template.format(word) for word in texts for template in self.templates]
        vectors = F.normalize(model.read(sentences).float(), dim=-1)
        means = vectors.unflatten(0, (len(texts), len(self.templates))).mean(1)
        return [own.clone() for own in F.normalize(means, dim=-1)]
