"""Classes of masks by CLIP (Radford et al., 2021), over any vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPModel, CLIPProcessor
from typing_extensions import Self

from zeroseg.baselines.mask_classifier import MaskClassifier, Votes
from zeroseg.masking.everything import ends
from zeroseg.values import Masks, check_images
from zeroseg.vocabulary import Vocabulary
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need


class ClipVote(MaskClassifier):
    """Gives a mask the class whose words are nearest to its crop, in CLIP's embedding.

    The open-vocabulary counterpart of `ClosedSetVote`. (SSA-Engine, the authors' open variant,
    asks BLIP for words and CLIP to choose among them; here the vocabulary is given.) A crop is
    the mask's bounding square; everything off the mask has the mean colour of CLIP's images.
    Pixels without a mask are background.

    Args:
        model: The network.
        processor: What prepares images and words for it.
        template: Sentence that a class is asked with; `{}` stands for its prompt.
        others: Words for what is none of the classes, asked in the same sentence: a mask they
            win is background. Without any, every mask gets a class.
        chunk_size: Crops embedded at a time.

    Raises:
        ValueError: `template` has no place for the class, or `chunk_size` is less than one.
    """

    def __init__(
        self,
        model: CLIPModel,
        processor: CLIPProcessor,
        template: str = "a photo of a {}",
        others: tuple[str, ...] = ("background",),
        chunk_size: int = 32,
    ) -> None:
        super().__init__()
        if "{}" not in template:
            raise ValueError(f"the template '{template}' has no {{}} where the class goes")
        if chunk_size < 1:
            raise ValueError(f"chunk_size is {chunk_size}, it must be at least 1")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.template = template
        self.others = tuple(others)
        self.chunk_size = chunk_size

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "openai/clip-vit-large-patch14",
        template: str = "a photo of a {}",
        others: tuple[str, ...] = ("background",),
        chunk_size: int = 32,
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: A hub name or a folder.
            template: See the class.
            others: See the class.
            chunk_size: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        name = cls.__name__
        model = load_pretrained(CLIPModel, checkpoint, name, dtype=torch.float32)
        processor = load_pretrained(CLIPProcessor, checkpoint, name)
        return cls(model, processor, template, others, chunk_size)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], masks: Sequence[Masks], vocabulary: Vocabulary
    ) -> list[Votes]:
        """Classify every mask, see `MaskClassifier.forward`."""
        check_images(images)
        labels = [*vocabulary.classes, *[vocabulary.background] * len(self.others)]
        words = [*(vocabulary.prompts[index] for index in vocabulary.classes), *self.others]
        texts = self._embed_words(words) if any(map(len, masks)) else None
        return [
            Votes(
                labels=self._classify(image, mask, texts, labels, vocabulary.background),
                rest=torch.full(mask.size, vocabulary.background, device=mask.logits.device),
            )
            for image, mask in zip(images, masks, strict=True)
        ]

    def _classify(
        self, image: Tensor, masks: Masks, texts: Tensor | None, labels: list[int], background: int
    ) -> Tensor:
        device = masks.logits.device
        found = torch.full((len(masks),), background, device=device)
        if texts is None:
            return found
        for positions, crops in self._crops(image.to(device), masks):
            nearest = (self._embed_crops(crops) @ texts.T).argmax(1).to(device)
            found[positions] = torch.tensor(labels, device=device)[nearest]
        return found

    def _crops(self, image: Tensor, masks: Masks) -> Iterator[tuple[list[int], list[Tensor]]]:
        """Crops (3, S, S) uint8 of the masks that cover a pixel, and the masks' positions."""
        fill = torch.tensor(self.processor.image_processor.image_mean, device=image.device)
        fill = (fill * 255).round().to(image.dtype)[:, None, None]
        for start in range(0, len(masks), self.chunk_size):
            covered = masks.full(slice(start, start + self.chunk_size)) > 0
            seen = [(i, box) for i, box in enumerate(_bounds(covered)) if box is not None]
            if seen:
                crops = [_crop(image, covered[i], box, fill) for i, box in seen]
                yield [start + i for i, _ in seen], crops

    def _embed_crops(self, crops: list[Tensor]) -> Tensor:
        inputs = self.processor.image_processor(
            images=crops, input_data_format="channels_first", return_tensors="pt"
        )
        weight = next(self.model.parameters())
        pixels = inputs["pixel_values"].to(weight.device, weight.dtype)
        pooled = self.model.vision_model(pixel_values=pixels).pooler_output
        return _normalised(self.model.visual_projection(pooled))

    def _embed_words(self, words: Sequence[str]) -> Tensor:
        inputs = self.processor.tokenizer(
            [self.template.format(word) for word in words],
            padding=True,
            truncation=True,
            return_tensors="pt",
        ).to(next(self.model.parameters()).device)
        pooled = self.model.text_model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).pooler_output
        return _normalised(self.model.text_projection(pooled))


def _bounds(covered: Tensor) -> list[tuple[slice, slice] | None]:
    """Rows and columns that masks (n, H, W) bool lie in, None for one that covers no pixel."""
    top, bottom = ends(covered.any(2))
    left, right = ends(covered.any(1))
    sides = torch.stack([top, bottom, left, right, covered.flatten(1).any(1)], 1).tolist()
    return [(slice(*side[:2]), slice(*side[2:4])) if side[4] else None for side in sides]


def _crop(image: Tensor, mask: Tensor, bounds: tuple[slice, slice], fill: Tensor) -> Tensor:
    """The square around a mask (H, W) within bounds, with `fill` (3, 1, 1) off the mask."""
    rows, columns = bounds
    shown = torch.where(mask[rows, columns], image[:, rows, columns], fill)
    height, width = shown.shape[1:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = fill.expand(3, side, side).clone()
    square[:, top : top + height, left : left + width] = shown
    return square


def _normalised(vectors: Tensor) -> Tensor:
    vectors = vectors.float()
    return vectors / vectors.norm(dim=-1, keepdim=True)
