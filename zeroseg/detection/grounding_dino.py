"""Grounding DINO (Liu et al., 2023) and its retrained kin through transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    BatchEncoding,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    MMGroundingDinoForObjectDetection,
)
from typing_extensions import Self, Unpack

from zeroseg.detection.grounded_detector import GroundedDetector, GroundedOptions
from zeroseg.detection.half_sampling import keep_sampling
from zeroseg.detection.text_positions import keep_positions
from zeroseg.weights.checkpoints import load_pretrained
from zeroseg.weights.needs import Need, authors_or_hub
from zeroseg.weights.official.grounding_dino_checkpoint import (
    authors_processor,
    read_grounding_dino,
    to_transformers,
)
from zeroseg.weights.official.weights import is_authors_file, naming

_FIRST: Any = GroundingDinoForObjectDetection
_RETRAINED: Any = MMGroundingDinoForObjectDetection
"""MM-Grounding-DINO and LLMDet: scores are scaled and shifted, decoder layers have own heads."""


class GroundingDino(GroundedDetector):
    """Open-set detection by Grounding DINO, any size that transformers has.

    MM-Grounding-DINO (Zhao et al., 2024) and LLMDet (Fu et al., 2025), which are of one network in
    transformers, are read, asked and decoded in the same way.

    A query's score for a prompt is the highest of the prompt's own tokens. The reference takes the
    highest of all tokens as the score of a box, so thresholds keep their meaning; a mean would
    rate "potted plant" below "plant" wherever only one of the words fires. A word that two prompts
    share is read apart in each, since prompts do not see each other. Special tokens and separators
    never score (in the reference they can, and appear in phrases).

    Each query stands for the one prompt that it answers best. Overlapping queries are thinned out
    over all prompts together, as the reference does; unlike there, boxes are clipped to the image
    afterwards, and dropped where nothing is left.

    Prompts beyond what the text encoder reads at once are put to the network in several texts,
    split between prompts, and their queries are pooled. Images are batched only with images that
    the preprocessing brings to the same size, so that company never changes a result.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images to a forward pass of the network.
        box_threshold: Queries must score more than this; 0.18 by default.
        text_threshold: For decoding "phrases": tokens must score more than this to be part of one;
            0.15 by default.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes; 0.8 by default.
        decoding: "spans", the default: a detection's phrase is its prompt. "phrases": its phrase is
            made of all tokens over the text threshold wherever they stand, as in the paper; where
            that is not a prompt, the label is left to post-refinement.
        separator: What stands between prompts. " . ", the default, is what the network was trained
            with and keeps them apart; ", " is what the paper's code writes: one sentence in which
            they mix.

    Raises:
        ValueError: A threshold is not in [0, 1], the decoding is unknown, or `batch_size` is less
            than one.

    Example:
        >>> from zeroseg import GroundingDino, Selection, read_image
        >>> detector = GroundingDino.from_pretrained("tiny:grounding_dino")
        >>> selection = Selection(("dog", "boat"), labels=(1, 2))
        >>> [found] = detector([read_image("picture.png")], [selection])
        >>> found.phrases, found.boxes.shape
        (('dog',), torch.Size([1, 4]))
    """

    def __init__(
        self,
        model: GroundingDinoForObjectDetection | MMGroundingDinoForObjectDetection,
        processor: GroundingDinoProcessor,
        *,
        batch_size: int = 8,
        **options: Unpack[GroundedOptions],
    ) -> None:
        super().__init__(model, processor, batch_size, **options)
        keep_positions(self.model)
        keep_sampling(self.model)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "IDEA-Research/grounding-dino-tiny",
        *,
        tokenizer: str | Path = "google-bert/bert-base-uncased",
        batch_size: int = 8,
        **options: Unpack[GroundedOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: Hub name or folder of Grounding DINO, MM-Grounding-DINO or LLMDet, or a
                `.pth` file of Grounding DINO's authors, Swin-T or Swin-B; "tiny:grounding_dino" is
                part of the package.
            tokenizer: Hub name or folder of BERT's tokenizer, for a `.pth` file, which has none.
            batch_size: See the class.
            options: Thresholds, decoding and separator; see the class.

        Raises:
            CheckpointNotFound: The checkpoint or the tokenizer is neither here nor within reach.
            CheckpointError: It is damaged or incomplete, or the `.pth` file does not hold exactly
                one of the published networks.
        """
        model, processor = _load(checkpoint, tokenizer, cls.__name__)
        return cls(model, processor, batch_size=batch_size, **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        return authors_or_hub(arguments, ("network", "pictures", "words"), "tokenizer")

    def _limit(self) -> int:
        config = self.model.config
        return min(config.max_text_len, config.text_config.max_position_embeddings)

    def _look(self, pixels: Tensor, tokens: BatchEncoding) -> tuple[Tensor, Tensor]:
        output = self.model(pixel_values=pixels, **tokens)
        return output.logits, output.pred_boxes


def _load(checkpoint: str | Path, tokenizer: str | Path, name: str) -> tuple[Any, Any]:
    if is_authors_file(checkpoint):
        config, weights = read_grounding_dino(checkpoint, name)
        processor = authors_processor(tokenizer, name)
        with naming(checkpoint, name):
            return to_transformers(config, weights), processor
    told = load_pretrained(AutoConfig, checkpoint, name).model_type
    kind = _RETRAINED if told == _RETRAINED.config_class.model_type else _FIRST
    model = load_pretrained(kind, checkpoint, name, dtype=torch.float32)
    return model, load_pretrained(GroundingDinoProcessor, checkpoint, name)
