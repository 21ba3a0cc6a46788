"""Batches in flight: order, bounds, failures, and that waiting is used."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from zeroseg.data.drawn_scenes import DrawnScenes
from zeroseg.errors import ChatError
from zeroseg.masking.mask_predictor import Encodings
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.given_labels import GivenLabels
from zeroseg.refinement.post_refiner import PostRefiner
from zeroseg.refinement.pre_refiner import PreRefiner
from zeroseg.refinement.raw_tags import RawTags
from zeroseg.running.in_flight import Job, in_flight
from zeroseg.running.item import Item
from zeroseg.running.waiting import submit
from zeroseg.segmentation import Segmentation
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedDetector, blank
from zeroseg.values import Description, Detections, Failure, Masks, Resolution, Selection, Tag
from zeroseg.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["background", "dog", "boat"])
PATIENCE = 30
"""Seconds after which a test that would otherwise hang fails."""


def waiting_for(future: Future[None]) -> Iterator[Future[None]]:
    yield future


def test_a_job_goes_on_only_when_what_it_awaits_has_ended() -> None:
    future: Future[None] = Future()
    items = [Item({"number": 5})]
    job = Job(items, waiting_for(future))
    job.advance()
    assert not job.done
    future.set_result(None)
    job.advance()
    assert job.done
    assert job.waited == 0
    assert job.finish() is items


def test_what_is_awaited_counts_as_waiting() -> None:
    job = Job([], waiting_for(submit(lambda: time.sleep(0.05))))
    job.finish()
    assert 0 < job.waited < PATIENCE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_process_has_threads_of_its_own() -> None:
    submit(lambda: None).result()
    child = os.fork()
    if child == 0:
        submit(lambda: None).result(PATIENCE)
        os._exit(7)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


class OneThread(BoxMasks):
    """Notes by which threads it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        self.threads.add(threading.current_thread().name)
        return super().forward(images, detections)


def test_the_caller_computes_also_while_answers_are_awaited_and_when_a_batch_fails() -> None:
    masks = OneThread()
    segmenter = system(
        7, behind=1, detector=Breaks({"dog": [0, 0, 0.5, 0.5]}), mask_predictor=masks, batch_size=2
    )
    results = list(segmenter.stream(pictures(7)))
    assert [isinstance(result, Failure) for result in results] == [i == 3 for i in range(7)]
    assert masks.threads == {threading.current_thread().name}


def test_what_concerns_all_images_is_raised_when_the_batch_is_asked_for() -> None:
    gone: Future[None] = Future()
    gone.set_exception(ChatError("gone"))
    job = Job([], waiting_for(gone))
    with pytest.raises(ChatError, match="gone"):
        job.finish()


def test_batches_come_in_order_and_no_more_than_the_depth_are_begun() -> None:
    futures: list[Future[None]] = [Future() for _ in range(6)]
    begun: list[int] = []

    def begin(number: int) -> Job:
        begun.append(number)
        return Job([Item({"number": number})], waiting_for(futures[number]))

    flight = in_flight(range(6), begin, depth=3)
    for future in reversed(futures[1:]):
        future.set_result(None)
    number, job = next(flight)
    assert (number, begun, job.done) == (0, [0, 1, 2], False)
    futures[0].set_result(None)
    assert job.finish()[0].values == {"number": 0}
    assert [n for n, _ in flight] == [1, 2, 3, 4, 5]
    alone = in_flight(range(6), begin, depth=1)
    begun.clear()
    next(alone)
    assert begun == [0]


