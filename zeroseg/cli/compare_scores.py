"""What `zeroseg compare` says of scores: differences of classes, with intervals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zeroseg.cli import options
from zeroseg.writing import write_whole

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from zeroseg.cli.outlet import Outlet
    from zeroseg.evaluation.compare import Change, Comparison

_IMAGES = 5


def run(a: str, b: str, resamples: int, seed: int, output: str | None, outlet: Outlet) -> int:
    """Compare two folders, print the table, and write it where that was asked for.

    Args:
        a: Result folder.
        b: Result folder whose gain or loss is asked for.
        resamples: Draws of the paired bootstrap.
        seed: Of the draws.
        output: Folder for numbers and pages; None for none.
        outlet: What tells of pictures.

    Returns:
        The exit code.
    """
    from zeroseg.evaluation.compare import compare

    folder = options.output_folder(output) if output else None
    found = compare(a, b, resamples, seed)
    _print(found)
    numbers = json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n"
    if folder is not None:
        from zeroseg.evaluation.report import write_page
        from zeroseg.evaluation.report.compare_page import compare_page

        write_whole(folder / "compare.json", numbers)
        write_page(folder, compare_page(found), "compare")
        print(f"report in {folder / 'compare.html'}")
    for name, (of_a, of_b) in found.images.items():
        outlet.picture(name, a=of_a, b=of_b)
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
