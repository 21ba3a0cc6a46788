"""Grounding DINO (Liu et al., 2023) through transformers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

from zeroseg.checkpoints import load_pretrained
from zeroseg.detection.detector import Detector
from zeroseg.detection.token_spans import PromptText, write_prompts
from zeroseg.values import UNRESOLVED, Detections, Queries, Selection, check_images

MAX_ASPECT = 32
"""Longer pictures are widened with grey to this many times their short side: else too few image
tokens would be left for the detector to choose its queries from."""


@dataclass(frozen=True)
class _Reading:
    """What the network said to one text about one image.

    Attributes:
        text: The prompts it was given.
        tokens: (Q, T) float32 in [0, 1], how well each query answers each token.
        boxes: (Q, 4) float32, x1 y1 x2 y2 in pixels of the image as given, not clipped to it.
    """

    text: PromptText
    tokens: Tensor
    boxes: Tensor


class GroundingDino(Detector):
    """Open-set detection by Grounding DINO, any size that transformers has.

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
        checkpoint: Hub name or folder; "tiny:grounding_dino" is part of the package.
        box_threshold: Queries must score more than this.
        text_threshold: For decoding "phrases": tokens must score more than this to be part of one.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes.
        decoding: "spans": a detection's phrase is its prompt. "phrases": its phrase is made of all
            tokens over the text threshold wherever they stand, as in the paper; where that is not
            a prompt, the label is left to post-refinement.
        separator: What stands between prompts. " . " is what the network was trained with and keeps
            them apart; ", " is what the paper's code writes: one sentence in which they mix.
        batch_size: Images to a forward pass of the network.
        model: A network already in hand; together with `processor` in place of `checkpoint`.
        processor: What prepares images and text for `model`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
        ValueError: A threshold is not in [0, 1], the decoding is unknown, or only one of `model`
            and `processor` is given.
    """

    def __init__(
        self,
        checkpoint: str | Path = "IDEA-Research/grounding-dino-tiny",
        *,
        box_threshold: float = 0.18,
        text_threshold: float = 0.15,
        nms_threshold: float = 0.8,
        decoding: Literal["spans", "phrases"] = "spans",
        separator: str = " . ",
        batch_size: int = 8,
        model: GroundingDinoForObjectDetection | None = None,
        processor: GroundingDinoProcessor | None = None,
    ) -> None:
        super().__init__()
        for name, value in (
            ("box_threshold", box_threshold),
            ("text_threshold", text_threshold),
            ("nms_threshold", nms_threshold),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected a number in [0, 1]")
        if decoding not in ("spans", "phrases"):
            raise ValueError(f"decoding is {decoding!r}, expected 'spans' or 'phrases'")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, expected at least 1")
        if (model is None) != (processor is None):
            raise ValueError("give both `model` and `processor`, or neither")
        loaded: tuple[Any, Any] = (model, processor) if model else self._load(checkpoint)
        self.model, self.processor = loaded[0].eval(), loaded[1]
        self.box_threshold = box_threshold
        self.text_threshold = text_threshold
        self.nms_threshold = nms_threshold
        self.decoding = decoding
        self.separator = separator
        self.batch_size = batch_size

    def _load(self, checkpoint: str | Path) -> tuple[Any, Any]:
        name = type(self).__name__
        model = load_pretrained(
            GroundingDinoForObjectDetection, checkpoint, name, dtype=torch.float32
        )
        return model, load_pretrained(GroundingDinoProcessor, checkpoint, name)

    @torch.no_grad()
    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        """Locate every prompt of each image; see `Detector.forward`.

        Raises:
            ValueError: An image is not (3, H, W) uint8, the numbers of images and selections
                differ, or a prompt is too long to be read.
        """
        check_images(images)
        if len(images) != len(selections):
            raise ValueError(f"{len(images)} images but {len(selections)} selections")
        texts = [self._texts(selection) for selection in selections]
        readings = self._read(images, texts)
        return [
            self._detect(image, selection, own)
            for image, selection, own in zip(images, selections, readings, strict=True)
        ]

    def _texts(self, selection: Selection) -> list[PromptText]:
        config = self.model.config
        limit = min(config.max_text_len, config.text_config.max_position_embeddings)
        return write_prompts(selection.prompts, self.processor.tokenizer, self.separator, limit)

    def _read(
        self, images: Sequence[Tensor], texts: Sequence[Sequence[PromptText]]
    ) -> list[list[_Reading]]:
        """Put every text of every image to the network, in batches of equal image size."""
        groups: dict[torch.Size, list[tuple[int, PromptText]]] = defaultdict(list)
        pixels: dict[int, Tensor] = {}
        for position, own in enumerate(texts):
            if own:
                pixels[position] = self._prepare(_widened(images[position]))
                groups[pixels[position].shape] += [(position, text) for text in own]
        readings: list[list[_Reading]] = [[] for _ in images]
        for group in groups.values():
            for start in range(0, len(group), self.batch_size):
                part = group[start : start + self.batch_size]
                batch = torch.stack([pixels[position] for position, _ in part])
                results = self._run(batch, [text for _, text in part])
                for (position, text), (tokens, boxes) in zip(part, results, strict=True):
                    height, width = _widened(images[position]).shape[1:]
                    scale = boxes.new_tensor([width, height, width, height])
                    readings[position].append(_Reading(text, tokens, boxes * scale))
        return readings

    def _prepare(self, image: Tensor) -> Tensor:
        """Resize and normalise one image as the checkpoint says, (3, h, w)."""
        pixels: Tensor = self.processor.image_processor(
            [image.to(self.model.device)],
            input_data_format="channels_first",
            do_pad=False,
            return_tensors="pt",
        )["pixel_values"][0]
        return pixels.to(self.model.device, self.model.dtype)

    def _run(self, pixels: Tensor, texts: Sequence[PromptText]) -> Iterator[tuple[Tensor, Tensor]]:
        """One forward pass: for each image token scores (Q, T) and corners (Q, 4) in shares."""
        length = max(len(text.ids) for text in texts)
        ids = torch.full((len(texts), length), self.processor.tokenizer.pad_token_id)
        real = torch.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = torch.tensor(text.ids)
            real[row, : len(text.ids)] = 1
        output = self.model(
            pixel_values=pixels,
            input_ids=ids.to(pixels.device),
            attention_mask=real.to(pixels.device),
        )
        tokens = output.logits.float().sigmoid()
        middle, size = output.pred_boxes.float().split(2, -1)
        boxes = torch.cat([middle - size / 2, middle + size / 2], -1)
        for position, text in enumerate(texts):
            yield tokens[position, :, : len(text.ids)], boxes[position]

    def _detect(
        self, image: Tensor, selection: Selection, readings: Sequence[_Reading]
    ) -> Detections:
        """Threshold, thin out and name the queries of one image."""
        if not readings:
            return Detections.empty(self.model.device)
        queries = _pool(readings, len(selection.prompts))
        best, prompts = queries.scores.max(1)
        keep = (best > self.box_threshold).nonzero()[:, 0]
        keep = keep[nms(queries.boxes[keep], best[keep], self.nms_threshold)]
        height, width = image.shape[1:]
        boxes = queries.boxes[keep].clamp(min=0)
        boxes = boxes.minimum(boxes.new_tensor([width, height, width, height]))
        seen = (boxes[:, 2:] > boxes[:, :2]).all(1)
        keep, boxes = keep[seen], boxes[seen]
        if self.decoding == "spans":
            named = [(i, selection.labels[i], selection.prompts[i]) for i in prompts[keep].tolist()]
        else:
            named = self._phrases(selection, readings, keep, prompts[keep])
        return Detections(
            boxes=boxes,
            scores=best[keep],
            labels=torch.tensor([n[1] for n in named], dtype=torch.int64, device=boxes.device),
            phrases=tuple(n[2] for n in named),
            prompts=torch.tensor([n[0] for n in named], dtype=torch.int64, device=boxes.device),
            queries=queries,
        )

    def _phrases(
        self, selection: Selection, readings: Sequence[_Reading], keep: Tensor, prompts: Tensor
    ) -> list[tuple[int, int, str]]:
        """Prompt, label and phrase of each kept query, by all tokens over the text threshold."""
        per_reading = len(readings[0].boxes)
        named = []
        for query, prompt in zip(keep.tolist(), prompts.tolist(), strict=True):
            reading = readings[query // per_reading]
            spans = reading.text.spans
            outside = torch.tensor(spans, device=keep.device) < 0
            scores = reading.tokens[query % per_reading].masked_fill(outside, 0)
            over = (scores > self.text_threshold).nonzero()[:, 0].tolist()
            chosen = over or [int(scores.argmax())]
            ids = tuple(reading.text.ids[i] for i in chosen)
            whole = spans[chosen[0]]
            if {spans[i] for i in chosen} == {whole} and ids == reading.text.ids_of(whole):
                named.append((whole, selection.labels[whole], selection.prompts[whole]))
            else:
                phrase = self.processor.tokenizer.decode(ids).replace(" - ", "-")
                named.append((prompt, UNRESOLVED, phrase))
        return named


def _widened(image: Tensor) -> Tensor:
    """The image, with grey at its right or bottom if it is extremely narrow."""
    height, width = image.shape[1:]
    least = -(-max(height, width) // MAX_ASPECT)
    return F.pad(image, (0, max(0, least - width), 0, max(0, least - height)), value=124)


def _pool(readings: Sequence[_Reading], prompts: int) -> Queries:
    """All queries of an image with their scores for all its prompts, 0 for those not read."""
    scores = []
    for reading in readings:
        spans = torch.tensor(reading.text.spans, device=reading.tokens.device)
        words = reading.tokens[:, spans >= 0]
        index = spans[spans >= 0].expand(len(words), -1)
        blank = words.new_zeros(len(words), prompts)
        scores.append(blank.scatter_reduce(1, index, words, "amax"))
    return Queries(torch.cat([reading.boxes for reading in readings]), torch.cat(scores))
