"""The walk from images to label maps, one line per stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from zeroseg.ahead import Awaited, Steps, at_once, beside, later, run
from zeroseg.base_segmenter import BaseSegmenter, Stopwatch
from zeroseg.batches import download
from zeroseg.detection.detector import Detector
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.joining import compose, points_of, resolve, unresolved
from zeroseg.masking.mask_predictor import Encodings, MaskPredictor
from zeroseg.memo import Memo
from zeroseg.recognition.captioner import Captioner
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.exact_post_refiner import ExactPostRefiner
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.segmentation import Segmentation
from zeroseg.values import (
    Description,
    Detections,
    Exchange,
    Masks,
    Selection,
    Trace,
)
from zeroseg.vocabulary import Vocabulary

Answer = TypeVar("Answer")

STAGES = ("tags", "caption", "pre-refinement", "detection", "post-refinement", "masks", "fusion")
"""In the order of the flow."""


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
        ahead: Batches in flight while a language model's answers are awaited; tags, captions and
            image encodings of the batches ahead are made meanwhile.

    Raises:
        TypeError: A component stands in another one's place.
        ValueError: `batch_size` or `ahead` is less than 1.
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
        ahead: int = 4,
    ) -> None:
        super().__init__(vocabulary, batch_size, ahead)
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

    @property
    def waits(self) -> bool:
        """Whether a refiner asks a language model elsewhere."""
        return self.memo is None and (self.pre_refiner.waits or self.post_refiner.waits)

    @property
    def overlaps(self) -> bool:
        """On a CPU with several cores, masks are made in a thread beside.

        Networks as small as one core's work gain nothing from a second one; two batches do. No
        component is ever used by two threads at once.
        """
        several = torch.get_num_threads() > 1 and self.ahead > 1
        return self.memo is None and self.device.type == "cpu" and several

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
            nothing = [Description()] * len(images)
            return run(self._search(images, nothing, selections, watch))

    def _walk(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Segmentation]:
        return run(self._steps(images, watch, False))

    def _steps(self, images: Sequence[Tensor], watch: Stopwatch, ahead: bool) -> Steps[Any]:
        if not len(images):
            return []
        descriptions = self._describe(images, watch)
        asked = self._select(descriptions, watch)
        encoded: Awaited[Encodings | None] | None = None
        if ahead and self.waits:  # work that needs no answer, while the answer is on its way
            encoded = self._beside(lambda: self._encode(images, watch))
        watch.stage = "pre-refinement"
        selections = yield asked
        encodings = (yield encoded) if encoded is not None else None
        return (yield from self._search(images, descriptions, selections, watch, encodings))

    def _beside(self, call: Callable[[], Answer]) -> Awaited[Answer]:
        """What the mask predictor does: in the thread beside, or at once."""
        return beside(call) if self.overlaps else at_once(call)

    def _search(
        self,
        images: Sequence[Tensor],
        descriptions: Sequence[Description],
        selections: Sequence[Selection],
        watch: Stopwatch,
        encodings: Encodings | None = None,
    ) -> Steps[list[Segmentation]]:
        """The second half of the walk, from what to look for to label maps."""
        found = self._detect(images, selections, watch)
        resolved: Sequence[Detections] = found
        booked: list[tuple[Exchange, ...]] = [()] * len(found)
        if phrases := unresolved(found):
            watch.stage = "post-refinement"
            answer = yield self._ask_later(
                "post-refinement", watch, self.post_refiner, phrases, self.vocabulary
            )
            resolved, booked = self._share(resolve, found, answer)
        else:
            watch.add("post-refinement", 0.0)

        def paint() -> tuple[Sequence[Masks], list[Tensor]]:
            return self._paint(images, resolved, encodings, watch)

        masks, maps = yield self._beside(paint)
        points = points_of(masks)
        spent = watch.seconds
        seconds = {stage: spent[stage] / len(images) for stage in STAGES if stage in spent}
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
                points=points[i],
                trace=Trace(seconds, (*selections[i].exchanges, *booked[i])),
            )
            for i in range(len(images))
        ]

    def _paint(
        self,
        images: Sequence[Tensor],
        found: Sequence[Detections],
        encodings: Encodings | None,
        watch: Stopwatch,
    ) -> tuple[Sequence[Masks], list[Tensor]]:
        """The masks of a batch, and its label maps on the CPU."""
        masks = self._segment_boxes(images, found, encodings, watch)
        with watch.time("fusion"):
            maps = download(
                [
                    self.fusion(mask, detections, self.vocabulary)
                    for mask, detections in zip(masks, found, strict=True)
                ]
            )
        return masks, maps

    def _describe(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Description]:
        tags: Sequence[Any] = [()] * len(images)
        captions: Sequence[str | None] = [None] * len(images)
        if self.tagger is not None:
            tags = self._ask("tags", watch, self.tagger, images)
        if self.captioner is not None:
            captions = self._ask("caption", watch, self.captioner, images)
        return self._share(compose, tags, captions)

    def _share(self, call: Callable[..., Answer], *inputs: Any) -> Answer:
        """What is put together from answers; the same object for the same answers."""
        return call(*inputs) if self.memo is None else self.memo.ask(call, call, *inputs)[0]

    def _select(
        self, descriptions: Sequence[Description], watch: Stopwatch
    ) -> Awaited[Sequence[Selection]]:
        return self._ask_later(
            "pre-refinement", watch, self.pre_refiner, descriptions, self.vocabulary
        )

    def _detect(
        self, images: Sequence[Tensor], selections: Sequence[Selection], watch: Stopwatch
    ) -> Sequence[Detections]:
        return self._ask("detection", watch, self.detector, images, selections)

    def _encode(self, images: Sequence[Tensor], watch: Stopwatch) -> Encodings | None:
        predictor = self.mask_predictor
        if self.memo is None:
            with watch.time("masks"):
                return predictor.encode(images)
        encodings, seconds = self.memo.ask(predictor.encoder, predictor.encode, images)
        watch.add("masks", seconds)
        return encodings

    def _segment_boxes(
        self,
        images: Sequence[Tensor],
        found: Sequence[Detections],
        encodings: Encodings | None,
        watch: Stopwatch,
    ) -> Sequence[Masks]:
        if encodings is None and self.memo is not None:
            encodings = self._encode(images, watch)
        known = () if encodings is None else (encodings,)
        return self._ask("masks", watch, self.mask_predictor, images, found, *known)

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

    def _ask_later(self, stage: str, watch: Stopwatch, refiner: Any, *inputs: Any) -> Awaited[Any]:
        """A refiner's answer, in a thread of its own if the refiner waits for it."""
        if self.memo is not None or not refiner.waits:
            return at_once(lambda: self._ask(stage, watch, refiner, *inputs))

        def timed() -> Any:
            start = time.perf_counter()
            answer = refiner(*inputs)
            watch.add(stage, time.perf_counter() - start)
            return answer

        return later(timed)


def _check_slots(*slots: tuple[object, type, bool]) -> None:
    for part, kind, optional in slots:
        if not isinstance(part, kind) and not (optional and part is None):
            raise TypeError(f"a {kind.__name__} is expected where {type(part).__name__} was given")
