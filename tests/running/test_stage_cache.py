"""A stage cache asks once, and never mixes up who was asked what."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.running.stage import Stage
from zeroseg.running.stage_cache import Answers, StageCache

Numbers = list[int]


class Times(Stage):
    """Multiplies, and counts how often it is asked."""

    name, needs, gives = "times", ("number",), ("product",)

    def __init__(self, factor: int = 2, owner: object = None) -> None:
        self.factor, self.calls, self._owner = factor, 0, owner

    @property
    def owner(self) -> object:
        return self._owner or self

    def __call__(self, values: Sequence[Numbers]) -> tuple[list[int]]:
        self.calls += 1
        return ([self.factor * value[0] for value in values],)


class OtherTimes(Times):
    """Of another class."""


def ask(cache: StageCache, stage: Times, *values: Numbers) -> tuple[Answers, float]:
    return cache.ask(stage, [list(values)], lambda: (stage(values), 0.5))


def test_the_same_input_is_asked_once() -> None:
    cache, stage = StageCache(), Times()
    first, second = [1], [2]
    answers, seconds = ask(cache, stage, first, second)
    again, kept = ask(cache, stage, first, second)
    assert answers == ([2, 4],)
    assert again is answers
    assert seconds == kept == 0.5
    assert stage.calls == 1


def test_equal_is_not_the_same() -> None:
    cache, stage = StageCache(), Times()
    ask(cache, stage, [1])
    ask(cache, stage, [1])
    assert stage.calls == 2


def test_owners_and_classes_are_told_apart_and_owners_may_be_shared() -> None:
    cache, network, value = StageCache(), object(), [1]
    assert ask(cache, Times(), value)[0] == ([2],)
    assert ask(cache, Times(3), value)[0] == ([3],)
    assert ask(cache, Times(owner=network), value)[0] == ([2],)
    assert ask(cache, Times(3, network), value)[0] == ([2],)  # the same network would say the same
    assert ask(cache, OtherTimes(3, network), value)[0] == ([3],)


def test_settings_are_told_apart() -> None:
    class Set(Times):
        def __init__(self, factor: int, setting: object) -> None:
            super().__init__(factor, network)
            self._setting = setting

        @property
        def setting(self) -> object:
            return self._setting

    cache, network, value, classes = StageCache(), object(), [1], object()
    assert ask(cache, Set(2, classes), value)[0] == ([2],)
    assert ask(cache, Set(3, object()), value)[0] == ([3],)
    assert ask(cache, Set(4, classes), value)[0] == ([2],)


def test_inputs_stay_alive_so_that_no_other_takes_their_place() -> None:
    cache, stage = StageCache(), Times()
    answers = [ask(cache, stage, [number])[0] for number in range(100)]
    assert answers == [([2 * number],) for number in range(100)]
    cache.clear()
    assert ask(cache, stage, [7])[0] == ([14],)
