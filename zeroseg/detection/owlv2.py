"""OWLv2 (Minderer et al., 2023): a patch of the image is a candidate, a prompt a vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Owlv2ForObjectDetection, Owlv2Processor
from typing_extensions import Self, Unpack

from zeroseg.detection.candidates import best_prompts
from zeroseg.detection.prompt_detector import PromptDetector, PromptOptions
from zeroseg.encoders.kept_texts import read_texts
from zeroseg.values import Queries
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Checkpoint, Need

TEXTS = 128
"""Prompts that the text encoder reads at once."""


class Owlv2Options(PromptOptions, total=False):
    """What `Owlv2` takes beside its network; see there."""

    template: str


class Owlv2(PromptDetector):
    """Open-set detection by OWLv2 from transformers: a score for each prompt.

    Prompts know nothing of each other, and each is read once for all images of a call: long lists
    of classes cost little. Images lie in the top left corner of a grey square, so images of all
    sizes share a batch.

    Each candidate stands for the one prompt that it answers best. Overlapping ones are thinned out
    over all prompts together, which transformers' own post-processing leaves to others.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images to a forward pass of the network.
        box_threshold: Candidates must score more than this; transformers' default is the same.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes; 1 keeps all.
        template: What the network reads for a prompt, which stands for "{}".

    Raises:
        ValueError: A threshold is not in [0, 1], `batch_size` is less than one, or the template
            has no "{}".
    """

    def __init__(
        self,
        model: Owlv2ForObjectDetection,
        processor: Owlv2Processor,
        *,
        batch_size: int = 8,
        box_threshold: float = 0.1,
        nms_threshold: float = 0.8,
        template: str = "a photo of a {}",
    ) -> None:
        super().__init__(model, processor, batch_size, box_threshold, nms_threshold)
        if "{}" not in template:
            raise ValueError(f"template is {template!r}, which has no {{}} for a prompt")
        self.template = template

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "google/owlv2-base-patch16-ensemble",
        **options: Unpack[Owlv2Options],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder.
            options: Thresholds and others; see the class.

        Raises:
            CheckpointNotFound: The checkpoint is neither here nor within reach.
            CheckpointError: It is damaged, incomplete, or of another network.
        """
        name = cls.__name__
        model = load_pretrained(Owlv2ForObjectDetection, checkpoint, name, dtype=torch.float32)
        return cls(
            model,
            load_pretrained(Owlv2Processor, checkpoint, name),
            **options,
        )

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Checkpoint(str(arguments["checkpoint"]))

    def _look(
        self, images: Sequence[Tensor], prompts: Sequence[Sequence[str]]
    ) -> list[tuple[Tensor, Tensor]]:
        words = list(dict.fromkeys(prompt for own in prompts for prompt in own))
        texts = self._texts(words)
        pixels = self.processor.image_processor(
            list(images), input_data_format="channels_first", return_tensors="pt"
        )["pixel_values"].to(self._weight)
        cells, _ = self.model.image_embedder(pixels)
        patches = cells.flatten(1, 2)
        logits, _ = self.model.class_predictor(patches, texts.expand(len(images), -1, -1))
        boxes = self.model.box_predictor(patches, cells)
        places = {word: i for i, word in enumerate(words)}
        columns = [[places[prompt] for prompt in own] for own in prompts]
        return [(logits[i][:, own], boxes[i]) for i, own in enumerate(columns)]

    def _texts(self, prompts: Sequence[str]) -> Tensor:
        """Vectors of prompts, (P, C)."""
        texts = [self.template.format(prompt) for prompt in prompts]
        limit = self.model.config.text_config.max_position_embeddings
        device = self._weight.device
        vectors = []
        for start in range(0, len(texts), TEXTS):
            part = texts[start : start + TEXTS]
            ids, real = read_texts(self.processor.tokenizer, part, limit, device)
            vectors.append(self.model.owlv2.get_text_features(ids, real).pooler_output)
        return torch.cat(vectors)

    def _extent(self, size: tuple[int, int]) -> tuple[int, int]:
        return (max(size), max(size))

    def _choose(self, queries: Queries) -> tuple[Tensor, Tensor]:
        return best_prompts(queries, self.box_threshold, self.nms_threshold)
