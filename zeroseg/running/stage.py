"""What a system's walk is made of: steps that say what they need and what they give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from zeroseg.errors import ComponentError


class Stage(ABC):
    """One step of a walk: from what is known of the images of a batch to something more.

    A system is a tuple of stages in the order they are worked in. Values have names; what a stage
    needs was given by one before it, or is there from the start. The runner times a stage, has a
    failing image fail alone, and asks it nothing that nobody needs.

    Attributes:
        name: What its time and its failures are reported under; several may share one.
        needs: Names of the values it is called with, one sequence each.
        takes: Values it is called with as well where they are there, and what stands in for them.
        gives: Names of the values it returns, one sequence each.
        timed: Whether its time is reported.
        early: Whether it is only worth its while as long as something else is waited for, or where
            several systems share its answer.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    takes: ClassVar[Mapping[str, Any]] = {}
    gives: ClassVar[tuple[str, ...]]
    timed: ClassVar[bool] = True
    early: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for names in (getattr(cls, "needs", ()), getattr(cls, "gives", ())):
            if isinstance(names, str):
                raise TypeError(f"{cls.__name__}: needs and gives are tuples, not {names!r}")

    @property
    def waits(self) -> bool:
        """Whether it spends its time waiting for a server; it is then called in another thread."""
        return False

    @property
    def owner(self) -> object:
        """What its answers depend on beside its inputs; stages of one class share them by it."""
        return self

    @property
    def setting(self) -> object:
        """What they depend on as well, such as classes; owners may share it. None for nothing."""
        return None

    @abstractmethod
    def __call__(self, *values: Any, **_: Any) -> tuple[Sequence[Any], ...]:
        """Do the work for B >= 1 images.

        Args:
            values: For each name in `needs`, then in `takes`, B values.

        Returns:
            For each name in `gives`, B values in the same order.
        """

    def shortcut(self, *values: Any, **_: Any) -> tuple[Sequence[Any], ...] | None:
        """The answer where no work is needed for it; None where it is."""
        return None

    def check(
        self, inputs: Sequence[Sequence[Any]], answers: Sequence[Sequence[Any]]
    ) -> dict[int, ComponentError]:
        """What is wrong with the answers, by position in the batch.

        Args:
            inputs: What the stage was called with.
            answers: What it returned, as many for each name as there are images.
        """
        return {}

    def describe(self) -> str:
        """What did the work, for messages."""
        return type(self.owner).__name__


def needed(stages: Sequence[Stage], given: Sequence[str], wanted: Sequence[str]) -> list[Stage]:
    """The stages that have to be worked for some values, in their order.

    Args:
        stages: All stages.
        given: Names of the values that are there from the start.
        wanted: Names of the values that are asked for.

    Raises:
        ValueError: No stage before it gives what a stage needs, or none what is asked for.
    """
    chosen: list[Stage] = []
    missing = set(wanted) - set(given)
    for stage in reversed(stages):
        if missing.intersection(stage.gives):
            chosen.append(stage)
            missing -= set(stage.gives)
            missing |= {*stage.needs, *stage.takes} - set(given)
    known = set(given)
    for stage in chosen[::-1]:
        _require(stage.needs, known, f"the stage '{stage.name}' needs")
        known |= set(stage.gives)
    _require(wanted, known, "asked for is")
    return chosen[::-1]


def _require(names: Sequence[str], known: set[str], why: str) -> None:
    if lacking := [name for name in names if name not in known]:
        raise ValueError(f"{why} {', '.join(map(repr, lacking))}, which no stage before it gives")
