"""What detectors share that read all prompts as one text: Grounding DINO in any implementation."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BatchEncoding
from typing_extensions import Self, TypedDict

from zeroseg.detection.candidates import best_prompts, clipped, named_by_prompts
from zeroseg.detection.detector import Detector, side_of
from zeroseg.detection.token_spans import PromptText, write_prompts
from zeroseg.running.transfer import by_size, sent, upload
from zeroseg.values import UNRESOLVED, Detections, Queries, Selection, check_images

MAX_ASPECT = 32
"""Longer pictures are widened with grey to this many times their short side: else too few image
tokens would be left for the detector to choose its queries from."""


class GroundedOptions(TypedDict, total=False):
    """How answers become detections; see `GroundedDetector`."""

    box_threshold: float
    text_threshold: float
    nms_threshold: float
    decoding: Literal["spans", "phrases"]
    separator: str


@dataclass(frozen=True)
class _Reading:
    """What the network said to one text about one image.

    On the host, where answers are thresholded, thinned out and named in many small steps, each of
    which would wait for a device.

    Attributes:
        text: The prompts it was given.
        tokens: (Q, T) float32 in [0, 1], how well each query answers each token.
        boxes: (Q, 4) float32, x1 y1 x2 y2 in pixels of the image as given, not clipped to it.
    """

    text: PromptText
    tokens: Tensor
    boxes: Tensor


class GroundedDetector(Detector):
    """Prompts in, boxes out, around any network that scores queries against the tokens of a text.

    A subclass says how its network looks at a batch; `GroundingDino` states what is done with the
    answers.

    Args:
        model: The network.
        processor: What prepares images and text for it.
        batch_size: Images to a forward pass of the network.
        box_threshold: Queries must score more than this.
        text_threshold: For decoding "phrases": tokens must score more than this to be part of one.
        nms_threshold: Of two boxes whose IoU is above this, the lower score goes.
        decoding: "spans" or "phrases"; see `GroundingDino`.
        separator: What stands between prompts; see `GroundingDino`.

    Raises:
        ValueError: A threshold is not in [0, 1], the decoding is unknown, or `batch_size` is less
            than one.
    """

    def __init__(
        self,
        model: nn.Module,
        processor: Any,
        batch_size: int,
        *,
        box_threshold: float = 0.18,
        text_threshold: float = 0.15,
        nms_threshold: float = 0.8,
        decoding: Literal["spans", "phrases"] = "spans",
        separator: str = " . ",
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
        self.model: Any = model.eval()
        self.processor = processor
        self.batch_size = batch_size
        self.box_threshold = box_threshold
        self.text_threshold = text_threshold
        self.nms_threshold = nms_threshold
        self.decoding = decoding
        self.separator = separator

    @abstractmethod
    def _limit(self) -> int:
        """Most tokens that the network reads at once."""

    @abstractmethod
    def _look(self, pixels: Tensor, tokens: BatchEncoding) -> tuple[Tensor, Tensor]:
        """Put a batch to the network.

        Args:
            pixels: (B, 3, h, w) in its precision, without padding.
            tokens: "input_ids" and "attention_mask", (B, T) int64 on its device.

        Returns:
            Logits (B, Q, at least T) of every query for every token, and boxes (B, Q, 4) as centre
            x, centre y, width and height in shares of the image.
        """

    @property
    def _weight(self) -> Tensor:
        """Any parameter, for the network's device and precision."""
        return next(self.model.parameters())

    @property
    def side(self) -> int:
        """See `Detector.side`."""
        return side_of(self.processor)

    def with_own_phrases(self) -> Self | None:
        """See `Detector.with_own_phrases`; `decoding` is then "phrases"."""
        if self.decoding != "spans":
            return None
        other = copy.copy(self)
        other.decoding = "phrases"
        return other

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
        tokenizer = self.processor.tokenizer
        return write_prompts(selection.prompts, tokenizer, self.separator, self._limit())

    def _read(
        self, images: Sequence[Tensor], texts: Sequence[Sequence[PromptText]]
    ) -> list[list[_Reading]]:
        """Put every text of every image to the network, in batches of equal image size.

        Padding would let other sizes share a batch, but even under a pixel mask it moves scores by
        hundredths: backbones see it.
        """
        readings: list[list[_Reading]] = [[] for _ in images]
        asked = [position for position, own in enumerate(texts) if own]
        widened = upload([_widened(images[i]) for i in asked], self._weight.device)
        pixels = self._prepare(widened)
        for alike in by_size(pixels):
            questions = [(i, text) for i in alike for text in texts[asked[i]]]
            for start in range(0, len(questions), self.batch_size):
                part = questions[start : start + self.batch_size]
                batch = torch.stack([pixels[i] for i, _ in part])
                results = self._run(batch, [text for _, text in part])
                for (i, text), (tokens, boxes) in zip(part, results, strict=True):
                    height, width = widened[i].shape[1:]
                    scale = boxes.new_tensor([width, height, width, height])
                    readings[asked[i]].append(_Reading(text, tokens, boxes * scale))
        return readings

    def _prepare(self, images: Sequence[Tensor], **options: Any) -> list[Tensor]:
        """Resize and normalise images as the checkpoint or `options` say, (3, h, w) each."""
        prepared: dict[int, Tensor] = {}
        for alike in by_size(images):
            pixels: Tensor = self.processor.image_processor(
                [images[i] for i in alike],
                input_data_format="channels_first",
                do_pad=False,
                return_tensors="pt",
                **options,
            )["pixel_values"]
            prepared.update(zip(alike, pixels.to(self._weight), strict=True))
        return [prepared[i] for i in range(len(images))]

    def _run(self, pixels: Tensor, texts: Sequence[PromptText]) -> Iterator[tuple[Tensor, Tensor]]:
        """One forward pass: for each image token scores (Q, T) and corners (Q, 4) in shares."""
        length = max(len(text.ids) for text in texts)
        ids = torch.full((len(texts), length), self.processor.tokenizer.pad_token_id)
        real = torch.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = torch.tensor(text.ids)
            real[row, : len(text.ids)] = 1
        ids, real = sent(ids, pixels.device), sent(real, pixels.device)
        tokens = BatchEncoding({"input_ids": ids, "attention_mask": real})
        logits, centred = self._look(pixels, tokens)
        scores = logits[..., :length].float().sigmoid().cpu()
        middle, size = centred.float().cpu().split(2, -1)
        boxes = torch.cat([middle - size / 2, middle + size / 2], -1)
        for position, text in enumerate(texts):
            yield scores[position, :, : len(text.ids)], boxes[position]

    def _detect(
        self, image: Tensor, selection: Selection, readings: Sequence[_Reading]
    ) -> Detections:
        """Threshold, thin out and name the queries of one image."""
        if not readings:
            return Detections.empty()
        queries = _pool(readings, len(selection.prompts))
        keep, prompts = best_prompts(queries, self.box_threshold, self.nms_threshold)
        size = (image.shape[1], image.shape[2])
        if self.decoding == "spans":
            return named_by_prompts(selection, queries, keep, prompts, size)
        boxes, seen = clipped(queries.boxes[keep], size)
        keep, prompts = keep[seen], prompts[seen]
        named = self._phrases(selection, readings, keep, prompts)
        return Detections(
            boxes=boxes[seen],
            scores=queries.scores[keep, prompts],
            labels=torch.tensor([n[1] for n in named], dtype=torch.int64),
            phrases=tuple(n[2] for n in named),
            prompt_index=torch.tensor([n[0] for n in named], dtype=torch.int64),
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
            outside = torch.tensor(spans) < 0
            scores = reading.tokens[query % per_reading].masked_fill(outside, 0)
            chosen = self._chosen(scores)
            if not chosen:
                named.append((prompt, UNRESOLVED, ""))
                continue
            ids = tuple(reading.text.ids[i] for i in chosen)
            whole = spans[chosen[0]]
            if {spans[i] for i in chosen} == {whole} and ids == reading.text.ids_of(whole):
                named.append((whole, selection.labels[whole], selection.prompts[whole]))
            else:
                phrase = self.processor.tokenizer.decode(ids).replace(" - ", "-")
                named.append((prompt, UNRESOLVED, phrase))
        return named

    def _chosen(self, scores: Tensor) -> list[int]:
        """The tokens (T,) that name a query: those over the text threshold, else the best."""
        over: list[int] = (scores > self.text_threshold).nonzero()[:, 0].tolist()
        return over or [int(scores.argmax())]


def _widened(image: Tensor) -> Tensor:
    """The image, with grey at its right or bottom if it is extremely narrow."""
    height, width = image.shape[1:]
    least = -(-max(height, width) // MAX_ASPECT)
    return F.pad(image, (0, max(0, least - width), 0, max(0, least - height)), value=124)


def _pool(readings: Sequence[_Reading], prompts: int) -> Queries:
    """All queries of an image with their scores for all its prompts, 0 for those not read."""
    scores = []
    for reading in readings:
        spans = torch.tensor(reading.text.spans)
        words = reading.tokens[:, spans >= 0]
        index = spans[spans >= 0].expand(len(words), -1)
        blank = words.new_zeros(len(words), prompts)
        scores.append(blank.scatter_reduce(1, index, words, "amax"))
    return Queries(torch.cat([reading.boxes for reading in readings]), torch.cat(scores))
