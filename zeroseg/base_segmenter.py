"""What every system that labels pixels shares: pictures in, one by one or by the data set."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from typing_extensions import Self, Unpack

from zeroseg.call_options import CallOptions
from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import LookingAhead
from zeroseg.errors import ChatError, ZerosegError
from zeroseg.images import ImageLike, read_image
from zeroseg.metrics.segmentation_scores import SegmentationScores
from zeroseg.outcomes import results_of
from zeroseg.reading_ahead import Read, name_of, read_ahead, read_strictly
from zeroseg.regions import Cropping, Region
from zeroseg.running.in_flight import Job, in_flight
from zeroseg.running.item import Item
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage, needed
from zeroseg.running.stage_cache import StageCache
from zeroseg.running.stage_event import OnStage
from zeroseg.segmentation import Segmentation
from zeroseg.thresholds import Thresholding, by_class
from zeroseg.values import Failure
from zeroseg.vocabulary import Vocabulary

Result = TypeVar("Result", Segmentation, Failure, Segmentation | Failure)

WANTED = ("label_map",)
"""What a walk has to end in."""


class BaseSegmenter(LightningModule, ABC):
    """A system that gives every pixel of an image one class.

    A subclass lists its `stages`, the last of which gives a "label_map". It then segments single
    pictures, lists and endless streams, and runs under `trainer.test` and `trainer.predict`, where
    a failing image fails alone.

    Args:
        vocabulary: The classes: a Vocabulary, names, the name of a built-in one, or a YAML file.
        batch_size: Images that go through together.
        batches_in_flight: Those begun while the answers of a language model are awaited.

    Attributes:
        waited: Seconds that this segmenter has been blocked by answers that were awaited.
        thresholds: By class index, below which a detection is dropped; see `variant`.
        region: The part of pictures that is looked at; None for all of them.
        kept: What results hold on request: "masks", "confidence".
        on_stage: Who is told of every picture's stages; None for nobody.

    Raises:
        ValueError: `batch_size` or `batches_in_flight` is less than 1.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | str | list[str],
        batch_size: int = 8,
        batches_in_flight: int = 4,
    ) -> None:
        super().__init__()
        if batch_size < 1 or batches_in_flight < 1:
            raise ValueError(
                f"batch_size is {batch_size} and batches_in_flight {batches_in_flight}, both "
                f"must be at least 1"
            )
        self.vocabulary = Vocabulary.parse(vocabulary)
        self.batch_size = batch_size
        self.batches_in_flight = batches_in_flight
        self.waited = 0.0
        self.scores = SegmentationScores(self.vocabulary)
        self.failures: list[Failure] = []
        self.thresholds: dict[int, float] = {}
        self.region: Region | None = None
        self.kept: tuple[str, ...] = ()
        self.on_stage: OnStage | None = None
        self._config: dict[str, Any] | None = None
        self._then: dict[tuple[str, ...], Any] = {}

    @property
    def config(self) -> dict[str, Any] | None:
        """Arguments that build the same segmenter as this one is now, as presets hold them.

        None where a component was given as an object, or put in place of another one.
        """
        from zeroseg.presets.live import as_it_is, settings

        return self._config and as_it_is(self._config, self._then, settings(self))

    @config.setter
    def config(self, config: dict[str, Any] | None) -> None:
        from zeroseg.presets.live import settings

        self._config = config
        self._then = settings(self) if config is not None else {}

    @classmethod
    def from_preset(cls, name: str, *, licence: str | None = None, **changes: Any) -> Self:
        """Build a segmenter from a named preset.

        `BaseSegmenter.from_preset` builds whatever class the preset names, a subclass only its own.

        Args:
            name: "tiny" (embedded, offline, for drawn scenes), "paper" (as its code behaves) or
                another one of `zeroseg.presets.preset_names()`.
            licence: "permissive" refuses what is not under apache-2.0, mit or `bsd-*`, before
                anything is fetched or loaded; None, the default, takes any licence. Components
                that are given as objects are not looked into.
            changes: Arguments of the segmenter to replace: values, components, None to leave an
                optional one out, or `{"class_path": ..., "init_args": {...}}`.

        Raises:
            PresetError: There is no such preset or argument, weights or keys are missing, or a
                licence is refused.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary="dog, cat")
            >>> segmenter.vocabulary.names
            ('background', 'dog', 'cat')
        """
        from zeroseg.presets import load_preset

        return cls.from_config(load_preset(name), licence=licence, **changes)

    @classmethod
    def from_yaml(cls, path: str | Path, *, licence: str | None = None, **changes: Any) -> Self:
        """Build a segmenter from a YAML file of class paths, as `to_yaml` writes it.

        See `from_preset` for `licence` and `changes`.
        """
        from zeroseg.presets import load_yaml

        return cls.from_config(load_yaml(path), licence=licence, **changes)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], *, licence: str | None = None, **changes: Any
    ) -> Self:
        """Build a segmenter from a mapping of class paths.

        See `from_preset` for `licence` and `changes`.
        """
        from zeroseg.presets import build

        return build(cls, config, changes, licence=licence)

    def to_yaml(self, path: str | Path) -> None:
        """Write the file that `from_yaml` builds the same segmenter from.

        Raises:
            PresetError: A component was given as an object, so no file can describe it.
        """
        from zeroseg.presets import save_yaml

        save_yaml(self, path)

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The walk from "image", (3, H, W) uint8, to "label_map", (H, W) int64 on the CPU.

        What else stands in a result is taken where stages give it: "description", "selection",
        "found" and "detections", "masks", "asked", "confidence".
        """

    def variant(self, **options: Unpack[CallOptions]) -> Self:
        """The same system with some options otherwise; components are shared, not copied.

        Args:
            options: See `CallOptions`.

        Raises:
            ZerosegError: A value is wrong, or this system cannot give what is asked for.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat", "boat"])
            >>> strict = segmenter.variant(thresholds={"cat": 0.9}, region=(0, 0, 128, 64))
            >>> list(strict.segment("picture.png").areas)
            ['dog']
        """
        if unknown := set(options) - set(CallOptions.__annotations__):
            raise TypeError(f"there is no option {sorted(unknown)[0]!r}")
        other = copy.copy(self)
        other._modules = dict(self._modules)  # what is put in its place is its own
        other.waited = 0.0
        if "vocabulary" in options:
            other.vocabulary = Vocabulary.parse(options["vocabulary"])
            known = [self.vocabulary.names[label] for label in self.thresholds]
            labels = map(other.vocabulary.find, known)
            pairs = zip(labels, self.thresholds.values(), strict=True)
            classes = other.vocabulary.classes
            other.thresholds = {label: own for label, own in pairs if label in classes}
        if "thresholds" in options:
            other.thresholds = by_class(options["thresholds"], other.vocabulary)
        if "region" in options:
            region = options["region"]
            other.region = None if region is None else Region.parse(region)
        other.on_stage = options.get("on_stage", self.on_stage)
        asked = {"masks": options.get("instances"), "confidence": options.get("confidence")}
        before = {name: name in self.kept for name in asked}
        other.kept = tuple(n for n, own in asked.items() if (before[n] if own is None else own))
        other._check_possible()
        return other

    def _check_possible(self) -> None:
        """Refuse options that no stage of this system can meet."""
        stages = self.stages
        given = {name for stage in stages for name in stage.gives}
        for name, said in (("masks", "instances"), ("confidence", "confidence")):
            if name in self.kept and name not in given:
                raise ZerosegError(f"a {type(self).__name__} cannot give {said}")
        if self.thresholds and not any(isinstance(stage, Thresholding) for stage in stages):
            raise ZerosegError(f"a {type(self).__name__} holds no detections against thresholds")

    @property
    def plan(self) -> tuple[str, ...]:
        """Names of the stages that a picture goes through for what is asked for, in their order.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> ZeroShotSegmenter.from_preset("tiny-sam3", vocabulary=["dog", "cat"]).plan
            ('pre-refinement', 'detection', 'post-refinement', 'masks', 'fusion')
        """
        stages = needed(self.stages, ("image", "name"), self._wanted)
        return tuple(dict.fromkeys(stage.name for stage in stages if not stage.early))

    def windows(self, size: tuple[int, int]) -> int:
        """How many windows a picture of a size (height, width) is looked at through."""
        return 1

    @property
    def depth(self) -> int:
        """`batches_in_flight` where answers are awaited, else 1."""
        return self.batches_in_flight if self.waits else 1

    @property
    def waits(self) -> bool:
        """Whether this system spends time waiting for something else than its device."""
        return any(stage.waits for stage in self.stages)

    def _runner(self, cache: StageCache | None = None) -> Runner:
        stages = self.stages if self.region is None else (Cropping(self.region), *self.stages)
        return Runner(stages, self.device, (ChatError,), cache, self.on_stage)

    @property
    def _wanted(self) -> tuple[str, ...]:
        """What a walk has to end in."""
        return (*WANTED, *self.kept)

    def _framed(self, given: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """What a walk begins with: where a region is looked at, the image is yet to be cut out."""
        named = {"name": list(map(str, range(len(given["image"])))), **given}
        if self.region is None:
            return named
        return {"picture" if name == "image" else name: own for name, own in named.items()}

    def _results(self, items: Sequence[Item]) -> list[Segmentation | Failure]:
        return results_of(items, self.vocabulary, self.stages, self.kept, self.region)

    def forward(self, images: Sequence[Tensor]) -> list[Segmentation]:
        """Segment a batch of images, (3, H, W) uint8 each."""
        return self._all({"image": images}) if len(images) else []

    if TYPE_CHECKING:
        __call__ = forward

    @torch.inference_mode()
    def _all(self, given: Mapping[str, Sequence[Any]]) -> list[Segmentation]:
        """Segment a batch, and raise what any image fails with."""
        return self._whole(self._runner().run(self._framed(given), self._wanted))

    def begin(self, images: Sequence[Tensor], names: Sequence[str] | None = None) -> Job:
        """Start a batch of images, (3, H, W) uint8 each, and go as far as there is no waiting.

        `finish` waits for what it comes to; a failing image fails alone.

        Args:
            images: The batch.
            names: What `on_stage` is told that they are called; by default their positions.
        """
        given = {"image": images} if names is None else {"image": images, "name": names}
        return self._runner().begin(self._framed(given), self._wanted)

    def finish(self, job: Job) -> list[Segmentation | Failure]:
        """The results of a batch that was begun; the time it was waited for is added up.

        Raises:
            ChatError: The language model stayed unreachable.
        """
        return self._results(self._finished(job))

    def _whole(self, items: Sequence[Item]) -> list[Segmentation]:
        """The results of a batch, or the error that one of its images failed with."""
        results: Any = self._results(items)
        for item in items:
            if item.error is not None:
                raise item.error
        return list(results)

    def _finished(self, job: Job) -> Sequence[Item]:
        before = job.waited
        try:
            return job.finish()
        finally:
            self.waited += job.waited - before

    @overload  # a text is a path, though it is a sequence of texts, too
    def segment(  # type: ignore[overload-overlap]
        self, images: ImageLike, **options: Unpack[CallOptions]
    ) -> Segmentation: ...

    @overload
    def segment(
        self, images: Sequence[ImageLike], **options: Unpack[CallOptions]
    ) -> list[Segmentation]: ...

    def segment(
        self, images: ImageLike | Sequence[ImageLike], **options: Unpack[CallOptions]
    ) -> Segmentation | list[Segmentation]:
        """Segment one picture, or several.

        Args:
            images: A path, the bytes of an encoded picture, an open file, a PIL image, a numpy
                array (H, W, 3), or a tensor (3, H, W); or a list of them. See `read_image`.
            options: For this call alone: `vocabulary`, `thresholds`, `region`, `instances`,
                `confidence`, `on_stage`; see `CallOptions`.

        Returns:
            One Segmentation for one picture, a list for a list.

        Raises:
            ImageError: A picture cannot be read; of a list, the message says which.
            ZerosegError: An option is wrong, or cannot be met by this system.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat", "boat"])
            >>> result = segmenter.segment("picture.png")
            >>> list(result.areas)
            ['dog', 'cat']
            >>> result.label_map.shape
            torch.Size([128, 128])
            >>> list(segmenter.segment("picture.png", vocabulary=["cat"]).areas)
            ['cat']
        """
        system = self.variant(**options) if options else self
        if isinstance(images, list | tuple):
            return list(system._strict(images, read_strictly))
        one: Any = images
        return next(system._strict([one], lambda source, _: read_image(source)))

    def _strict(
        self, sources: Sequence[ImageLike], read: Callable[[ImageLike, int], Tensor]
    ) -> Iterator[Segmentation]:
        """Segment pictures, and raise what any of them raises."""
        numbered = list(enumerate(sources))
        size = self.batch_size
        parts = [numbered[i : i + size] for i in range(0, len(numbered), size)]

        def begin(part: Sequence[tuple[int, ImageLike]]) -> Job:
            names = [name_of(source, position) for position, source in part]
            return self.begin([read(source, position) for position, source in part], names)

        for part, job in in_flight(parts, begin, self.depth):
            results = self._whole(self._finished(job))
            for (position, source), result in zip(part, results, strict=True):
                yield _named(result, name_of(source, position))

    def stream(
        self, sources: Iterable[ImageLike], **options: Unpack[CallOptions]
    ) -> Iterator[Segmentation | Failure]:
        """Segment pictures one after another, in order.

        A picture that cannot be read or segmented yields a Failure, and the others go on. Memory is
        that of `batches_in_flight` batches where a language model is asked, else of one, and of
        one more that is being read.

        Args:
            sources: Pictures, see `segment`.
            options: For this call alone, see `segment`.

        Raises:
            ZerosegError: `sources` is one picture, or nothing to go through, or an option is wrong.
            ChatError: The language model stayed unreachable; what came before is done.

        Example:
            >>> from zeroseg import Failure, ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat", "boat"])
            >>> for result in segmenter.stream(["picture.png", "missing.png"]):
            ...     failed = isinstance(result, Failure)
            ...     print(result.name, result.stage if failed else list(result.areas))
            picture.png ['dog', 'cat']
            missing.png reading
        """
        system = self.variant(**options) if options else self
        batches = read_ahead(sources, system.batch_size)
        for part, job in in_flight(batches, system._begin, system.depth):
            results = iter(system.finish(job))
            for name, picture in part:
                if isinstance(picture, Failure):
                    yield picture
                else:
                    yield _named(next(results), name)

    def _begin(self, part: Sequence[Read]) -> Job:
        readable = [(name, own) for name, own in part if isinstance(own, Tensor)]
        return self.begin([own for _, own in readable], [name for name, _ in readable])

    def begin_samples(self, samples: Sequence[Sample], cache: StageCache | None = None) -> Job:
        """Start a batch of samples of a data set, on this segmenter's device.

        Args:
            samples: Those that could not be read are left out.
            cache: Answers that systems side by side share.
        """
        readable = [sample for sample in samples if sample.problem is None]
        there = [replace(sample, image=sample.image.to(self.device)) for sample in readable]
        given = {**self._given(there), "name": [sample.name for sample in there]}
        return self._runner(cache).begin(self._framed(given), self._wanted)

    def _given(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        """What stages know of samples from the start."""
        return {"image": [sample.image for sample in samples]}

    def segment_samples(
        self, samples: Sequence[Sample] | LookingAhead, cache: StageCache | None = None
    ) -> list[Segmentation | Failure]:
        """Segment samples of a data set; one that could not be read is a Failure.

        Args:
            samples: A batch. Of one that knows the batches that follow, these are begun, too.
            cache: Answers that systems side by side share.
        """
        if isinstance(samples, LookingAhead):
            job = samples.begun(self.begin_samples)
        else:
            job = self.begin_samples(samples, cache)
        results = iter(self.finish(job))
        return [
            _named(next(results), sample.name)
            if sample.problem is None
            else Failure(sample.name, "reading", sample.problem)
            for sample in samples
        ]

    def files(self, name: str) -> Sequence[Path]:
        """The files that the answer for a sample of this name is read from, if any is."""
        return ()

    def predict_step(
        self, batch: Sequence[Sample] | LookingAhead, batch_idx: int
    ) -> list[Segmentation | Failure]:
        """Segment a batch of samples for `trainer.predict`."""
        return self.segment_samples(batch)

    def on_test_start(self) -> None:
        """Take the data set's way of scoring; refuse one of other classes; forget the last run."""
        data = getattr(self.trainer, "datamodule", None)
        theirs = getattr(data, "vocabulary", self.vocabulary)
        if theirs.names != self.vocabulary.names:
            raise ZerosegError(
                f"the data set is labelled with {list(theirs.names)}, but the segmenter's classes "
                f"are {list(self.vocabulary.names)}; give both the same vocabulary"
            )
        self.failures = []
        scoring = data.scoring() if data is not None and hasattr(data, "scoring") else {}
        self.scores = SegmentationScores(self.vocabulary, **scoring).to(self.device)

    def test_step(self, batch: Sequence[Sample] | LookingAhead, batch_idx: int) -> dict[str, Any]:
        """Score a batch of samples.

        A failed image scores as background throughout; one without a readable annotation cannot
        be scored, and is reported as a failure too.

        Returns:
            The B results under "results", for callbacks.
        """
        results = self.segment_samples(batch)
        for sample, result in zip(batch, results, strict=True):
            if isinstance(result, Failure):
                self.failures.append(result)
            if sample.target is None and sample.problem is None:
                raise ZerosegError(f"'{sample.name}' has no annotation to test against")
            if sample.target is not None:
                self.scores.update(
                    prediction_of(result, sample.target, self.vocabulary), sample.target
                )
        return {"results": results}

    def on_test_epoch_end(self) -> None:
        """Log mIoU and its relatives as shares, per-class IoU, and the number of failures."""
        scores = {name: value for name, value in self.scores.compute().items() if value == value}
        self.log_dict(scores, batch_size=1)
        failures = float(len(self.failures))
        self.log("failures", failures, batch_size=1, sync_dist=True, reduce_fx="sum")

    def configure_optimizers(self) -> None:
        """Nothing is trained."""


def prediction_of(result: Segmentation | Failure, target: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The label map that is scored, (H, W) int64: background throughout for a failed image."""
    if isinstance(result, Failure):
        return torch.full_like(target, vocabulary.background)
    return result.label_map


def _named(result: Result, name: str) -> Result:
    return replace(result, name=name)
