"""Whoever watches is told every stage of every picture, and can end the call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.running.test_runner import CPU, Step
from zeroseg.data.sample import Sample
from zeroseg.errors import ComponentError
from zeroseg.recognition.tagger import Tagger
from zeroseg.refinement.all_classes import AllClasses
from zeroseg.running.runner import Runner
from zeroseg.running.stage_event import StageEvent
from zeroseg.segmenter import ZeroShotSegmenter
from zeroseg.testing import BoxMasks, ScriptedCaptioner, ScriptedDetector, blank
from zeroseg.values import Failure, Tag

BOXES = {"dog": [0, 0, 0.5, 0.5], "boat": [0.5, 0, 1, 1]}


class Seeing(Tagger):
    """Sees a dog, but nothing in white pictures."""

    def forward(self, images: Sequence[Tensor]) -> list[tuple[Tag, ...]]:
        if any(image.min() == 255 for image in images):
            raise RuntimeError("too bright")
        return [(Tag("dog", 0.9),) for _ in images]


def build(**changes: Any) -> ZeroShotSegmenter:
    parts: dict[str, Any] = {
        "tagger": Seeing(),
        "captioner": ScriptedCaptioner("a dog"),
        "pre_refiner": AllClasses(),
        "detector": ScriptedDetector(BOXES),
        "mask_predictor": BoxMasks(),
        "batch_size": 2,
    }
    return ZeroShotSegmenter(["background", "dog", "boat"], **{**parts, **changes})


def told(runner: Runner, seen: list[StageEvent]) -> list[tuple[str, str, bool]]:
    runner.run({"a": [1, 5], "name": ["x", "y"]}, ["c"])
    return [(own.name, own.stage, own.ended) for own in seen]


def test_beginning_and_end_of_each_stage_are_told_picture_by_picture() -> None:
    seen: list[StageEvent] = []
    both = told(Runner([Step("a", "b"), Step("b", "c")], CPU, on_stage=seen.append), seen)
    pairs = [(stage, ended) for stage in ("b", "c") for ended in (False, True)]
    assert both == [(name, stage, ended) for stage, ended in pairs for name in ("x", "y")]
    assert [dict(own.values) for own in seen if own.name == "y"] == [
        {"a": 5, "name": "y"},
        {"a": 5, "name": "y", "b": 6},
        {"a": 5, "name": "y", "b": 6},
        {"a": 5, "name": "y", "b": 6, "c": 7},
    ]
    assert [own.seconds is not None for own in seen[:4]] == [False, False, True, True]


def test_what_fails_is_told_with_its_error_and_nothing_of_it_afterwards() -> None:
    seen: list[StageEvent] = []
    failing = Step("a", "b", lambda value: value == 5)
    both = told(Runner([failing, Step("b", "c")], CPU, on_stage=seen.append), seen)
    assert both[2:] == [("x", "b", True), ("y", "b", True), ("x", "c", False), ("x", "c", True)]
    assert [str(own.error) for own in seen if own.ended] == ["None", "no", "None"]
    assert failing.calls == [[1, 5], [1], [5]]


@pytest.mark.parametrize("lane", [{}, {"waits": True}])
def test_what_a_watcher_raises_ends_the_call_wherever_the_stage_is_worked(
    lane: dict[str, bool],
) -> None:
    threads: list[str] = []

    def watch(event: StageEvent) -> None:
        threads.append(threading.current_thread().name)
        raise ComponentError("a watcher", "a telephone", "none")

    stage = Step("a", "b", **lane)  # type: ignore[arg-type]
    runner = Runner([stage, Step("b", "c")], CPU, on_stage=watch)
    with pytest.raises(ComponentError, match="a telephone"):
        runner.run({"a": [1], "name": ["x"]}, ["c"])
    assert len(threads) == 1 and stage.calls == []
    assert (threads[0] == threading.current_thread().name) == (not lane)


def test_a_segmenter_tells_what_each_stage_came_to() -> None:
    seen: list[StageEvent] = []
    [first, second] = build().segment([blank(), blank()], on_stage=seen.append)
    ends = {own.stage: own.values for own in seen if own.ended and own.name == first.name}
    assert list(ends) == list(first.trace.seconds) and "caption" not in ends["tags"]
    assert ends["tags"]["tags"] == (Tag("dog", 0.9),) and ends["caption"]["caption"] == "a dog"
    assert ends["pre-refinement"]["selection"] == first.selection
    assert torch.equal(ends["detection"]["found"].boxes, first.detections.boxes)
    assert len(ends["masks"]["masks"]) == 2
    assert torch.equal(ends["fusion"]["label_map"], first.label_map)
    assert {own.name for own in seen} == {first.name, second.name} == {"0", "1"}


def test_names_are_those_of_results_in_lists_streams_and_data_sets() -> None:
    seen: list[StageEvent] = []
    watched = build().variant(on_stage=seen.append)
    pictures = [blank(), blank(), "none.png", torch.full((3, 32, 40), 255, dtype=torch.uint8)]
    results = list(watched.stream([*pictures, blank()]))
    assert [isinstance(own, Failure) for own in results] == [False, False, True, True, False]
    assert list(dict.fromkeys(own.name for own in seen)) == ["0", "1", "3", "4"]
    [failed] = [own for own in seen if own.error is not None]
    assert (failed.name, failed.stage, str(failed.error)) == ("3", "tags", "too bright")
    seen.clear()
    damaged = Sample(blank(), None, "b", problem="damaged")
    watched.segment_samples([Sample(blank(), None, "a"), damaged])
    assert {own.name for own in seen} == {"a"}
    quiet = watched.variant(on_stage=None)
    assert quiet.on_stage is None and watched.on_stage is not None
    seen.clear()
    quiet.segment(blank())
    assert seen == []


class Enough(Exception):
    pass


def test_a_watcher_can_break_a_stream_off_and_no_picture_is_blamed() -> None:
    def watch(event: StageEvent) -> None:
        if event.name == "2":
            raise Enough

    stream = build().stream([blank()] * 6, on_stage=watch)
    assert [next(stream).name, next(stream).name] == ["0", "1"]
    with pytest.raises(Enough):
        next(stream)
