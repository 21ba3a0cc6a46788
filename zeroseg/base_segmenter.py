"""What every system that labels pixels shares: pictures in, one by one or by the data set."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from typing_extensions import Self

from zeroseg.data.sample import Sample
from zeroseg.data.sample_data import LookingAhead
from zeroseg.errors import ChatError, ImageError, ZerosegError
from zeroseg.images import ImageLike, path_text, read_image
from zeroseg.metrics.segmentation_scores import SegmentationScores
from zeroseg.outcomes import results_of
from zeroseg.running.in_flight import Job, in_flight
from zeroseg.running.item import Item
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.running.stage_cache import StageCache
from zeroseg.segmentation import Segmentation
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
            licence: "permissive" refuses what is not under apache-2.0, mit or bsd-*, before
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
        "found" and "detections", "masks", "asked".
        """

    def windows(self, size: tuple[int, int]) -> int:
        """How many windows a picture of a size (height, width) is looked at through."""
        return 1

    @property
    def depth(self) -> int:
        """`batches_in_flight` where answers are awaited, 2 where threads share, else 1."""
        return self.batches_in_flight if self.waits else 2 if self.overlaps else 1

    @property
    def overlaps(self) -> bool:
        """Whether one batch is begun while another is finished in a thread beside.

        On a CPU with several cores: networks as small as one core's work gain nothing from a second
        one, two batches do. No component is ever used by two threads at once.
        """
        several = torch.get_num_threads() > 1 and self.batches_in_flight > 1
        return several and self.device.type == "cpu" and any(s.apart for s in self.stages)

    @property
    def waits(self) -> bool:
        """Whether this system spends time waiting for something else than its device."""
        return any(stage.waits for stage in self.stages)

    def _runner(self, cache: StageCache | None = None) -> Runner:
        return Runner(self.stages, self.device, (ChatError,), cache, self.overlaps)

    def forward(self, images: Sequence[Tensor]) -> list[Segmentation]:
        """Segment a batch of images, (3, H, W) uint8 each."""
        return self._all({"image": images}) if len(images) else []

    if TYPE_CHECKING:
        __call__ = forward

    @torch.inference_mode()
    def _all(self, given: Mapping[str, Sequence[Any]]) -> list[Segmentation]:
        """Segment a batch, and raise what any image fails with."""
        return _whole(self._runner().run(given, WANTED), self)

    def begin(self, images: Sequence[Tensor]) -> Job:
        """Start a batch of images, (3, H, W) uint8 each, and go as far as there is no waiting.

        `finish` waits for what it comes to; a failing image fails alone.
        """
        return self._runner().begin({"image": images}, WANTED)

    def finish(self, job: Job) -> list[Segmentation | Failure]:
        """The results of a batch that was begun; the time it was waited for is added up.

        Raises:
            ChatError: The language model stayed unreachable.
        """
        return results_of(self._finished(job), self.vocabulary, self.stages)

    def _finished(self, job: Job) -> Sequence[Item]:
        before = job.waited
        try:
            return job.finish()
        finally:
            self.waited += job.waited - before

    @overload  # a text is a path, though it is a sequence of texts, too
    def segment(self, images: ImageLike) -> Segmentation: ...  # type: ignore[overload-overlap]

    @overload
    def segment(self, images: Sequence[ImageLike]) -> list[Segmentation]: ...

    def segment(self, images: ImageLike | Sequence[ImageLike]) -> Segmentation | list[Segmentation]:
        """Segment one picture, or several.

        Args:
            images: A path, the bytes of an encoded picture, an open file, a PIL image, a numpy
                array (H, W, 3), or a tensor (3, H, W); or a list of them. See `read_image`.

        Returns:
            One Segmentation for one picture, a list for a list.

        Raises:
            ImageError: A picture cannot be read; of a list, the message says which.

        Example:
            >>> from zeroseg import ZeroShotSegmenter
            >>> segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=["dog", "cat", "boat"])
            >>> result = segmenter.segment("picture.png")
            >>> list(result.areas)
            ['dog', 'cat']
            >>> result.label_map.shape
            torch.Size([128, 128])
        """
        if isinstance(images, list | tuple):
            return list(self._strict(images, _read_strictly))
        one: Any = images
        return next(self._strict([one], lambda source, _: read_image(source)))

    def _strict(
        self, sources: Sequence[ImageLike], read: Callable[[ImageLike, int], Tensor]
    ) -> Iterator[Segmentation]:
        """Segment pictures, and raise what any of them raises."""
        numbered = list(enumerate(sources))
        size = self.batch_size
        parts = [numbered[i : i + size] for i in range(0, len(numbered), size)]

        def begin(part: Sequence[tuple[int, ImageLike]]) -> Job:
            return self.begin([read(source, position) for position, source in part])

        for part, job in in_flight(parts, begin, self.depth):
            results = _whole(self._finished(job), self)
            for (position, source), result in zip(part, results, strict=True):
                yield _named(result, _name(source, position))

    def stream(self, sources: Iterable[ImageLike]) -> Iterator[Segmentation | Failure]:
        """Segment pictures one after another, in order.

        A picture that cannot be read or segmented yields a Failure, and the others go on. Memory is
        that of `batches_in_flight` batches where a language model is asked, else of one, and of
        one more that is being read.

        Raises:
            ZerosegError: `sources` is one picture, or nothing to go through.
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
        single = isinstance(sources, str | bytes | os.PathLike)
        if single or not isinstance(sources, Iterable):
            raise ZerosegError(
                f"{type(sources).__name__} is no list of pictures: give [picture], or the files "
                f"of a folder by zeroseg.find_images"
            )
        for part, job in in_flight(read_ahead(sources, self.batch_size), self._begin, self.depth):
            results = iter(self.finish(job))
            for name, picture in part:
                if isinstance(picture, Failure):
                    yield picture
                else:
                    yield _named(next(results), name)

    def _begin(self, part: Sequence[Read]) -> Job:
        return self.begin([picture for _, picture in part if isinstance(picture, Tensor)])

    def begin_samples(self, samples: Sequence[Sample], cache: StageCache | None = None) -> Job:
        """Start a batch of samples of a data set, on this segmenter's device.

        Args:
            samples: Those that could not be read are left out.
            cache: Answers that systems side by side share.
        """
        readable = [sample for sample in samples if sample.problem is None]
        there = [replace(sample, image=sample.image.to(self.device)) for sample in readable]
        return self._runner(cache).begin(self._given(there), WANTED)

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


def _whole(items: Sequence[Item], system: BaseSegmenter) -> list[Segmentation]:
    """The results of a batch, or the error that one of its images failed with."""
    results: Any = results_of(items, system.vocabulary, system.stages)
    for item in items:
        if item.error is not None:
            raise item.error
    return list(results)


Read = tuple[str, "Tensor | Failure"]
"""A picture's name, and the picture, or why it could not be read."""


