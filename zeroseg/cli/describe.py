"""`zeroseg describe`: what is in pictures, without any list of classes."""

from __future__ import annotations

import argparse
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, open_set, options

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.outputs import Picture, Plan
    from zeroseg.described_image import DescribedImage
    from zeroseg.segmenter import ZeroShotSegmenter
    from zeroseg.values import Failure

_EXAMPLES = """\
  zeroseg draw --count 6 --output drawn
  zeroseg describe drawn/images
  zeroseg describe drawn/images --output seen --json
  zeroseg describe photos --model large
  zeroseg segment photos --model large --labels auto    a label for every pixel of what is seen

The tagger's tags, the caption, and boxes: the detector is asked for what the tags name, each thing
by one word. No list of classes is needed, and no language model is asked.
With --output, two files are written for every picture: NAME.overlay.png (the picture with its
boxes) and NAME.json; without it, none.
A picture that cannot be read is reported and skipped; the exit code is then 1."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "describe", "say what is in pictures", str(__doc__), _EXAMPLES
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="file, folder, or pattern such as '*.png'"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="folder for overlays and JSON; by default none is written"
    )
    model_options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Describe the pictures; see `zeroseg.cli.main.main` for the exit code."""
    model = options.given(model_options.ModelOptions, arguments)
    config = open_set.for_describing(model.config(), model.model)
    model.target()
    from zeroseg.cli.outputs import announced, plan

    output = options.output_folder(arguments.output) if arguments.output is not None else None
    planned = announced(plan(arguments.paths, output), arguments.outlet)
    model.say_limits()
    return _Run(open_set.built(model, config), planned, output, arguments.outlet).go()


class _Run:
    """Goes through the pictures, tells of each at once, and sums up."""

    def __init__(
        self, segmenter: ZeroShotSegmenter, planned: Plan, output: Path | None, outlet: Outlet
    ) -> None:
        from zeroseg.cli.report import Totals

        self.segmenter, self.pictures = segmenter, planned.pictures
        self.output, self.outlet = output, outlet
        self.failures = list(planned.failures)
        self.rows: list[tuple[str, ...]] = []
        self.totals = Totals()

    def go(self) -> int:
        """Describe everything, print the summary, return the exit code."""
        from zeroseg.cli.report import Terminal, progress

        try:
            with progress(Terminal(stderr=True)) as bar:
                task = bar.add_task("describing", total=len(self.pictures))
                results = self.segmenter.describe_stream(own.source for own in self.pictures)
                for picture, result in zip(self.pictures, results, strict=True):
                    self._keep(picture, result)
                    bar.advance(task)
        finally:
            self._print_summary()
        return 1 if self.failures else 0

    def _keep(self, picture: Picture, result: DescribedImage | Failure) -> None:
        from zeroseg.cli.outputs import printable, saved
        from zeroseg.values import Failure

        name = printable(picture.source)
        result = replace(result, name=name)
        if self.output is not None and not isinstance(result, Failure):
            result = saved(result, picture.base) or result
        if isinstance(result, Failure):
            self.failures.append(result)
            self.outlet.failed(f"{name}: {result.message}")
            self.outlet.picture(name, result)
            return
        told = result.to_dict()
        self.outlet.picture(told.pop("name"), **told)
        self.totals.add(result.trace)
        self.rows.append(_row(result))

    def _print_summary(self) -> None:
        from rich.table import Table

        from zeroseg.cli.report import Terminal, plain, say

        table = Table("picture", "found", "tags", "caption")
        table.add_column("seconds", justify="right")
        for row in self.rows:
            table.add_row(*map(plain, row))
        for failure in self.failures:
            table.add_row(plain(failure.name), plain(f"failed at {failure.stage}", "red"))
        console = Terminal()
        console.print(table)
        if self.rows:
            console.print(self.totals.table())
        where = f"; results in {self.output}" if self.output is not None else ""
        say(console, f"{len(self.rows)} described, {len(self.failures)} failed{where}")


def _row(seen: DescribedImage) -> tuple[str, ...]:
    """Name, numbers of what was found, tags, caption and seconds."""
    found = ", ".join(f"{word} {count}" for word, count in seen.found.items())
    tags = ", ".join(tag.name for tag in seen.description.tags)
    seconds = sum(seen.trace.seconds.values())
    return seen.name, found or "nothing", tags, seen.description.caption or "", f"{seconds:.2f}"
