"""Grounding DINO as its authors wrote it, through groundingdino-py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import BatchEncoding, GroundingDinoProcessor
from typing_extensions import Self, Unpack

from zeroseg.detection.grounded_detector import GroundedDetector, GroundedOptions
from zeroseg.weights.needs import Need, Package, authors_or_hub
from zeroseg.weights.official.grounding_dino_checkpoint import (
    authors_processor,
    read_grounding_dino,
)
from zeroseg.weights.official.grounding_dino_network import load_official
from zeroseg.weights.official.weights import naming


class OfficialGroundingDino(GroundedDetector):
    """`GroundingDino` with the authors' network in place of transformers' restatement of it.

    Prompts, thresholds and decoding are those of `GroundingDino`, and so are the results, up to
    rounding: both networks choose their queries by rank, and where two candidates differ by less
    than rounding does, they may stand in one another's place.

    Images are looked at one by one, since the package mixes up the texts of a batch: with several
    images, some heads of its text layers get the mask of another image's prompts. The network stays
    in float32 whatever it is cast to, as it mixes in numbers of that precision. Needs
    groundingdino-py (`pip install "zeroseg[official]"`); nothing is compiled.

    Args:
        model: A network of `build_official`.
        processor: What prepares images and text for it.
        options: Thresholds, decoding and separator, by name; see `GroundingDino`.

    Raises:
        ValueError: A threshold is not in [0, 1], or the decoding is unknown.
    """

    def __init__(
        self,
        model: nn.Module,
        processor: GroundingDinoProcessor,
        **options: Unpack[GroundedOptions],
    ) -> None:
        super().__init__(model, processor, 1, **options)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = "groundingdino_swint_ogc.pth",
        *,
        tokenizer: str | Path = "google-bert/bert-base-uncased",
        **options: Unpack[GroundedOptions],
    ) -> Self:
        """Load the network and its processor.

        Args:
            checkpoint: `groundingdino_swint_ogc.pth` or `groundingdino_swinb_cogcoor.pth` as
                published.
            tokenizer: Hub name or folder of BERT's tokenizer.
            options: See the class.

        Raises:
            CheckpointNotFound: The checkpoint or the tokenizer is neither here nor within reach.
            CheckpointError: The file does not hold exactly one of the published networks.
            PackageNotFound: groundingdino-py is not installed.
        """
        name = cls.__name__
        config, weights = read_grounding_dino(checkpoint, name)
        processor = authors_processor(tokenizer, name)
        with naming(checkpoint, name):
            model = load_official(config, weights, processor.tokenizer)
        return cls(model, processor, **options)

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Package("groundingdino", "zeroseg[official]")
        yield from authors_or_hub(arguments, ("network",), "tokenizer")

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to other devices; other precisions are passed over."""
        return super()._apply(lambda tensor: tensor.to(fn(tensor).device), recurse)

    def _limit(self) -> int:
        limits = (self.model.max_text_len, self.model.bert.config.max_position_embeddings)
        return int(min(limits))

    def _look(self, pixels: Tensor, tokens: BatchEncoding) -> tuple[Tensor, Tensor]:
        output = self.model(pixels, captions=tokens)
        return output["pred_logits"], output["pred_boxes"]
