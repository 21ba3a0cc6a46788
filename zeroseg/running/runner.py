"""Takes batches through stages: timed, failing alone, waiting nowhere for longer than it must."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import torch

from zeroseg.errors import ComponentError
from zeroseg.running.in_flight import Job
from zeroseg.running.item import Item
from zeroseg.running.stage import Stage, needed
from zeroseg.running.stage_cache import StageCache
from zeroseg.running.stage_event import OnStage, StageEvent
from zeroseg.running.transfer import wait_for
from zeroseg.running.waiting import submit


class Runner:
    """Works the stages of a system for batches of images.

    Args:
        stages: In the order they are worked.
        device: Where they compute; the end of its work is waited for when a stage is timed.
        fatal: Errors that concern every image alike: they are raised, not reported.
        cache: Answers that systems run side by side share; with one, all is worked here.
        on_stage: Who watches; each image has a "name" then.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        device: torch.device,
        fatal: tuple[type[Exception], ...] = (),
        cache: StageCache | None = None,
        on_stage: OnStage | None = None,
    ) -> None:
        self.stages = tuple(stages)
        self.device = device
        self.fatal = fatal
        self.cache = cache
        self.on_stage = on_stage

    def run(self, given: Mapping[str, Sequence[Any]], wanted: Sequence[str]) -> Sequence[Item]:
        """Take a batch to its end; see `begin`."""
        return self.begin(given, wanted, in_flight=False).finish()

    def run_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Work all stages for items that are on their way."""
        plan = [stage for stage in self.stages if not stage.early]
        return Job(items, self._steps(plan, items)).finish()

    def begin(
        self, given: Mapping[str, Sequence[Any]], wanted: Sequence[str], in_flight: bool = True
    ) -> Job:
        """Start a batch, and go as far as there is no waiting.

        Args:
            given: What is known of the B images, by name.
            wanted: Names of the values that are asked for.
            in_flight: Whether other batches are worked on while this one waits.

        Returns:
            A job that ends in B items, each with what is wanted or with what it failed with.
        """
        count = len(next(iter(given.values())))
        items = [Item({name: own[i] for name, own in given.items()}) for i in range(count)]
        plan = self._plan(tuple(given), wanted, in_flight)
        return Job(items, self._steps(plan, items))

    def _plan(self, given: Sequence[str], wanted: Sequence[str], in_flight: bool) -> list[Stage]:
        plan = needed(self.stages, given, wanted)
        waiting = in_flight and any(self._waits(stage) for stage in plan)
        if waiting or self.cache is not None:
            return plan
        return [stage for stage in plan if not stage.early]

    def _waits(self, stage: Stage) -> bool:
        return stage.waits and self.cache is None

    def _steps(self, plan: Sequence[Stage], items: Sequence[Item]) -> Iterator[Future[None]]:
        """Work stage after stage; yields what has to end before the next one can begin.

        A stage begins as soon as what it needs is there, which may be while others are under way.
        """
        under_way: dict[str, Future[None]] = {}
        for stage in plan:
            for name in (*stage.needs, *stage.takes):
                if name in under_way:
                    yield under_way.pop(name)
            if self._waits(stage) and not self._needs_no_work(stage, items):
                future = submit(partial(self._work, stage, items))
                under_way.update(dict.fromkeys(stage.gives, future))
            else:
                self._work(stage, items)
        yield from dict.fromkeys(under_way.values())

    def _needs_no_work(self, stage: Stage, items: Sequence[Item]) -> bool:
        well = _well(items)
        try:
            return not well or stage.shortcut(*_inputs(stage, well)) is not None
        except Exception:  # `_work` meets it again, where it is reported
            return False

    def _work(self, stage: Stage, items: Sequence[Item]) -> None:
        """Work a stage for all items that are well, and tell whoever watches."""
        well = _well(items)
        self._tell(stage, well, ended=False)
        self._try(stage, well)
        self._tell(stage, well, ended=True)

    def _tell(self, stage: Stage, items: Sequence[Item], ended: bool) -> None:
        if self.on_stage is None:
            return
        for item in items:
            spent, values = item.seconds.get(stage.name), dict(item.values)
            self.on_stage(StageEvent(stage.name, ended, stage.gives, values, spent, item.error))

    def _try(self, stage: Stage, well: Sequence[Item]) -> None:
        """Work a stage for items; if it fails, for one after the other."""
        if not well:
            return
        try:
            self._answer(stage, well)
        except self.fatal:
            raise
        except Exception as error:  # the one boundary: whatever a component raises is reported
            told = isinstance(error, ComponentError)  # asking again would be told the same
            for item in well:
                if len(well) == 1 or (told and not self._needs_no_work(stage, [item])):
                    item.fail(stage.name, error)
                else:
                    self._try(stage, [item])

    def _answer(self, stage: Stage, items: Sequence[Item]) -> None:
        inputs = _inputs(stage, items)
        answers, seconds = self._ask(stage, inputs)
        wrong = stage.check(inputs, answers)
        for position, item in enumerate(items):
            if position in wrong:
                item.fail(stage.name, wrong[position])
                continue
            own = tuple(given[position] for given in answers)
            item.values.update(zip(stage.gives, own, strict=True))
            if stage.timed:
                spent = item.seconds.get(stage.name, 0.0)
                item.seconds[stage.name] = spent + seconds / len(items)

    def _ask(
        self, stage: Stage, inputs: Sequence[Sequence[Any]]
    ) -> tuple[tuple[Sequence[Any], ...], float]:
        """What a stage answers, and the seconds it took to the end of its work on the device."""

        def work() -> tuple[tuple[Sequence[Any], ...], float]:
            start = time.perf_counter()
            answers = stage.shortcut(*inputs)
            if answers is None:
                answers = stage(*map(list, inputs))  # a component may empty what it is given
            if not stage.waits:
                wait_for(self.device)
            _check_counts(stage, answers, len(inputs[0]))
            return answers, time.perf_counter() - start

        return work() if self.cache is None else self.cache.ask(stage, inputs, work)


def _well(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.error is None]


def _inputs(stage: Stage, items: Sequence[Item]) -> list[list[Any]]:
    needs = [[item.values[name] for item in items] for name in stage.needs]
    takes = [
        [item.values.get(name, other) for item in items] for name, other in stage.takes.items()
    ]
    return needs + takes


def _check_counts(stage: Stage, answers: Any, count: int) -> None:
    """Refuse another number of answers than there are images.

    Raises:
        ComponentError: What the component returned is no sequence, or of another length.
    """
    if not isinstance(answers, tuple) or len(answers) != len(stage.gives):
        expected = f"a tuple of {len(stage.gives)}: {', '.join(stage.gives)}"
        raise ComponentError(stage.describe(), expected, repr(answers)[:80])
    for name, given in zip(stage.gives, answers, strict=True):
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise ComponentError(
                stage.describe(), f"a sequence of {count} {name}", repr(given)[:80]
            )
        if len(given) != count:
            raise ComponentError(stage.describe(), f"{count} {name}", f"{len(given)}")
