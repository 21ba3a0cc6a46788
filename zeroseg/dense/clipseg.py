"""CLIPSeg (Lüddecke and Ecker, 2022): CLIP, and a decoder trained to outline what is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPSegForImageSegmentation, CLIPSegProcessor
from typing_extensions import Self, TypedDict, Unpack

from zeroseg.dense.dense_scorer import DenseScorer, unasked
from zeroseg.encoders.image_text_encoder import TEXTS
from zeroseg.encoders.kept_texts import KeptTexts, read_texts
from zeroseg.running.transfer import upload
from zeroseg.values import DenseScores, Geometry, Selection, check_images
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need


class ClipSegOptions(TypedDict, total=False):
    """What `ClipSeg` takes beside its network; see there."""

    batch_size: int
    chunk_size: int
    cell: int
    kept_texts: int


class ClipSeg(DenseScorer):
    """Dense scores by CLIPSeg from transformers: each prompt by itself, a probability a place.

    Pictures are squashed into the network's square, 352 x 352 with the published ones, and encoded
    once; prompts are put to what was encoded `chunk_size` at a time. Scores of different prompts do
    not sum to one, and nothing keeps two prompts from claiming the same place.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images encoded at a time.
        chunk_size: Prompts decoded at a time, of one image.
        cell: Side in the network's pixels of the squares whose mean probability is kept, so that a
            prompt takes 31 kB with the published networks; 1 keeps every pixel.
        kept_texts: Prompts whose vectors are kept for the images that follow; 0 for none.

    Raises:
        ValueError: A number is too small, or the network's side is no multiple of `cell`.
    """

    def __init__(
        self,
        model: CLIPSegForImageSegmentation,
        processor: CLIPSegProcessor,
        *,
        batch_size: int = 8,
        chunk_size: int = 32,
        cell: int = 4,
        kept_texts: int = 4096,
    ) -> None:
        super().__init__()
        least = (("batch_size", batch_size, 1), ("chunk_size", chunk_size, 1), ("cell", cell, 1))
        for name, number, bound in (*least, ("kept_texts", kept_texts, 0)):
            if number < bound:
                raise ValueError(f"{name} is {number}, expected at least {bound}")
        self.model: Any = model.eval()
        self.processor: Any = processor
        self.side: int = processor.image_processor.size["height"]
        if self.side % cell:
            raise ValueError(
                f"cell is {cell}, expected a divisor of the network's {self.side} pixels"
            )
        self.batch_size = batch_size
        self.chunk_size = chunk_size
        self.cell = cell
        self._texts = _PromptVectors(self.processor.tokenizer, kept_texts)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "CIDAS/clipseg-rd64-refined",
        **options: Unpack[ClipSegOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        name = cls.__name__
        kind = CLIPSegForImageSegmentation
        model = load_pretrained(kind, checkpoint, name, dtype=torch.float32)
        return cls(model, load_pretrained(CLIPSegProcessor, checkpoint, name), **options)

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
        vectors = self._texts.encode(self.model, prompts, TEXTS)
        found = [unasked(image, self._weight.device) for image in images]
        asked = [i for i, selection in enumerate(selections) if selection.prompts]
        for start in range(0, len(asked), self.batch_size):
            part = asked[start : start + self.batch_size]
            levels = self._encode([images[i] for i in part])
            for row, i in enumerate(part):
                texts = torch.stack([vectors[prompt] for prompt in selections[i].prompts])
                maps = self._decode([level[row : row + 1] for level in levels], texts)
                frame = Geometry.squashed((images[i].shape[1], images[i].shape[2]), self.side)
                found[i] = DenseScores(maps, selections[i].labels, frame)
        return found

    @property
    def _weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        return next(self.model.parameters())

    def _encode(self, images: Sequence[Tensor]) -> list[Tensor]:
        """What the decoder reads of images: tokens of some of the encoder's layers, (B, T, C)."""
        pixels = self.processor.image_processor(
            upload(images, self._weight.device),
            input_data_format="channels_first",
            return_tensors="pt",
        )["pixel_values"]
        seen = self.model.clip.get_image_features(
            pixels.to(self._weight), output_hidden_states=True, interpolate_pos_encoding=True
        )
        return [seen.hidden_states[layer + 1] for layer in self.model.extract_layers]

    def _decode(self, levels: Sequence[Tensor], texts: Tensor) -> Tensor:
        """Probabilities (P, h, w) of P prompts (P, C) at one image."""
        maps = []
        for part in texts.split(self.chunk_size):  # one image's tokens are read by all of them
            logits = self.model.decoder(levels, part).logits
            maps.append(F.avg_pool2d(logits.float().sigmoid()[:, None], self.cell)[:, 0])
        return torch.cat(maps)


class _PromptVectors(KeptTexts):
    """What the decoder is told of prompts: (C,) each.

    Args:
        tokenizer: What cuts prompts into tokens.
        kept: How many prompts' vectors are kept; 0 for none.
    """

    def __init__(self, tokenizer: Any, kept: int) -> None:
        super().__init__(kept)
        self.tokenizer = tokenizer

    def _weight(self, model: Any) -> Tensor:
        weight: Tensor = model.clip.text_projection.weight
        return weight

    def _read(self, model: Any, texts: Sequence[str]) -> list[Tensor]:
        limit = model.config.text_config.max_position_embeddings
        device = self._weight(model).device
        ids, real = read_texts(self.tokenizer, texts, limit, device)
        vectors = model.clip.get_text_features(ids, attention_mask=real).pooler_output
        return [own.clone() for own in vectors]
