"""`zeroseg compare`: two result folders, side by side."""

from __future__ import annotations

import argparse
import json
import os
from argparse import Namespace
from typing import TYPE_CHECKING

from zeroseg.cli import compare_pixels, options
from zeroseg.writing import write_whole

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from zeroseg.evaluation.compare import Change, Comparison

_EXAMPLES = """\
  zeroseg compare runs/full runs/without-points
  zeroseg compare runs/a runs/b --resamples 5000 --seed 1 --json
  zeroseg compare runs/a runs/b --output runs/a-b
  zeroseg compare out/monday out/tuesday --json
  zeroseg compare runs/a out/b --pixels

A and B are folders that zeroseg test or zeroseg score wrote, over the same data set with the same
classes and protocol. Only the images that both scored are compared. The interval says what other
images of the same kind might have given; one that leaves 0 out is more than chance.

Without scores, or with --pixels, their label maps are compared: which pixels differ, and what
became of each class. Such folders are of zeroseg segment, test or batch, and may have different
classes, which are matched by name. The most different pictures are told first; the exit code is 1
where one cannot be compared. The page of zeroseg app --results A --results B shows the pixels."""

_IMAGES = 5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "compare", "compare two result folders", str(__doc__), _EXAMPLES
    )
    parser.add_argument("a", metavar="A", help="result folder")
    parser.add_argument("b", metavar="B", help="result folder whose gain or loss is asked for")
    parser.add_argument(
        "--resamples",
        type=options.positive,
        default=2000,
        metavar="N",
        help="draws of the paired bootstrap over images (default: 2000)",
    )
    parser.add_argument(
        "--seed", type=options.natural, default=0, metavar="S", help="of the draws (default: 0)"
    )
    parser.add_argument(
        "--pixels", action="store_true", help="compare label maps, also where there are scores"
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder for compare.json, and for scores compare.md and compare.html",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Compare, print the table, and write what was asked for."""
    a, b = arguments.a, arguments.b
    if arguments.pixels or not (_is_scored(a) or _is_scored(b)):
        return compare_pixels.run(a, b, arguments.output, arguments.outlet)
    return _run_scores(arguments)


def _is_scored(folder: str) -> bool:
    """Whether a run of `test` or `score` lies there, finished or not; `batch` keeps a manifest."""
    begun = os.path.isfile(os.path.join(folder, "run.json"))
    return begun and not os.path.isdir(os.path.join(folder, "manifest"))


def _run_scores(arguments: Namespace) -> int:
    from zeroseg.evaluation.compare import compare

    output = options.output_folder(arguments.output) if arguments.output else None
    found = compare(arguments.a, arguments.b, arguments.resamples, arguments.seed)
    _print(found)
    numbers = json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        from zeroseg.evaluation.report import write_page
        from zeroseg.evaluation.report.compare_page import compare_page

        write_whole(output / "compare.json", numbers)
        write_page(output, compare_page(found), "compare")
        print(f"report in {output / 'compare.html'}")
    for name, (a, b) in found.images.items():
        arguments.outlet.picture(name, a=a, b=b)
    return 0


def _print(found: Comparison) -> None:
    from zeroseg.cli.report import Terminal, percent, say

    console = Terminal()
    console.print(_table(found))
    for title, names in (("gained", found.gains(_IMAGES)), ("lost", found.losses(_IMAGES))):
        for name in names:
            a, b = found.images[name]
            say(console, f"{title}: {name} {percent(a)} -> {percent(b)}")
    only_a, only_b = found.left_out
    value, low, high = found.miou.difference
    say(
        console,
        f"mIoU {percent(found.miou.a)} (A) and {percent(found.miou.b)} (B), difference "
        f"{_points(value)} [{_points(low)}, {_points(high)}] points over {len(found.names)} "
        f"images; left out: {only_a} of A, {only_b} of B",
    )


def _table(found: Comparison) -> Table:
    from rich.table import Table

    from zeroseg.cli.report import plain

    a, b = (f"{run.system} ({run.folder})" for run in (found.a, found.b))
    title = plain(f"A: {a}").append("\n").append(plain(f"B: {b}"))
    table = Table("class", title=title, title_justify="left")
    for heading in ("IoU of A", "IoU of B", "B - A", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, change in found.classes.items():
        table.add_row(plain(name), *_cells(change))
    table.add_section()
    table.add_row(plain("mIoU", "bold"), *_cells(found.miou))
    for kind, change in found.apart.items():
        table.add_row(plain(f"mIoU of {kind}"), *_cells(change))
    return table


def _cells(change: Change) -> tuple[Text, ...]:
    from zeroseg.cli.report import percent, plain

    value, low, high = change.difference
    interval = f"{_points(low)} to {_points(high)}" if low == low else "-"
    return tuple(map(plain, (percent(change.a), percent(change.b), _points(value), interval)))


def _points(difference: float) -> str:
    """A difference of shares in percentage points; a dash for one that is not defined."""
    return f"{100 * difference:+.2f}" if difference == difference else "-"
