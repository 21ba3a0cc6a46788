"""The walk from images to label maps, one line per stage."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from zeroseg.data.sample import Sample
from zeroseg.detection.detector import Detector
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.fusion.fusion import Fusion
from zeroseg.fusion.highest_score import HighestScore
from zeroseg.images import ImageLike, read_image
from zeroseg.masking.mask_predictor import MaskPredictor
from zeroseg.metrics.segmentation_scores import SegmentationScores
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
    Failure,
    Selection,
    Trace,
)
from zeroseg.vocabulary import Vocabulary

Result = TypeVar("Result", Segmentation, Failure, Segmentation | Failure)


class Stopwatch:
    """Time of each stage of one batch, and which stage is running."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self.stage = "reading"

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Measure the body, to the end of its work on the device."""
        self.stage = stage
        start = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


class ZeroShotSegmenter(LightningModule):
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
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, it must be at least 1")
        _check_slots(
            (tagger, Tagger, True),
            (captioner, Captioner, True),
            (pre_refiner, PreRefiner, False),
            (detector, Detector, False),
            (post_refiner, PostRefiner, True),
            (mask_predictor, MaskPredictor, False),
            (fusion, Fusion, True),
        )
        self.vocabulary = Vocabulary.parse(vocabulary)
        self.tagger = tagger
        self.captioner = captioner
        self.pre_refiner = pre_refiner
        self.detector = detector
        self.post_refiner = post_refiner if post_refiner is not None else ExactPostRefiner()
        self.mask_predictor = mask_predictor
        self.fusion = fusion if fusion is not None else HighestScore()
        self.batch_size = batch_size
        self.scores = SegmentationScores(self.vocabulary)
        self.failures: list[Failure] = []
        self.config: dict[str, Any] | None = None
        self.eval()

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> ZeroShotSegmenter:
        """Build a segmenter from a named preset.

        Args:
            name: "tiny" (embedded, offline, for drawn scenes) or "paper" (the published system).
            changes: Arguments of the segmenter to replace: values, components, None to leave an
                optional one out, or `{"class_path": ..., "init_args": {...}}`.

        Raises:
            PresetError: There is no such preset or argument, or weights or keys are missing.
        """
        from zeroseg.presets import load_preset

        return cls.from_config(load_preset(name), **changes)

    @classmethod
    def from_yaml(cls, path: str | Path, **changes: Any) -> ZeroShotSegmenter:
        """Build a segmenter from a YAML file of class paths, as `to_yaml` writes it."""
        from zeroseg.presets import load_yaml

        return cls.from_config(load_yaml(path), **changes)

    @classmethod
    def from_config(cls, config: dict[str, Any], **changes: Any) -> ZeroShotSegmenter:
        """Build a segmenter from a mapping of class paths; see `from_preset` for `changes`."""
        from zeroseg.presets import build

        return build(cls, config, changes)

    def to_yaml(self, path: str | Path) -> None:
        """Write the file that `from_yaml` builds the same segmenter from.

        Raises:
            PresetError: A component was given as an object, so no file can describe it.
        """
        from zeroseg.presets import save_yaml

        save_yaml(self, path)

    @torch.inference_mode()
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
        return self._walk(images, selections, Stopwatch(self.device))

    def _walk(
        self, images: Sequence[Tensor], selections: Sequence[Selection] | None, watch: Stopwatch
    ) -> list[Segmentation]:
        if not images:
            return []
        descriptions: Sequence[Description] = [Description()] * len(images)
        if selections is None:
            descriptions = self._describe(images, watch)
            with watch.time("pre-refinement"):
                selections = self.pre_refiner(descriptions, self.vocabulary)
        with watch.time("detection"):
            found = self.detector(images, selections)
        with watch.time("post-refinement"):
            found, exchanges = self._resolve(found)
        with watch.time("masks"):
            masks = self.mask_predictor(images, found)
        with watch.time("fusion"):
            maps = [
                self.fusion(mask, detections, self.vocabulary).cpu()
                for mask, detections in zip(masks, found, strict=True)
            ]
        seconds = {stage: spent / len(images) for stage, spent in watch.seconds.items()}
        return [
            Segmentation(
                label_map=label_map,
                vocabulary=self.vocabulary,
                image=image.cpu(),
                name=str(position),
                description=description,
                selection=selection,
                detections=detections.to("cpu"),
                points=mask.points.to("cpu") if mask.points is not None else None,
                trace=Trace(seconds, (*selection.exchanges, *asked)),
            )
            for position, (
                image,
                label_map,
                description,
                selection,
                detections,
                mask,
                asked,
            ) in enumerate(
                zip(images, maps, descriptions, selections, found, masks, exchanges, strict=True)
            )
        ]

    def _describe(self, images: Sequence[Tensor], watch: Stopwatch) -> list[Description]:
        tags: Sequence[Any] = [()] * len(images)
        captions: Sequence[str | None] = [None] * len(images)
        if self.tagger is not None:
            with watch.time("tags"):
                tags = self.tagger(images)
        if self.captioner is not None:
            with watch.time("caption"):
                captions = self.captioner(images)
        return [Description(tag, caption) for tag, caption in zip(tags, captions, strict=True)]

    def _resolve(
        self, found: Sequence[Detections]
    ) -> tuple[list[Detections], list[tuple[Exchange, ...]]]:
        """Give unresolved phrases of the whole batch their classes, each phrase asked once.

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
        answer = self.post_refiner(list(phrases), self.vocabulary)
        label_of = dict(zip(phrases, answer.labels, strict=True))
        resolved = []
        for detections in found:
            labels = [
                label_of[phrase] if label == UNRESOLVED else label
                for phrase, label in zip(
                    detections.phrases, detections.labels.tolist(), strict=True
                )
            ]
            resolved.append(detections.relabel(detections.labels.new_tensor(labels)))
        first = next(i for i, d in enumerate(found) if UNRESOLVED in d.labels.tolist())
        booked[first] = answer.exchanges
        return resolved, booked

    @overload
    def segment(self, images: ImageLike) -> Segmentation: ...

    @overload
    def segment(self, images: list[ImageLike] | tuple[ImageLike, ...]) -> list[Segmentation]: ...

    def segment(
        self, images: ImageLike | list[ImageLike] | tuple[ImageLike, ...]
    ) -> Segmentation | list[Segmentation]:
        """Segment one picture, or several.

        Args:
            images: A path, PIL image, numpy array (H, W, 3) or uint8 tensor (3, H, W); or a list
                of them.

        Returns:
            One Segmentation for one picture, a list for a list.

        Raises:
            ImageError: A picture cannot be read.
        """
        if isinstance(images, list | tuple):
            return list(self._strict(images))
        return next(self._strict([images]))

    def _strict(self, sources: Sequence[ImageLike]) -> Iterator[Segmentation]:
        for start in range(0, len(sources), self.batch_size):
            part = sources[start : start + self.batch_size]
            results = self([read_image(source) for source in part])
            for position, (source, result) in enumerate(zip(part, results, strict=True)):
                yield _named(result, _name(source, start + position))

    def stream(self, sources: Iterable[ImageLike]) -> Iterator[Segmentation | Failure]:
        """Segment pictures one after another, in order, holding one batch in memory.

        A picture that cannot be read or segmented yields a Failure, and the others go on.

        Raises:
            ChatError: The language model stayed unreachable; what came before is done.
        """
        numbered = iter(enumerate(sources))
        while part := list(islice(numbered, self.batch_size)):
            yield from self._tolerant(part)

    def _tolerant(self, part: Sequence[tuple[int, ImageLike]]) -> Iterator[Segmentation | Failure]:
        results: dict[int, Segmentation | Failure] = {}
        images: dict[int, Tensor] = {}
        for position, source in part:
            try:
                images[position] = read_image(source)
            except ZerosegError as error:
                results[position] = Failure(_name(source, position), "reading", str(error))
        segmented = self._attempt(list(images.values()))
        results.update(zip(images, segmented, strict=True))
        for position, source in part:
            yield _named(results[position], _name(source, position))

    def _attempt(self, images: Sequence[Tensor]) -> list[Segmentation | Failure]:
        """Segment a batch; if it fails, one by one, so that a failing image fails alone."""
        watch = Stopwatch(self.device)
        try:
            with torch.inference_mode():
                return list(self._walk(images, None, watch))
        except ChatError:
            raise
        except Exception as error:  # the one boundary: whatever a component raises is reported
            if len(images) == 1:
                return [Failure("", watch.stage, f"{type(error).__name__}: {error}")]
            return [self._attempt([image])[0] for image in images]

    def predict_step(self, batch: Sequence[Sample], batch_idx: int) -> list[Segmentation | Failure]:
        """Segment a batch of samples for `trainer.predict`."""
        results = self._attempt([sample.image for sample in batch])
        return [_named(r, sample.name) for r, sample in zip(results, batch, strict=True)]

    def on_test_start(self) -> None:
        """Refuse a data set of other classes; forget the last run."""
        self.failures = []
        self.scores.reset()
        theirs = getattr(getattr(self.trainer, "datamodule", None), "vocabulary", None)
        if theirs is not None and theirs.names != self.vocabulary.names:
            raise ZerosegError(
                f"the data set is labelled with {list(theirs.names)}, but the segmenter's classes "
                f"are {list(self.vocabulary.names)}; give both the same vocabulary"
            )

    def test_step(self, batch: Sequence[Sample], batch_idx: int) -> None:
        """Score a batch of samples. A failed image scores as background throughout."""
        results = self._attempt([sample.image for sample in batch])
        for sample, result in zip(batch, results, strict=True):
            if sample.target is None:
                raise ZerosegError(f"'{sample.name}' has no annotation to test against")
            if isinstance(result, Failure):
                self.failures.append(_named(result, sample.name))
                prediction = torch.full_like(sample.target, self.vocabulary.background)
            else:
                prediction = result.label_map
            self.scores.update(prediction, sample.target)

    def on_test_epoch_end(self) -> None:
        """Log mIoU, pixel accuracy and per-class IoU in percent-free shares, and failures."""
        scores = {name: value for name, value in self.scores.compute().items() if value == value}
        self.log_dict({**scores, "failures": float(len(self.failures))}, batch_size=1)

    def configure_optimizers(self) -> None:
        """Nothing is trained."""


def _check_slots(*slots: tuple[object, type, bool]) -> None:
    for part, kind, optional in slots:
        if not isinstance(part, kind) and not (optional and part is None):
            raise TypeError(f"a {kind.__name__} is expected where {type(part).__name__} was given")


def _name(source: ImageLike, position: int) -> str:
    return str(source) if isinstance(source, str | Path) else str(position)


def _named(result: Result, name: str) -> Result:
    return replace(result, name=name)
