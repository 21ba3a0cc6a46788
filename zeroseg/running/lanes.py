"""Where a stage is worked: here, in the thread beside, or in one that waits for a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import torch

from zeroseg.running.precision import Autocast

THREADS = 32
"""Calls that can wait at the same time, over all systems of the process."""


class Lane(Enum):
    """Where a stage is worked.

    HERE is the caller's thread; BESIDE the one thread that computes beside it, one call after the
    other, so that what only they use is never used twice at once; ELSEWHERE a thread of its own for
    a call that spends its time waiting for another machine.
    """

    HERE = "here"
    BESIDE = "beside"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Pending:
    """Work that is under way.

    Attributes:
        lane: Where.
        future: Its end, or what went wrong.
    """

    lane: Lane
    future: Future[None]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="zeroseg-waiting")


@cache
def _second() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="zeroseg-second")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process
    os.register_at_fork(after_in_child=_threads.cache_clear)
    os.register_at_fork(after_in_child=_second.cache_clear)


def submit(lane: Lane, call: Callable[[], Any]) -> Pending:
    """Have a call made in a lane other than HERE, under the precision of this place."""
    casting = Autocast()

    def work() -> None:
        with torch.inference_mode(), casting.on():
            call()

    threads = _second() if lane is Lane.BESIDE else _threads()
    return Pending(lane, threads.submit(work))
