"""Answers of stages to the batch at hand, so that systems side by side work none of them twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zeroseg.running.stage import Stage

Answers = tuple[Sequence[Any], ...]


class StageCache:
    """Remembers what stages answered, for systems that share components.

    An ablation runs many systems over one batch of images; those that share a tagger get its tags
    from here. An input counts as the same if it is the same object: what one stage answered from
    the cache is what the next stage looks itself up by.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], tuple[Answers, float, tuple[Any, ...]]] = {}

    def ask(
        self,
        stage: Stage,
        inputs: Sequence[Sequence[Any]],
        work: Callable[[], tuple[Answers, float]],
    ) -> tuple[Answers, float]:
        """The answers of a stage to inputs, and the seconds they took when they were first given.

        Args:
            stage: Who is asked.
            inputs: Compared item by item.
            work: Finds the answers, and tells the seconds it took.
        """
        given = (tuple(map(id, values)) for values in inputs)
        key = (type(stage), id(stage.owner), id(stage.setting), *given)
        if key not in self._kept:
            # The inputs are kept so that no other object can get their identity.
            self._kept[key] = (*work(), (stage.owner, stage.setting, inputs))
        answers, seconds, _ = self._kept[key]
        return answers, seconds

    def clear(self) -> None:
        """Forget everything, before the next batch."""
        self._kept.clear()
