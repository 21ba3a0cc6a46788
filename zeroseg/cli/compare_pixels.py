"""What `zeroseg compare` says of label maps, pixel by pixel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zeroseg.cli import options
from zeroseg.writing import write_whole

if TYPE_CHECKING:
    from rich.table import Table

    from zeroseg.cli.outlet import Outlet
    from zeroseg.comparing.difference import Difference
    from zeroseg.comparing.folders import Corrected, FolderComparison

_SHOWN = 10
"""Pictures and changes that are printed; files and JSON have all."""


def run(a: str, b: str, corrected: Corrected, output: str | None, outlet: Outlet) -> int:
    """Compare two folders, print what differs, and write it where that was asked for.

    Args:
        a: Result folder.
        b: Another one, or the same.
        corrected: Whose label maps are taken as a person left them.
        output: Folder for the numbers; None for none.
        outlet: What tells of pictures.

    Returns:
        The exit code: 1 where a picture could not be compared.
    """
    from zeroseg.cli.report import Terminal, progress
    from zeroseg.comparing.difference import Difference
    from zeroseg.comparing.folders import ComparedFolders, summary
    from zeroseg.export.results import Results

    folder = options.output_folder(output) if output else None
    compared, found = ComparedFolders(Results(a), Results(b), corrected), []
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("comparing", total=len(compared))
        for one in compared:
            found.append(one)
            bar.advance(task)
            if isinstance(one, Difference):
                outlet.picture(one.name, share=one.share, changes=_changes(one))
            else:
                outlet.failed(f"{one.name}: {one.message}")
                outlet.picture(one.name, one)
    whole = summary(compared, found)
    _print(whole)
    if folder is not None:
        numbers = json.dumps(whole.to_dict(), indent=2, ensure_ascii=False) + "\n"
        write_whole(folder / "compare.json", numbers)
    return 1 if whole.failures else 0


def _changes(one: Difference) -> list[dict[str, Any]]:
    return [change._asdict() for change in one.changes]


def _print(found: FolderComparison) -> None:
    from zeroseg.cli.report import Terminal, percent, say

    console = Terminal()
    console.print(_classes(found))
    for change in found.all.changes[:_SHOWN]:
        share = percent(change.pixels / found.all.total)
        say(console, f"{share} of the pixels: {change.a} (A), {change.b} (B)")
    for one in found.pictures[:_SHOWN]:
        if one.share:
            say(console, f"{percent(one.share)} of {one.name} differs")
    same = sum(not one.share for one in found.pictures)
    say(
        console,
        f"{percent(found.all.share)} of the pixels of {len(found.pictures)} pictures differ; equal "
        f"pictures: {same}; only in A: {len(found.only_a)}, only in B: {len(found.only_b)}",
    )


def _classes(found: FolderComparison) -> Table:
    from rich.table import Table

    from zeroseg.cli.report import percent, plain

    a, b = (
        f"{folder} (corrected)" if found.corrected in (side, "both") else folder
        for side, folder in (("a", found.a), ("b", found.b))
    )
    title = plain(f"A: {a}").append("\n").append(plain(f"B: {b}"))
    table = Table("class", title=title, title_justify="left")
    for heading in ("IoU of A and B", "pixels in A", "pixels in B"):
        table.add_column(heading, justify="right")
    for name, iou in found.all.ious.items():
        sides = (found.all.area(name, side) / found.all.total for side in (0, 1))
        table.add_row(plain(name), percent(iou), *map(percent, sides))
    return table
