"""The walk from images to label maps, one line per stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from zeroseg.base_segmenter import BaseSegmenter, Stopwatch
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.memo import Memo
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.segmentation import Segmentation
from zeroseg.values import (
    UNRESOLVED,
    Description,
    Detections,
    Exchange,
    Masks,
    Selection,
    Trace,
)
from zeroseg.vocabulary import Vocabulary

Answer = TypeVar("Answer")


class ZeroShotSegmenter(BaseSegmenter):
    """Training-free zero-shot semantic segmentation, composed of swappable components.

    Images become text (tags and caption), text becomes classes (pre-refinement), classes become
    boxes, the boxes' phrases become classes again (post-refinement), boxes become masks, and
    masks become one label a pixel (paper, section 3 and figure 1). An ablation is a component
    left out or swapped, never a flag.

    Args:
        vocabulary: The classes: a Vocabulary, names, the name of a built-in one, or a YAML file.
        pre_refiner: Chooses the detector's prompts from the description.
        detector: Finds boxes for the prompts.
        mask_predictor: Segments the boxes.
        tagger: Names what is in an image; without one there are no tags.
        captioner: Describes an image in a sentence; without one there is no caption.
        post_refiner: Resolves phrases to classes; by default only a class's own name counts.
        fusion: Decides each pixel; by default the highest score wins.
        batch_size: Images that go through the stages together.

    Raises:
        TypeError: A component stands in another one's place.
        ValueError: `batch_size` is less than 1.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | str | list[str],
        pre_refiner: PreRefiner,
        detector: Detector,
        mask_predictor: MaskPredictor,
        tagger: Tagger | None = None,
        captioner: Captioner | None = None,
        post_refiner: PostRefiner | None = None,
        fusion: Fusion | None = None,
        batch_size: int = 8,
    ) -> None:
        super().__init__(vocabulary, batch_size)
        _check_slots(
            (tagger, Tagger, True),
            (captioner, Captioner, True),
            (pre_refiner, PreRefiner, False),
            (detector, Detector, False),
            (post_refiner, PostRefiner, True),
            (mask_predictor, MaskPredictor, False),
            (fusion, Fusion, True),
        )
        self.tagger = tagger
        self.captioner = captioner
        self.pre_refiner = pre_refiner
        self.detector = detector
        self.post_refiner = post_refiner if post_refiner is not None else ExactPostRefiner()
        self.mask_predictor = mask_predictor
        self.fusion = fusion if fusion is not None else HighestScore()
        self.memo: Memo | None = None
        self.eval()

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection] | None = None
    ) -> list[Segmentation]:
        """Segment a batch of images through all stages.

        Args:
            images: B tensors (3, H, W) uint8, RGB; H and W may differ between them.
            selections: What to look for, to go without recognition and pre-refinement.

        Returns:
            B segmentations on the CPU.
        """
        if selections is None or not images:
            return super().forward(images)
        with torch.inference_mode():
            watch = Stopwatch(self.device)
            return self._search(images, [Description()] * len(images), selections, watch)

    def _walk(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Segmentation]:
        descriptions = self._describe(images, watch)
        selections = self._select(descriptions, watch)
        return self._search(images, descriptions, selections, watch)

    def _search(
        self,
        images: Sequence[Tensor],
        descriptions: Sequence[Description],
        selections: Sequence[Selection],
        watch: Stopwatch,
    ) -> list[Segmentation]:
        """The second half of the walk, from what to look for to label maps."""
        found = self._detect(images, selections, watch)
        resolved, asked = self._ask(
            "post-refinement", watch, resolve, self.post_refiner, found, self.vocabulary
        )
        masks = self._segment_boxes(images, resolved, watch)
        with watch.time("fusion"):
            maps = [
                self.fusion(mask, detections, self.vocabulary).cpu()
                for mask, detections in zip(masks, resolved, strict=True)
            ]
        seconds = {stage: spent / len(images) for stage, spent in watch.seconds.items()}
        return [
            Segmentation(
                label_map=maps[i],
                vocabulary=self.vocabulary,
                image=images[i].cpu(),
                name=str(i),
                description=descriptions[i],
                selection=selections[i],
                detections=resolved[i].to("cpu"),
                detections_before=found[i].labels.cpu(),
                points=points.to("cpu") if (points := masks[i].points) is not None else None,
                trace=Trace(seconds, (*selections[i].exchanges, *asked[i])),
            )
            for i in range(len(images))
        ]

    def _describe(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Description]:
        tags: Sequence[Any] = [()] * len(images)
        captions: Sequence[str | None] = [None] * len(images)
        if self.tagger is not None:
            tags = self._ask("tags", watch, self.tagger, images)
        if self.captioner is not None:
            captions = self._ask("caption", watch, self.captioner, images)
        return self._compose(tags, captions)

    def _compose(self, tags: Sequence[Any], captions: Sequence[str | None]) -> list[Description]:
        if self.memo is not None:
            return self.memo.ask(Description, compose, tags, captions)[0]
        return compose(tags, captions)

    def _select(self, descriptions: Sequence[Description], watch: Stopwatch) -> Sequence[Selection]:
        return self._ask("pre-refinement", watch, self.pre_refiner, descriptions, self.vocabulary)

    def _detect(
        self, images: Sequence[Tensor], selections: Sequence[Selection], watch: Stopwatch
    ) -> Sequence[Detections]:
        return self._ask("detection", watch, self.detector, images, selections)

    def _segment_boxes(
        self, images: Sequence[Tensor], found: Sequence[Detections], watch: Stopwatch
    ) -> Sequence[Masks]:
        predictor = self.mask_predictor
        if self.memo is None:
            return self._ask("masks", watch, predictor, images, found)
        encodings, seconds = self.memo.ask(predictor.encoder, predictor.encode, images)
        watch.add("masks", seconds)
        if encodings is None:
            return self._ask("masks", watch, predictor, images, found)
        return self._ask("masks", watch, predictor, images, found, encodings)

    def _ask(
        self, stage: str, watch: Stopwatch, component: Callable[..., Answer], *inputs: Any
    ) -> Answer:
        """A component's answer, timed, and remembered where a memo is at hand."""
        if self.memo is None:
            with watch.time(stage):
                return component(*inputs)
        watch.stage = stage
        answer, seconds = self.memo.ask(component, component, *inputs)
        watch.add(stage, seconds)
        return answer