def read_ahead(sources: Iterable[ImageLike], batch_size: int) -> Iterator[list[Read]]:
    """Batches of pictures in order; while one is used, the next is being read in threads.

    Only files and bytes are read in threads. Whatever else comes is read before the next one is
    asked for: frames of an animation share one PIL image, and arrays may share one buffer.
    """
    numbered = iter(enumerate(sources))
    with ThreadPoolExecutor(batch_size, thread_name_prefix="zeroseg-reading") as pool:
        coming: list[Future[Read]] = []
        while True:
            following = [_reading(pool, s, i) for i, s in islice(numbered, batch_size)]
            if coming:
                yield [future.result() for future in coming]
            if not following:
                return
            coming = following


def _reading(pool: ThreadPoolExecutor, source: ImageLike, position: int) -> Future[Read]:
    if isinstance(source, str | os.PathLike | bytes):
        return pool.submit(_read, source, position)
    done: Future[Read] = Future()
    done.set_result(_read(source, position))
    return done


def _read(source: ImageLike, position: int) -> Read:
    name = _name(source, position)
    try:
        return name, read_image(source)
    except ImageError as error:
        return name, Failure(name, "reading", str(error))


def _read_strictly(source: ImageLike, position: int) -> Tensor:
    """A picture of a list; the error says which it is."""
    try:
        return read_image(source)
    except ImageError as error:
        raise ImageError(f"picture {position} of the list (counted from 0): {error}") from error


def prediction_of(result: Segmentation | Failure, target: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The label map that is scored, (H, W) int64: background throughout for a failed image."""
    if isinstance(result, Failure):
        return torch.full_like(target, vocabulary.background)
    return result.label_map


def _name(source: ImageLike, position: int) -> str:
    text = path_text(source)
    return str(position) if text is None else text


def _named(result: Result, name: str) -> Result:
    return replace(result, name=name)
