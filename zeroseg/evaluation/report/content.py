"""What a page holds, before it is Markdown or HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from PIL import Image

from zeroseg.decoding import visible
from zeroseg.evaluation.report.charts import Chart
from zeroseg.vocabulary import Color

Kind = Literal["text", "verdict", "percent", "bar", "points", "count", "number"]
"""How a value is shown. "percent" and "bar" are shares in [0, 1], "points" differences of shares,
both shown times 100; "count" is a whole number, "number" any other, with two decimals; "verdict" is
one word that is set off."""

DASH = "–"  # noqa: RUF001
"""Stands for what is not defined."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        kind: How its values are shown.
        key: Where rows are mappings, the entry that it shows; the title by default.
    """

    title: str
    kind: Kind = "text"
    key: str = ""

    def cell(self, row: Mapping[str, Any]) -> Any:
        """Its value in a row; None if the row has none."""
        return row.get(self.key or self.title)


@dataclass(frozen=True)
class Table:
    """Rows under columns, in the order in which they are to be read."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Figures:
    """A few large numbers: title and share in [0, 1]."""

    values: Sequence[tuple[str, float | None]]


@dataclass(frozen=True)
class Facts:
    """Short statements: title and text."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Matrix:
    """A square of shares in [0, 1], row by row; NaN in the row of a class that never occurs."""

    names: Sequence[str]
    shares: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Picture:
    """A picture of the run.

    Attributes:
        caption: What it shows.
        file: Its path relative to the page's folder; "" on a page that is HTML alone.
        image: The picture itself.
    """

    caption: str
    file: str
    image: Image.Image


@dataclass(frozen=True)
class Row:
    """Pictures side by side, as many as fit."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Legend:
    """What colours mean: name and colour."""

    entries: Sequence[tuple[str, Color]]


@dataclass(frozen=True)
class Note:
    """A paragraph; `warning` sets it off."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Code:
    """Text shown as it is."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Fold:
    """Blocks that open on demand; `open`, and can be closed."""

    title: str
    blocks: Sequence[Block]
    open: bool = False


Block: TypeAlias = (
    "Table | Figures | Facts | Matrix | Picture | Row | Legend | Note | Code | Fold | Chart"
)


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    sections: Sequence[Section]


def shown(value: Any, kind: Kind) -> str:
    """A value as text; a dash for None, NaN and infinity."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return DASH
    if kind in ("percent", "bar"):
        return f"{100 * value:.2f}"
    if kind == "points":
        return f"{100 * value:+.2f}"
    if kind == "count":
        return f"{value:,}".replace(",", "\u202f")
    if kind == "number":
        return "< 0.01" if 0 < abs(value) < 0.01 else f"{value:.2f}"
    return plain(value)


def plain(value: Any) -> str:
    """Any JSON value as a line of text."""
    if value is None:
        return DASH
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {plain(part)}" for key, part in value.items()) or DASH
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or DASH
    return visible(str(value))