def resolve(
    post_refiner: PostRefiner, found: Sequence[Detections], vocabulary: Vocabulary
) -> tuple[list[Detections], list[tuple[Exchange, ...]]]:
    """Give unresolved phrases of a whole batch their classes, each phrase asked once.

    The exchanges are booked on the first image that has an unresolved phrase.
    """
    phrases = dict.fromkeys(
        phrase
        for detections in found
        for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
        if label == UNRESOLVED
    )
    booked: list[tuple[Exchange, ...]] = [()] * len(found)
    if not phrases:
        return list(found), booked
    answer = post_refiner(list(phrases), vocabulary)
    label_of = dict(zip(phrases, answer.labels, strict=True))
    resolved = []
    for detections in found:
        labels = [
            label_of[phrase] if label == UNRESOLVED else label
            for phrase, label in zip(detections.phrases, detections.labels.tolist(), strict=True)
        ]
        resolved.append(detections.relabel(detections.labels.new_tensor(labels)))
    first = next(i for i, d in enumerate(found) if UNRESOLVED in d.labels.tolist())
    booked[first] = answer.exchanges
    return resolved, booked


def compose(tags: Sequence[Any], captions: Sequence[str | None]) -> list[Description]:
    """Descriptions of the tags and captions of images."""
    return [Description(tag, caption) for tag, caption in zip(tags, captions, strict=True)]


def _check_slots(*slots: tuple[object, type, bool]) -> None:
    for part, kind, optional in slots:
        if not isinstance(part, kind) and not (optional and part is None):
            raise TypeError(f"a {kind.__name__} is expected where {type(part).__name__} was given")
