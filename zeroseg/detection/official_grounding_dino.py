"""Grounding DINO as its authors wrote it, through groundingdino-py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn
from transformers import BatchEncoding, GroundingDinoProcessor
from typing_extensions import Self

from zeroseg.detection.grounded_detector import GroundedDetector
from zeroseg.weights.needs import Need, Package, published_or_hub
from zeroseg.weights.official.grounding_dino_checkpoint import (
    published_processor,
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
        checkpoint: `groundingdino_swint_ogc.pth` or `groundingdino_swinb_cogcoor.pth` as published.
        tokenizer: Hub name or folder of BERT's tokenizer.
        box_threshold: Queries must score more than this.
        text_threshold: For decoding "phrases": tokens must score more than this to be part of one.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes.
        decoding: "spans" or "phrases"; see `GroundingDino`.
        separator: What stands between prompts; see `GroundingDino`.
        model: A network of `build_official` already in hand; together with `processor` in place of
            `checkpoint`.
        processor: What prepares images and text for `model`.

    Raises:
        CheckpointNotFound: The checkpoint or the tokenizer is neither here nor within reach.
        CheckpointError: The file does not hold exactly one of the published networks.
        PackageNotFound: groundingdino-py is not installed.
        ValueError: A threshold is not in [0, 1], the decoding is unknown, or only one of `model`
            and `processor` is given.
    """

    def __init__(
        self,
        checkpoint: str | Path = "groundingdino_swint_ogc.pth",
        *,
        tokenizer: str | Path = "google-bert/bert-base-uncased",
        box_threshold: float = 0.18,
        text_threshold: float = 0.15,
        nms_threshold: float = 0.8,
        decoding: Literal["spans", "phrases"] = "spans",
        separator: str = " . ",
        model: nn.Module | None = None,
        processor: GroundingDinoProcessor | None = None,
    ) -> None:
        super().__init__(
            checkpoint,
            tokenizer=tokenizer,
            box_threshold=box_threshold,
            text_threshold=text_threshold,
            nms_threshold=nms_threshold,
            decoding=decoding,
            separator=separator,
            batch_size=1,
            model=model,
            processor=processor,
        )

    @staticmethod
    def needs(arguments: Mapping[str, Any]) -> Iterator[Need]:
        """What must be here before it is built; see `zeroseg.weights.needs`."""
        yield Package("groundingdino", "zeroseg[official]")
        yield from published_or_hub(arguments, ("network",), "tokenizer")

    def _load(self, checkpoint: str | Path, tokenizer: str | Path) -> tuple[Any, Any]:
        name = type(self).__name__
        config, weights = read_grounding_dino(checkpoint, name)
        processor = published_processor(tokenizer, name)
        with naming(checkpoint, name):
            return load_official(config, weights, processor.tokenizer), processor

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to other devices; other precisions are passed over."""
        return super()._apply(lambda tensor: tensor.to(fn(tensor).device), recurse)

    def _limit(self) -> int:
        limits = (self.model.max_text_len, self.model.bert.config.max_position_embeddings)
        return int(min(limits))

    def _look(self, pixels: Tensor, tokens: BatchEncoding) -> tuple[Tensor, Tensor]:
        output = self.model(pixels, captions=tokens)
        return output["pred_logits"], output["pred_boxes"]
