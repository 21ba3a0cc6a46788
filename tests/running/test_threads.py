"""Threads that compute with one core, and leave the caller as many as it had."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest
import torch

from zeroseg.reading_ahead import read_ahead
from zeroseg.running.threads import computing_threads
from zeroseg.running.waiting import submit

COUNT_TEAMS = """
import os, sys, torch
torch.set_num_threads(2)
torch.ones(1_000_000).add_(1)  # the caller's own team
before = len(os.listdir("/proc/self/task"))
{make}
work = lambda: torch.ones(1_000_000).add_(1)
for future in [pool.submit(work) for _ in range(12)]:
    future.result()
print(len(os.listdir("/proc/self/task")) - before)
"""


def test_each_thread_uses_one_core_and_the_caller_what_it_did() -> None:
    kept = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with computing_threads(2, "two") as pool:
            inside = [pool.submit(torch.get_num_threads) for _ in range(6)]
            assert [own.result() for own in inside] == [1] * 6
            assert torch.get_num_threads() == 3
        later: Future[int] = Future()
        threading.Thread(target=lambda: later.set_result(torch.get_num_threads())).start()
        assert later.result(30) == 3
    finally:
        torch.set_num_threads(kept)


def test_threads_that_wait_and_that_read_are_such(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def read(source: object) -> torch.Tensor:
        counted.append(torch.get_num_threads())
        return torch.zeros(3, 8, 8, dtype=torch.uint8)

    monkeypatch.setattr("zeroseg.reading_ahead.read_image", read)
    submit(lambda: counted.append(torch.get_num_threads())).result()
    assert [name for [(name, _)] in read_ahead(["a.png", "b.png"], 1)] == ["a.png", "b.png"]
    assert counted == [1, 1, 1]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted by /proc")
@pytest.mark.parametrize(("make", "gathered"), [
    ("from zeroseg.running.threads import computing_threads as make; pool = make(3, 'x')", False),
    ("from concurrent.futures import ThreadPoolExecutor as make; pool = make(3)", True),
])  # fmt: skip
def test_no_teams_of_openmp_gather_around_them(make: str, gathered: bool) -> None:
    """Of plain threads at least one gathers a team, or the test could not fail."""
    code = COUNT_TEAMS.format(make=make)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(out.stdout) > 3) == gathered


def test_where_no_more_threads_can_be_had_those_begun_end(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Thread.start

    def few(thread: threading.Thread) -> None:
        if thread.name.endswith("_2"):
            raise RuntimeError("can't start new thread")
        started(thread)

    monkeypatch.setattr(threading.Thread, "start", few)
    with pytest.raises(RuntimeError, match="new thread"):
        computing_threads(4, "scarce")
    begun = [own for own in threading.enumerate() if own.name.startswith("scarce")]
    for thread in begun:
        thread.join(30)
        assert not thread.is_alive()
