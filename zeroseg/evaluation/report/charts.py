"""Charts for oracle and ablation reports: a PNG beside the page, and the same as inline SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zeroseg.errors import ZerosegError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _BASE, _GAIN, _LOSS, _REST = "#24292f", "#3b6fb6", "#2f9e63", "#c8553d", "#c9ced6"
_WIDTH = 7.4
"""Inches; at 100 pixels an inch, what a page shows."""


@dataclass(frozen=True)
class Chart:
    """A chart, drawn.

    Attributes:
        caption: What it shows.
        file: Name of the PNG.
        svg: The same picture, an <svg> element.
    """

    caption: str
    file: str
    svg: str


class Bar(NamedTuple):
    """A row of an ablation.

    Attributes:
        name: What was run.
        miou: Measured, in [0, 1].
        paper: The paper's figure, in [0, 1], where it has one.
        low: Lower end of the measured value's 95 % interval, where known.
        high: Upper end.
    """

    name: str
    miou: float
    paper: float | None = None
    low: float | None = None
    high: float | None = None


def waterfall(
    steps: Sequence[tuple[str, float]], path: Path, caption: str = "Where the mIoU goes"
) -> Chart:
    """Draw how the mIoU rises to 100 % as one stage after the other is replaced by the truth.

    Args:
        steps: Name and mIoU in [0, 1] that is reached: first as measured, then after each
            replacement, every one on top of those before. What then lacks to 1 is a bar of its own.
        path: The PNG to write.
        caption: What the chart shows.

    Raises:
        ZerosegError: There are no steps.
    """
    if not steps:
        raise ZerosegError("a waterfall needs at least the measured mIoU")
    (first, start), *rest = steps
    spans = [(first, 0.0, start)]
    for name, reached in rest:
        spans.append((name, spans[-1][2], reached))
    if spans[-1][2] < 1:
        spans.append(("what remains", spans[-1][2], 1.0))
    figure, axes = _canvas(max(2.4, 0.48 * len(spans) + 0.9))
    for row, (name, low, high) in enumerate(spans):
        measured, remains = row == 0, name == "what remains"
        color = _BASE if measured else _REST if remains else _GAIN if high >= low else _LOSS
        axes.barh(row, 100 * (high - low), left=100 * low, color=color, height=0.66)
        label = f"{100 * high:.2f}" if measured else f"{100 * (high - low):+.2f}"
        _label(axes, 100 * max(low, high), row, label)
        if row + 1 < len(spans):
            axes.plot([100 * high] * 2, [row + 0.33, row + 0.67], color=_INK, linewidth=0.8)
    _finish(axes, [name for name, _, _ in spans])
    return _save(figure, path, caption)


def ablation_chart(
    rows: Sequence[Bar], path: Path, caption: str = "mIoU of each row, with the figure of the paper"
) -> Chart:
    """Draw the mIoU of each row as a bar, and the paper's figure as a mark where there is one.

    Args:
        rows: From top to bottom.
        path: The PNG to write.
        caption: What the chart shows.

    Raises:
        ZerosegError: There are no rows.
    """
    if not rows:
        raise ZerosegError("a chart of an ablation needs rows")
    figure, axes = _canvas(max(2.4, 0.42 * len(rows) + 1.2))
    for place, bar in enumerate(rows):
        axes.barh(place, 100 * bar.miou, color=_BASE, height=0.62)
        end = 100 * bar.miou
        if bar.low is not None and bar.high is not None:
            axes.plot([100 * bar.low, 100 * bar.high], [place] * 2, color=_INK, linewidth=1.2)
            end = max(end, 100 * bar.high)
        if bar.paper is not None:
            at = 100 * bar.paper
            axes.plot([at, at], [place - 0.36, place + 0.36], color=_LOSS, linewidth=2.4)
            end = max(end, at)
        _label(axes, end, place, f"{100 * bar.miou:.2f}" if bar.miou == bar.miou else "undefined")
    _finish(axes, [bar.name for bar in rows])
    if any(bar.paper is not None for bar in rows):
        axes.plot([], [], color=_LOSS, linewidth=2.4, label="published")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    return _save(figure, path, caption)


def _canvas(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), dpi=100, layout="constrained")
    return figure, figure.add_subplot()


def _label(axes: Axes, x: float, row: int, text: str) -> None:
    axes.annotate(text, (x if x == x else 0, row), xytext=(4, 0), textcoords="offset points",
                  va="center", color=_INK, parse_math=False)  # fmt: skip


def _finish(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)))
    axes.set_yticklabels([_short(name) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("mIoU, %")
    axes.grid(axis="x", color=_REST, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= 42 else line[:41] + "…"


def _save(figure: Figure, path: Path, caption: str) -> Chart:
    import matplotlib as mpl

    figure.savefig(path, format="png")
    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return Chart(caption, path.name, svg)