class Numbered(Tagger):
    """Tells by an event when an image of a given brightness has been seen."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[int, threading.Event] = {}
        self.lock = threading.Lock()

    def seen(self, value: int) -> threading.Event:
        with self.lock:
            return self.events.setdefault(value, threading.Event())

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        for image in images:
            self.seen(int(image[0, 0, 0])).set()
        return [(Tag(f"dog {int(image[0, 0, 0])}", 1.0),) for image in images]


class AnswersLate(PreRefiner):
    """Answers for image n when image n + `behind` has been tagged."""

    def __init__(self, tagger: Numbered, last: int, behind: int) -> None:
        super().__init__()
        self.__dict__["tagger"] = tagger
        self.last, self.behind = last, behind

    @property
    def waits(self) -> bool:
        return True

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        for description in descriptions:
            number = int(description.tags[0].name.split()[1])
            later = min(number + self.behind, self.last)
            assert self.tagger.seen(later).wait(PATIENCE), "nobody worked ahead"
        return [Selection(("dog",), (1,)) for _ in descriptions]


class Encodes(BoxMasks):
    """Counts what was encoded ahead, and takes nothing but that."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    def encode(self, images: Sequence[Tensor]) -> Encodings:
        self.encoded += len(images)
        return (torch.stack([image[0, 0, 0] for image in images]),)

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        assert encodings is not None
        assert encodings[0].tolist() == [int(image[0, 0, 0]) for image in images]
        return super().forward(images, detections)


def system(count: int, behind: int = 2, **changes: Any) -> ZeroShotSegmenter:
    tagger = Numbered()
    parts: dict[str, Any] = {
        "tagger": tagger,
        "pre_refiner": AnswersLate(tagger, count - 1, behind),
        "detector": ScriptedDetector({"dog": [0, 0, 0.5, 0.5]}),
        "mask_predictor": Encodes(),
        "batch_size": 1,
        "batches_in_flight": 3,
    }
    return ZeroShotSegmenter(CLASSES, **{**parts, **changes})


def pictures(count: int) -> list[Tensor]:
    return [blank(value=number) for number in range(count)]


def test_a_stream_works_ahead_while_answers_are_awaited() -> None:
    segmenter = system(6)
    results = list(segmenter.stream(iter(pictures(6))))
    assert [result.name for result in results] == [str(i) for i in range(6)]
    for number, result in enumerate(results):
        assert isinstance(result, Segmentation)
        assert int(result.image[0, 0, 0]) == number
        assert result.areas == {"dog": 0.25}
        assert result.trace.seconds["pre-refinement"] > 0
    assert segmenter.mask_predictor.encoded == 6
    assert list(results[0].trace.seconds) == [  # type: ignore[union-attr]
        "tags", "pre-refinement", "detection", "post-refinement", "masks", "fusion",
    ]  # fmt: skip


def test_a_list_works_ahead_too() -> None:
    results = system(5).segment(list(pictures(5)))
    assert [int(result.image[0, 0, 0]) for result in results] == list(range(5))


def test_working_ahead_changes_no_result() -> None:
    plain = system(6, pre_refiner=GivenLabels(["dog"]), mask_predictor=BoxMasks())
    assert (plain.depth, system(6).depth) == (1, 3)
    for one, other in zip(plain.stream(pictures(6)), system(6).stream(pictures(6)), strict=True):
        assert isinstance(one, Segmentation)
        assert isinstance(other, Segmentation)
        assert torch.equal(one.label_map, other.label_map)


class Breaks(ScriptedDetector):
    """Breaks on a picture of this brightness."""

    def forward(
        self, images: Sequence[Tensor], selections: Sequence[Selection]
    ) -> list[Detections]:
        if any(int(image[0, 0, 0]) == 3 for image in images):
            raise RuntimeError("three")
        return super().forward(images, selections)


def test_a_failing_image_fails_alone_also_in_flight() -> None:
    detector = Breaks({"dog": [0, 0, 0.5, 0.5]})
    encodes = system(7, behind=1, detector=detector, batch_size=2, mask_predictor=BoxMasks())
    results = list(encodes.stream(pictures(7)))
    kinds = [type(result) for result in results]
    assert kinds == [*[Segmentation] * 3, Failure, *[Segmentation] * 3]
    assert results[3].name == "3"
    assert results[3].message == "RuntimeError: three"  # type: ignore[union-attr]
    assert results[3].stage == "detection"  # type: ignore[union-attr]


