"""The report of a comparison of two runs."""

from __future__ import annotations

from collections.abc import Sequence

from zeroseg.evaluation.compare import Change, Comparison
from zeroseg.evaluation.report.content import Block, Column, Facts, Note, Page, Section, Table

_IMAGES = 10

_SCORES = (
    Column("A, %", "percent"),
    Column("B, %", "percent"),
    Column("B - A", "points"),
    Column("from", "points"),
    Column("to", "points"),
)


def compare_page(comparison: Comparison) -> Page:
    """What changed from A to B: overall, for every class, and the images that moved most."""
    classes = sorted(comparison.classes.items(), key=lambda item: _rank(item[1]))
    sections = [
        Section("Result", _result(comparison)),
        Section(
            "Classes, the largest change first",
            [Table([Column("class"), *_SCORES], [_row(*item) for item in classes])],
        ),
        Section(
            "Images",
            [
                Note("Gained most:"),
                _images(comparison, comparison.gains(_IMAGES)),
                Note("Lost most:"),
                _images(comparison, comparison.losses(_IMAGES)),
            ],
        ),
    ]
    return Page(f"{comparison.a.system} (A) and {comparison.b.system} (B)", sections)


def _result(comparison: Comparison) -> list[Block]:
    only_a, only_b = comparison.left_out
    apart = [_row(f"mIoU of {kind}", change) for kind, change in comparison.apart.items()]
    return [
        Facts(
            [
                ("A", f"{comparison.a.system}, {comparison.a.folder}"),
                ("B", f"{comparison.b.system}, {comparison.b.folder}"),
                ("protocol", str(comparison.a.protocol["name"])),
                ("images compared", str(len(comparison.names))),
                ("left out", f"{only_a} that only A scored, {only_b} that only B scored"),
            ]
        ),
        Table([Column(""), *_SCORES], [_row("mIoU", comparison.miou), *apart]),
        Note(
            f"From and to: 95 % interval of the difference, paired bootstrap over images, "
            f"{comparison.resamples} resamples, seed {comparison.seed}. The differences are in "
            f"percentage points. A class that occurs in a single image has an interval without "
            f"width, which says nothing."
        ),
    ]


def _row(name: str, change: Change) -> tuple[str | float, ...]:
    return (name, change.a, change.b, *change.difference)


def _rank(change: Change) -> float:
    size = abs(change.difference.value)
    return -size if size == size else 1.0


def _images(comparison: Comparison, names: Sequence[str]) -> Block:
    if not names:
        return Note("None.")
    rows = [(name, a, b, b - a) for name in names for a, b in [comparison.images[name]]]
    return Table([Column("image"), *_SCORES[:3]], rows)
