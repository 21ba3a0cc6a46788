"""`zeroseg data`: is a data set complete, and how is it fetched?"""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import TYPE_CHECKING

from zeroseg.cli import options

if TYPE_CHECKING:
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.report import Terminal
    from zeroseg.data.check import Report
    from zeroseg.data.sample_data import SampleData

_EXAMPLES = """\
  zeroseg data check voc2012 VOCdevkit
  zeroseg data check cityscapes cityscapes --protocol paper
  zeroseg data check dram DRAM_processed --movement realism
  zeroseg data check coco81 coco --limit 100
  zeroseg data check coco-stuff coco --words segearth
  zeroseg data check folder drawn
  zeroseg data list

Data sets are read as their owners publish them; nothing is fetched. The check reads every picture
and mask, counts the pixels of each class, and names the first problem of each kind.

exit codes: 0 all is well; 1 there are problems; 2 no such data set was found"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "data", "look into a data set, or say how to fetch it", str(__doc__), _EXAMPLES
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    checked = actions.add_parser(
        "check",
        help="count what is there and name what is wrong",
        description="Count the pictures and classes of a data set and name what is wrong with it.",
    )
    checked.add_argument("name", metavar="NAME", help="as zeroseg data list says, or folder")
    options.add_output(checked)
    checked.add_argument("root", metavar="ROOT", help="its folder")
    checked.add_argument("--split", metavar="NAME", help="by default the one that is scored")
    checked.add_argument("--movement", metavar="NAME", help="of dram, such as realism")
    checked.add_argument("--words", metavar="LIST", help="names, compiled, segearth or sclip")
    checked.add_argument(
        "--protocol", default="standard", metavar="NAME", help="standard (the default) or paper"
    )
    checked.add_argument(
        "--limit",
        type=options.positive,
        metavar="N",
        help="look at N pictures only, the same ones every time",
    )
    listed = actions.add_parser("list", help="the data sets, and how to fetch them")
    options.add_output(listed)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Check a data set, or list them all."""
    if arguments.action == "list":
        return _list(arguments.outlet)
    given = {"split": arguments.split, "movement": arguments.movement, "words": arguments.words}
    chosen = {name: value for name, value in given.items() if value is not None}
    chosen["protocol"] = arguments.protocol
    return _check(arguments.outlet, arguments.name, arguments.root, arguments.limit, **chosen)


def _list(outlet: Outlet) -> int:
    from zeroseg.data.catalog import CATALOG

    for known in CATALOG.values():
        outlet.line(name=known.name, how_to_fetch=known.how_to_fetch())
        print(f"{known.name}: {known.how_to_fetch()}\n")
    return 0


def _check(outlet: Outlet, name: str, root: str, limit: int | None, **chosen: str) -> int:
    """Check a data set, or a part of it; `chosen` is for `open_data`."""
    from zeroseg.cli.report import Terminal, progress
    from zeroseg.data.catalog import entry, open_data
    from zeroseg.data.check import check
    from zeroseg.values import Failure

    known = entry(name)
    data = open_data(known.name, root, **chosen)
    found = len(data.dataset)
    if limit is not None:
        data.sample(limit)
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("reading", total=len(data.dataset))

        def looked(name: str, problems: list[tuple[str, str]]) -> None:
            failures = [Failure(name, kind, message) for kind, message in problems]
            outlet.picture(name, failures[0] if failures else None)
            bar.advance(task)

        report = check(data, looked)
    _print(Terminal(), data, report, found)
    if not report.problems:
        return 0
    print(f"\n{known.how_to_fetch()}")
    return 1


def _print(console: Terminal, data: SampleData, report: Report, found: int) -> None:
    from zeroseg.data.benchmark_data import BenchmarkData

    described = {k: v for k, v in data.describe().items() if k not in ("name", "count")}
    print(", ".join([data.title, *(f"{key} {value}" for key, value in described.items())]))
    expected = data.picture_count if isinstance(data, BenchmarkData) else None
    print(
        f"{found} pictures"
        + (f" of {expected} published" if expected not in (None, found) else "")
        + (f", {report.count} of them looked at" if report.count != found else "")
    )
    if report.annotated == 0 and not report.problems:
        print("no annotation is published for this split: it can be segmented, but not scored")
        return
    regions = "" if report.regions is None else f", {report.regions} single things"
    print(f"{report.annotated} with annotation{regions}")
    _print_classes(console, data, report)
    for note in data.notes:
        print(f"passed over: {note}")
    for problem in report.problems:
        print(f"{problem.kind}: {problem.count}, the first is {problem.first}")
    if not report.problems:
        print("no problems")


def _print_classes(console: Terminal, data: SampleData, report: Report) -> None:
    from rich.table import Table

    from zeroseg.cli.report import plain

    table = Table("class", title="what the truth holds", title_justify="left")
    table.add_column("id", justify="right")
    table.add_column("pixels", justify="right")
    table.add_column("share", justify="right")
    table.add_column("pictures", justify="right")
    pixels, total = report.pixels.tolist(), max(int(report.pixels.sum()), 1)
    for index, name in enumerate(data.vocabulary.names):
        shown = name if index in data.scored else f"{name} (not scored)"
        table.add_row(
            plain(shown),
            str(data.vocabulary.ids[index]),
            str(pixels[index]),
            f"{pixels[index] / total:.2%}",
            str(int(report.images[index])),
        )
    table.add_section()
    table.add_row("without a label", "", str(pixels[-1]), f"{pixels[-1] / total:.2%}", "")
    console.print(table)
