"""What threads ask at the same time is asked once, and none waits for ever."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from zeroseg.chat.in_flight import InFlight
from zeroseg.chat.lock import Lock


class Slow:
    """Work that waits until it is let go, and notes what it was given."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.given: list[list[str]] = []

    def __call__(self, keys: list[str]) -> dict[str, str]:
        self.given.append(keys)
        self.begun.set()
        assert self.go.wait(10)
        return {key: key.upper() for key in keys if key != "silent"}


def upper(keys: list[str]) -> dict[str, str]:
    return {key: key.upper() for key in keys}


def beside(
    flights: InFlight[str, str],
    slow: Callable[[list[str]], dict[str, str]],
    begun: threading.Event,
    go: threading.Event,
    second: Callable[[], dict[str, str]],
) -> tuple[object, dict[str, str]]:
    """A slow thread's outcome on the keys "a" and "silent", and that of one that comes later."""
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, ["a", "silent"], slow)
        assert begun.wait(10)
        other = pool.submit(second)
        go.set()
        late = other.result(10)
        return first.exception(10) or first.result(), late


def test_work_under_way_is_waited_for() -> None:
    flights: InFlight[str, str] = InFlight()
    slow, mine = Slow(), []

    def own(keys: list[str]) -> dict[str, str]:
        mine.append(keys)
        slow.go.set()  # the other is still at work when this thread begins its own share
        return upper(keys)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, ["a", "b"], slow)
        assert slow.begun.wait(10)
        found = flights.share(["b", "c", "a", "c"], own)
        assert first.result(10) == {"a": "A", "b": "B"}
    assert found == {"a": "A", "b": "B", "c": "C"}
    assert slow.given == [["a", "b"]] and mine == [["c"]]


def test_what_is_done_is_done_anew_the_next_time() -> None:
    flights: InFlight[str, str] = InFlight()
    assert flights.share(["a"], upper) == {"a": "A"}
    assert flights.share(["a"], lambda keys: {"a": "other"}) == {"a": "other"}
    assert flights.share([], upper) == {}


def test_what_another_thread_found_no_answer_to_is_worked_for_here() -> None:
    flights: InFlight[str, str] = InFlight()
    slow = Slow()
    first, late = beside(
        flights, slow, slow.begun, slow.go, lambda: flights.share(["silent"], upper)
    )
    assert first == {"a": "A"}
    assert late == {"silent": "SILENT"}


def test_an_error_is_that_thread_s_own() -> None:
    flights: InFlight[str, str] = InFlight()
    slow = Slow()

    def fail(keys: list[str]) -> dict[str, str]:
        slow(keys)
        raise ValueError("no")

    first, late = beside(flights, fail, slow.begun, slow.go, lambda: flights.share(["a"], upper))
    assert isinstance(first, ValueError)
    assert late == {"a": "A"}


def test_no_answer_here_is_no_answer() -> None:
    flights: InFlight[str, str] = InFlight()
    assert flights.share(["a", "b"], lambda keys: {"a": "A"}) == {"a": "A"}


def test_threads_that_ask_across_each_other_all_end() -> None:
    flights: InFlight[int, int] = InFlight()
    asked: list[int] = []

    def work(keys: list[int]) -> dict[int, int]:
        asked.extend(keys)
        return {key: key * key for key in keys}

    def ask(start: int) -> dict[int, int]:
        return flights.share([(start + i) % 20 for i in range(20)], work)

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(40)):
            assert found == {i: i * i for i in range(20)}
    assert set(asked) == set(range(20))


@pytest.mark.parametrize("kind", [Lock, InFlight])
def test_they_can_be_copied_and_pickled(kind: type) -> None:
    for again in (copy.deepcopy(kind()), pickle.loads(pickle.dumps(kind()))):
        assert isinstance(again, kind)


def test_a_copied_lock_is_free() -> None:
    lock = Lock()
    with lock, copy.deepcopy(lock):
        pass