class Gone(PreRefiner):
    """Loses its language model at the third batch."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 2

    @property
    def waits(self) -> bool:
        return True

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        number = int(descriptions[0].tags[0].name.split()[1])
        if number >= self.left:
            raise ChatError("gone")
        return [Selection(("dog",), (1,)) for _ in descriptions]


def test_an_unreachable_language_model_stops_after_what_is_done() -> None:
    stream = system(6, pre_refiner=Gone()).stream(pictures(6))
    assert [next(stream).name, next(stream).name] == ["0", "1"]
    with pytest.raises(ChatError, match="gone"):
        next(stream)


class LateWords(PostRefiner):
    """Resolves the phrases of image n when image n + 1 has been tagged."""

    def __init__(self, tagger: Numbered, last: int) -> None:
        super().__init__()
        self.__dict__["tagger"] = tagger
        self.last = last

    @property
    def waits(self) -> bool:
        return True

    def forward(self, phrases: Sequence[str], vocabulary: Vocabulary) -> Resolution:
        [phrase] = phrases
        number = int(phrase.split()[1])
        assert self.tagger.seen(min(number + 1, self.last)).wait(PATIENCE), "nobody worked ahead"
        return Resolution((2,))


def test_post_refinement_is_waited_for_in_flight() -> None:
    tagger = Numbered()
    boxes = {f"dog {number}": [0, 0, 0.5, 0.5] for number in range(5)}
    segmenter = system(
        5,
        tagger=tagger,
        pre_refiner=RawTags(),
        detector=ScriptedDetector(boxes),
        post_refiner=LateWords(tagger, 4),
    )
    assert segmenter.depth == 3
    results = list(segmenter.stream(pictures(5)))
    assert [result.areas for result in results] == [{"boat": 0.25}] * 5  # type: ignore[union-attr]


def trainer() -> Trainer:
    return Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class AnswersOnce(PreRefiner):
    """Answers nobody before `several` batches are in flight together."""

    def __init__(self, several: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(several)

    @property
    def waits(self) -> bool:
        return True

    def forward(
        self, descriptions: Sequence[Description], vocabulary: Vocabulary
    ) -> list[Selection]:
        self.barrier.wait(PATIENCE)
        return [Selection(("dog",), (1,)) for _ in descriptions]


@pytest.mark.parametrize("job", ["test", "predict"])
def test_the_trainer_works_ahead(job: str) -> None:
    data = DrawnScenes(CLASSES, count=6, size=(48, 64), seed=3, batch_size=1)
    waiting = system(6, pre_refiner=AnswersOnce(3), mask_predictor=BoxMasks())
    plain = system(6, pre_refiner=GivenLabels(["dog"]), mask_predictor=BoxMasks())
    if job == "test":
        [ahead] = trainer().test(waiting, data, verbose=False)
        [alone] = trainer().test(plain, data, verbose=False)
        assert ahead == alone
        return
    ahead_of = trainer().predict(waiting, data)
    assert ahead_of is not None
    names = [result.name for batch in ahead_of for result in batch]
    assert names == [f"drawn-3-{number:05d}" for number in range(6)]


class SeesPrecision(Numbered):
    """Notes the mixed precision it is called under."""

    def __init__(self, notes: list[bool]) -> None:
        super().__init__()
        self.notes = notes

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        self.notes.append(torch.is_autocast_enabled("cpu"))
        return super().forward(images)


class MasksSeePrecision(BoxMasks):
    """The same of masks, which may be made in another thread."""

    def __init__(self, notes: list[bool]) -> None:
        super().__init__()
        self.notes = notes

    def forward(
        self,
        images: Sequence[Tensor],
        detections: Sequence[Detections],
        encodings: Encodings | None = None,
    ) -> list[Masks]:
        self.notes.append(torch.is_autocast_enabled("cpu"))
        return super().forward(images, detections)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("waiting", [False, True])
def test_batches_in_flight_keep_the_trainers_precision(precision: str, waiting: bool) -> None:
    notes: list[bool] = []
    data = DrawnScenes(CLASSES, count=4, size=(48, 64), seed=3, batch_size=1)
    refiner = AnswersOnce(2) if waiting else GivenLabels(["dog"])
    segmenter = system(
        4,
        tagger=SeesPrecision(notes),
        pre_refiner=refiner,
        mask_predictor=MasksSeePrecision(notes),
    )
    options: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "precision": precision}
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(**options, **quiet).test(segmenter, data, verbose=False)
    assert notes == [precision == "bf16-mixed"] * 8
