"""The runner: order, failing alone, asking once, and doing nothing that nobody needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from zeroseg.errors import ChatError, ComponentError
from zeroseg.running.item import Item
from zeroseg.running.runner import Runner
from zeroseg.running.stage import Stage
from zeroseg.running.stage_cache import StageCache

CPU = torch.device("cpu")
PATIENCE = 30
"""Seconds after which a test that would otherwise hang fails."""


class Step(Stage):
    """Adds one to a number, and keeps what it was called with."""

    def __init__(
        self,
        needs: str,
        gives: str,
        fails: Callable[[int], bool] = lambda value: False,
        error: Exception | None = None,
        waits: bool = False,
        early: bool = False,
    ) -> None:
        self.name, self.needs, self.gives = gives, (needs,), (gives,)  # type: ignore[misc]
        self.early = early  # type: ignore[misc]
        self.fails, self.error, self._waits = fails, error, waits
        self.calls: list[list[int]] = []
        self.threads: set[str] = set()

    @property
    def waits(self) -> bool:
        return self._waits

    def __call__(self, values: Sequence[int]) -> tuple[list[int]]:
        self.calls.append(list(values))
        self.threads.add(threading.current_thread().name)
        if any(self.fails(value) for value in values):
            raise self.error or RuntimeError("no")
        return ([value + 1 for value in values],)


def numbers(items: Sequence[Item], name: str) -> list[Any]:
    return [item.values.get(name) if item.error is None else item.message for item in items]


def test_stages_are_worked_in_order_for_the_whole_batch() -> None:
    first, second = Step("a", "b"), Step("b", "c")
    items = Runner([first, second], CPU).run({"a": [1, 5]}, ["c"])
    assert numbers(items, "c") == [3, 7]
    assert (first.calls, second.calls) == ([[1, 5]], [[2, 6]])
    assert list(items[0].seconds) == ["b", "c"]


def test_what_no_stage_gives_is_missed_by_name() -> None:
    with pytest.raises(ValueError, match="the stage 'c' needs 'b', which no stage before it gives"):
        Runner([Step("b", "c"), Step("a", "b")], CPU).run({"a": [1]}, ["c"])
    with pytest.raises(ValueError, match="asked for is 'z', which no stage before it gives"):
        Runner([Step("a", "b")], CPU).run({"a": [1]}, ["z"])


def test_a_failing_image_fails_alone_and_nothing_before_is_worked_again() -> None:
    first, second, third = Step("a", "b"), Step("b", "c", lambda v: v == 3), Step("c", "d")
    items = Runner([first, second, third], CPU).run({"a": [1, 2, 3]}, ["d"])
    assert numbers(items, "d") == [4, "RuntimeError: no", 6]
    assert items[1].stage == "c"
    assert first.calls == [[1, 2, 3]]
    assert second.calls == [[2, 3, 4], [2], [3], [4]]
    assert third.calls == [[3, 5]]


def test_what_concerns_all_is_raised_at_once() -> None:
    gone = Step("b", "c", lambda v: True, ChatError("gone"))
    runner = Runner([Step("a", "b"), gone], CPU, (ChatError,))
    with pytest.raises(ChatError, match="gone"):
        runner.run({"a": [1, 2]}, ["c"])
    assert len(gone.calls) == 1


def test_a_batch_that_fails_altogether_goes_no_further() -> None:
    last = Step("b", "c")
    items = Runner([Step("a", "b", lambda v: True), last], CPU).run({"a": [1, 2]}, ["c"])
    assert all(item.error is not None for item in items)
    assert last.calls == []


class TooFew(Step):
    def __call__(self, values: Sequence[int]) -> tuple[list[int]]:
        self.calls.append(list(values))
        return ([1],)


def test_another_number_of_answers_is_an_error_of_the_component_for_all() -> None:
    stage = TooFew("a", "b")
    items = Runner([stage], CPU).run({"a": [1, 2, 3]}, ["b"])
    assert {type(item.error) for item in items} == {ComponentError}
    assert items[0].message == "ComponentError: TooFew returned 1, expected 3 b"
    assert stage.calls == [[1, 2, 3]]  # asking singly would hide it


def test_what_waits_is_worked_elsewhere_while_the_rest_goes_on() -> None:
    ahead = threading.Event()

    class Waits(Step):
        def __call__(self, values: Sequence[int]) -> tuple[list[int]]:
            assert ahead.wait(PATIENCE), "nobody worked meanwhile"
            return super().__call__(values)

    class Meanwhile(Step):
        def __call__(self, values: Sequence[int]) -> tuple[list[int]]:
            ahead.set()
            return super().__call__(values)

    asked, other = Waits("a", "b", waits=True), Meanwhile("a", "c")
    last = Step("b", "d")
    items = Runner([asked, other, last], CPU).run({"a": [1]}, ["c", "d"])
    assert numbers(items, "d") == [3] and numbers(items, "c") == [2]
    assert all(name.startswith("zeroseg-waiting") for name in asked.threads)


@pytest.mark.parametrize(("waits", "in_flight", "shared"), [
    (True, True, False), (True, False, False), (False, True, False), (False, False, True),
])  # fmt: skip
def test_what_is_only_worth_it_while_waiting(waits: bool, in_flight: bool, shared: bool) -> None:
    class Takes(Step):
        takes = {"early": -1}  # noqa: RUF012

        def __call__(self, *values: Sequence[int]) -> tuple[list[int]]:
            return (list(values[1]),)

    early = Step("a", "early", early=True)
    stages = [Step("a", "b", waits=waits), early, Takes("b", "c")]
    runner = Runner(stages, CPU, cache=StageCache() if shared else None)
    items = runner.begin({"a": [1]}, ["c"], in_flight).finish()
    assert numbers(items, "c") == [2 if (waits and in_flight) or shared else -1]


def test_systems_that_share_a_cache_work_a_stage_once_and_are_charged_alike() -> None:
    cache, shared = StageCache(), Step("a", "b")
    value = [1, 2]
    one = Runner([shared, Step("b", "c")], CPU, cache=cache).run({"a": value}, ["c"])
    other = Runner([shared, Step("b", "d")], CPU, cache=cache).run({"a": value}, ["d"])
    assert shared.calls == [[1, 2]]
    assert one[0].seconds["b"] == other[0].seconds["b"]


def test_a_shortcut_keeps_a_waiting_stage_from_being_asked() -> None:
    class Known(Step):
        def shortcut(self, values: Sequence[int]) -> tuple[list[int]]:
            return (list(values),)

    stage = Known("a", "b", waits=True)
    items = Runner([stage], CPU).run({"a": [4]}, ["b"])
    assert numbers(items, "b") == [4]
    assert stage.calls == []
    assert "b" in items[0].seconds


class Emptying(Step):
    """Empties the list that it is called with."""

    def __call__(self, values: Any) -> tuple[list[int]]:
        return ([values.pop(0) + 1 for _ in range(len(values))],)


def test_a_component_may_empty_what_it_is_given() -> None:
    assert numbers(Runner([Emptying("a", "b")], CPU).run({"a": [1, 5]}, ["b"]), "b") == [2, 6]


def test_an_answer_that_is_no_tuple_is_about_the_component() -> None:
    class Bare(Step):
        def __call__(self, values: Sequence[int]) -> Any:
            return None

    [item] = Runner([Bare("a", "b")], CPU).run({"a": [1]}, ["b"])
    assert item.message == "ComponentError: Bare returned None, expected a tuple of 1: b"


class Skipping(Step):
    """Has nothing to do for zeros, cannot tell of negative numbers, and is wrong about others."""

    def shortcut(self, values: Sequence[int]) -> tuple[list[int]] | None:
        if min(values) < 0:
            raise RuntimeError("unheard of")
        return None if any(values) else (list(values),)

    def __call__(self, values: Sequence[int]) -> tuple[list[int]]:
        self.calls.append(list(values))
        raise ComponentError("Skipping", "sense", "nonsense")


def test_a_wrong_answer_costs_nothing_where_nothing_was_asked() -> None:
    stage = Skipping("a", "b")
    items = Runner([stage], CPU).run({"a": [0, 3, 0, 4]}, ["b"])
    assert [item.error is None for item in items] == [True, False, True, False]
    assert stage.calls == [[0, 3, 0, 4]]


def test_a_shortcut_that_fails_costs_its_own_image() -> None:
    runner = Runner([Skipping("a", "b", waits=True)], CPU)
    items = runner.begin({"a": [0, -3]}, ["b"]).finish()
    assert numbers(items, "b") == [0, "RuntimeError: unheard of"]
