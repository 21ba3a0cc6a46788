"""A memo asks once, and never mixes up who was asked what."""

from __future__ import annotations

from zeroseg.memo import Memo


class Doubles:
    """Counts how often it is asked."""

    def __init__(self, factor: int = 2) -> None:
        self.factor, self.calls = factor, 0

    def __call__(self, values: list[list[int]]) -> list[int]:
        self.calls += 1
        return [self.factor * value[0] for value in values]


def test_the_same_input_is_asked_once() -> None:
    memo, part = Memo(), Doubles()
    first, second = [1], [2]
    answer, seconds = memo.ask(part, part, [first, second])
    again, kept = memo.ask(part, part, [first, second])
    assert answer == [2, 4]
    assert again is answer
    assert kept == seconds
    assert part.calls == 1


def test_equal_is_not_the_same() -> None:
    memo, part = Memo(), Doubles()
    memo.ask(part, part, [[1]])
    memo.ask(part, part, [[1]])
    assert part.calls == 2


def test_owners_are_told_apart_and_may_be_shared() -> None:
    memo, double, triple = Memo(), Doubles(), Doubles(3)
    value = [1]
    assert memo.ask(double, double, [value])[0] == [2]
    assert memo.ask(triple, triple, [value])[0] == [3]
    network = object()
    assert memo.ask(network, double, [value])[0] == [2]
    assert memo.ask(network, triple, [value])[0] == [2]  # the same network would say the same


def test_inputs_stay_alive_so_that_no_other_takes_their_place() -> None:
    memo, part = Memo(), Doubles()
    answers = [memo.ask(part, part, [[number]])[0] for number in range(100)]
    assert answers == [[2 * number] for number in range(100)]
    memo.clear()
    assert memo.ask(part, part, [[7]])[0] == [14]
