"""SAM 3's dense head by itself (Carion et al., 2025), beside a detector that knows no pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Sam3LiteTextModel, Sam3Model, Sam3Processor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.dense.dense_scorer import DenseScorer, unasked
from zeroseg.detection.concept_texts import ConceptTexts, together
from zeroseg.detection.prompted_image import PromptedImage
from zeroseg.detection.sam3 import load_sam3, pixels_of
from zeroseg.values import DenseScores, Geometry, Selection, check_images
from zeroseg.weights.needs import Checkpoint, Need


class Sam3DenseOptions(TypedDict, total=False):
    """What `Sam3Dense` takes beside its network; see there."""

    presence: bool
    chunk_size: int
    kept_texts: int


class Sam3Dense(DenseScorer):
    """Says of every place how likely each prompt is there, as SAM 3's dense head has it.

    What `Sam3` gives with its detections, without the instances: for detectors that find things by
    boxes, and stuff by nothing. Scores of different prompts know nothing of each other. A picture
    is encoded once; a prompt costs less than with `Sam3`, which also outlines.

    Args:
        model: The network: `Sam3Model`, or `Sam3LiteTextModel` of the LiteText checkpoints; that of
            a `Sam3` can be shared.
        processor: What prepares images and text for it.
        presence: Whether it is judged how likely each prompt is in the image at all, which takes
            the network's decoder of instances, too.
        chunk_size: Prompts put to the network at a time.
        kept_texts: Prompts whose encodings are kept for the images that follow; 0 for none.

    Raises:
        ValueError: A number is too small.
    """

    def __init__(
        self,
        model: Sam3Model | Sam3LiteTextModel,
        processor: Sam3Processor,
        *,
        presence: bool = True,
        chunk_size: int = 8,
        kept_texts: int = 4096,
    ) -> None:
        super().__init__()
        for name, number, bound in (("chunk_size", chunk_size, 1), ("kept_texts", kept_texts, 0)):
            if number < bound:
                raise ValueError(f"{name} is {number}, expected at least {bound}")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.presence = presence
        self.chunk_size = chunk_size
        self._texts = ConceptTexts(self.processor.tokenizer, kept_texts)

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path = "facebook/sam3", **options: Unpack[Sam3DenseOptions]
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder, of SAM 3 or SAM 3 LiteText. The published weights are
                given to those who accept their licence on the hub.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged or incomplete, or of another network.
        """
        return cls(*load_sam3(checkpoint, cls.__name__), **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[DenseScores]:
        """Score the prompts of each image; see `DenseScorer.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a prompt is too long to be read.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        prompts = [prompt for own in selections for prompt in own.prompts]
        texts = self._texts.encode(self.model, prompts, at_once=4 * self.chunk_size)
        return [
            self._score(image, selection, [texts[prompt] for prompt in selection.prompts])
            if selection.prompts
            else unasked(image, self._weight.device)
            for image, selection in zip(images, selections, strict=True)
        ]

    @property
    def _weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        return next(self.model.parameters())

    def _score(self, image: Tensor, selection: Selection, texts: Sequence[Tensor]) -> DenseScores:
        """One image's scores for the prompts of its selection."""
        pixels = pixels_of(image, self.processor, self._weight)
        seen = PromptedImage(self.model, self.model.get_vision_features(pixel_values=pixels))
        starts = range(0, len(texts), self.chunk_size)
        parts = [
            seen.maps(together(texts[start : start + self.chunk_size]), self.presence)
            for start in starts
        ]
        side = self.processor.image_processor.size["height"]
        judged = [own for _, own in parts if own is not None]
        return DenseScores(
            torch.cat([dense.float().sigmoid() for dense, _ in parts]),
            selection.labels,
            Geometry.squashed((image.shape[1], image.shape[2]), side),
            torch.cat(judged).float().sigmoid() if judged else None,
        )
