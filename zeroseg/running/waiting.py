"""Threads for stages that spend their time waiting for another machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import torch

from zeroseg.running.precision import Autocast
from zeroseg.running.threads import computing_threads

THREADS = 32
"""Calls that can wait at the same time, over all systems of the process."""


@cache
def _threads() -> ThreadPoolExecutor:
    return computing_threads(THREADS, "zeroseg-waiting")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process
    os.register_at_fork(after_in_child=_threads.cache_clear)


def submit(call: Callable[[], Any]) -> Future[None]:
    """Have a call made in a thread of its own, under the precision of this place."""
    casting = Autocast()

    def work() -> None:
        with torch.inference_mode(), casting.on():
            call()

    return _threads().submit(work)
