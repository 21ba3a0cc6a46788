"""Answers of components to the batch at hand, so that none is computed twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Memo:
    """Remembers what components answered, for segmenters that share components.

    An ablation runs many segmenters over one batch of images; those that share a tagger get its
    tags from here. An input counts as the same if it is the same object: what one stage answered
    from the memo is what the next stage looks itself up by.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], tuple[Any, float, tuple[Any, ...]]] = {}

    def ask(self, owner: object, call: Callable[..., Answer], *inputs: Any) -> tuple[Answer, float]:
        """The answer of `call(*inputs)`, and the seconds it took when it was first given.

        Args:
            owner: What the answer depends on beside the inputs: callables of one owner and one
                name answer alike.
            call: The component or its method.
            inputs: Sequences are compared item by item, all else as it is.
        """
        name = getattr(call, "__name__", "forward")
        key = (id(owner), name, *map(_identity, inputs))
        if key not in self._kept:
            start = time.perf_counter()
            answer = call(*inputs)
            # The inputs are kept so that no other object can get their identity.
            self._kept[key] = (answer, time.perf_counter() - start, (owner, inputs))
        answer, seconds, _ = self._kept[key]
        return answer, seconds

    def clear(self) -> None:
        """Forget everything, before the next batch."""
        self._kept.clear()


def _identity(value: Any) -> Any:
    return tuple(map(id, value)) if isinstance(value, list | tuple) else id(value)
