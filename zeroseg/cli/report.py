"""What commands print: progress, tables of results, time and cost."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from zeroseg.cli.options import listed
from zeroseg.cli.terminal import unguarded
from zeroseg.decoding import visible
from zeroseg.refinement.seen_things import things
from zeroseg.segmentation import Segmentation
from zeroseg.values import Trace, Usage


class Terminal(Console):
    """A console on whose tables, bars and lines the control characters of names do nothing."""

    def __init__(
        self, stderr: bool = False, width: int | None = None, stream: TextIO | None = None
    ) -> None:
        own = sys.stderr if stderr else sys.stdout
        super().__init__(file=unguarded(stream or own), width=width)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """See `Console.render`."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(visible(part.text), part.style)


def progress(console: Console) -> Progress:
    """A bar with a count, the time gone and the time to go."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


class Totals:
    """Time of each stage and cost of the language model, added up over pictures."""

    def __init__(self) -> None:
        self.pictures = 0
        self.seconds: dict[str, float] = {}
        self.usage = Usage()

    def add(self, trace: Trace) -> None:
        """Count one picture."""
        self.pictures += 1
        self.usage += trace.usage
        for stage, spent in trace.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def table(self) -> Table:
        """Seconds of each stage, and milliseconds a picture."""
        table = Table("stage", title="time", title_justify="left")
        table.add_column("seconds", justify="right")
        table.add_column("ms a picture", justify="right")
        for stage, spent in (*self.seconds.items(), ("all stages", sum(self.seconds.values()))):
            each = 1000 * spent / max(self.pictures, 1)
            table.add_row(stage, f"{spent:.2f}", f"{each:.0f}")
        return table

    def cost(self) -> str | None:
        """Calls, tokens and cost in a line; None where no language model was asked."""
        return cost(self.usage, self.pictures)


def cost(usage: Usage, pictures: int) -> str | None:
    """What a language model took, in all and for a picture; None where there was no question.

    Args:
        usage: Of all pictures together.
        pictures: How many.
    """
    if not (usage.calls or usage.cached or usage.refused):
        return None
    per = max(pictures, 1)
    price, each = "price unknown", ""
    if usage.cost is not None:
        price, each = f"${usage.cost:.4f}", f", ${usage.cost / per:.6f}"
    refused = ""
    if usage.refused:
        refused = f"; {usage.refused} questions refused: what they were about went unrefined"
    tokens = usage.prompt_tokens + usage.completion_tokens
    return (
        f"language model: {usage.calls} calls, {usage.cached} answers from the cache "
        f"({usage.cached_share:.1%}), {usage.prompt_tokens} tokens sent, "
        f"{usage.completion_tokens} received, {price}; "
        f"a picture: {usage.calls / per:.2f} calls, {tokens / per:.0f} tokens{each}{refused}"
    )


def shares(areas: Mapping[str, float]) -> str:
    """Classes with their share of the picture, such as "dog 23.1 %, boat 4.0 %"."""
    return ", ".join(f"{name} {share:.1%}" for name, share in areas.items()) or "nothing"


def shares_or_seen(result: Segmentation) -> str:
    """Classes with their share; where there are none, what the tags say is there instead."""
    seen = things(tag.name for tag in result.description.tags)
    said = f" of the list; seen: {listed(list(seen))}" if seen and not result.areas else ""
    return shares(result.areas) + said


def plain(words: str, style: str = "") -> Text:
    """Text in which brackets are brackets; control characters and line feeds are written out."""
    return Text(visible(words).replace("\n", "\\n"), style=style)


def say(console: Console, words: str, style: str = "") -> None:
    """Print a line as it is: brackets are brackets, and no terminal's width breaks it."""
    console.print(plain(words, style), soft_wrap=True)


def percent(value: float | None) -> str:
    """A share as a percentage; a dash for one that is not defined."""
    return f"{100 * value:.2f} %" if value is not None and value == value else "-"


def scores_table(results: Mapping[str, Any]) -> Table:
    """IoU, boundary IoU and accuracy of every class, and their means; things and stuff apart."""
    table = Table("class", title="scores", title_justify="left")
    for title in ("IoU", "boundary IoU", "accuracy"):
        table.add_column(title, justify="right")
    for name, iou in results["iou"].items():
        others = (results["boundary_iou_per_class"][name], results["accuracy"][name])
        table.add_row(plain(name), percent(iou), *map(percent, others))
    table.add_section()
    means = (results["miou"], results["boundary_iou"], results["mean_accuracy"])
    table.add_row(plain("mean", "bold"), *(plain(percent(value), "bold") for value in means))
    for kind in ("things", "stuff"):
        if (own := results.get(f"miou_{kind}")) is not None:
            table.add_row(plain(f"mean of {kind}"), percent(own))
    return table
