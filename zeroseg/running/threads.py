"""Threads beside the caller's that do not slow it down."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch


def computing_threads(count: int, name: str) -> ThreadPoolExecutor:
    """`count` threads, started now, in each of which torch uses one core.

    Left alone, each would gather as many threads of OpenMP around it as the caller has, at its
    first operation on a picture. Once there are more of those than cores, OpenMP lets all of them
    sleep between operations, the caller's as well, for as long as they live: a small network then
    takes twice its time.

    What the caller has set by `torch.set_num_threads` is as before afterwards.

    Args:
        count: How many threads.
        name: What their names begin with.
    """
    kept, started = torch.get_num_threads(), threading.Barrier(count + 1)
    pool = ThreadPoolExecutor(count, name, use_cores, (1,))
    try:
        for _ in range(count):
            pool.submit(started.wait)
    except RuntimeError:  # the system has no more: those that there are must not wait for ever
        started.abort()
        raise
    started.wait()
    torch.set_num_threads(kept)  # what a thread sets is also what threads born later begin with
    return pool


def use_cores(count: int) -> None:
    """Have torch use `count` cores in this thread, and in those born later."""
    torch.get_num_threads()  # a thread's first use would undo what was set before it
    torch.set_num_threads(count)
