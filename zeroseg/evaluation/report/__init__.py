"""Reports for people: the same page as Markdown and as one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from zeroseg.evaluation.record import ImageRecord
from zeroseg.evaluation.report import html, markdown
from zeroseg.evaluation.report.charts import Bar, Chart, ablation_chart, waterfall
from zeroseg.evaluation.report.content import Column, Note, Page, Picture, Section, Table
from zeroseg.evaluation.report.run_page import run_page
from zeroseg.writing import write_picture, write_whole

__all__ = [
    "Bar",
    "Chart",
    "Column",
    "ablation_chart",
    "best_and_worst",
    "waterfall",
    "write_page",
    "write_report",
    "write_table_report",
]


def best_and_worst(records: Sequence[ImageRecord], count: int = 4) -> tuple[list[str], list[str]]:
    """Names of the images that went best and worst, by their own mIoU.

    Failed images are left out: they are listed as failures. No image is in both lists; of images
    that went alike, the one with more classes comes first.

    Args:
        records: Of all images.
        count: The most names in each list.

    Returns:
        The best, the best first, and the worst, the worst first.
    """
    whole = [r for r in records if r.failure is None and r.miou == r.miou]
    ranked = sorted(whole, key=lambda r: (-r.miou, -len(r.present), r.name))
    best = min(count, (len(ranked) + 1) // 2)
    worst = min(count, len(ranked) - best)
    return (
        [r.name for r in ranked[:best]],
        [r.name for r in reversed(ranked[len(ranked) - worst :])],
    )


def write_report(
    folder: Path,
    results: dict[str, Any],
    records: list[ImageRecord],
    panels: dict[str, Image.Image],
) -> None:
    """Write `report.md`, `report.html` and `panels/*.png` of a scored run.

    Args:
        folder: The run's folder.
        results: The content of its `results.json`.
        records: Of all its images.
        panels: A picture for each of the images that `best_and_worst` names; one without a
            picture is named only.
    """
    iou = {record.name: record.miou for record in records}
    best, worst = best_and_worst(records)
    files = _panel_files([*best, *worst])

    def show(name: str) -> Picture | Note:
        caption = f"{name}: mIoU {100 * iou[name]:.2f} %"
        if name not in panels:
            return Note(caption)
        return Picture(caption, files[name], panels[name])

    shown = {name: show(name) for name in files}
    for picture in shown.values():
        if isinstance(picture, Picture):
            write_picture(folder / picture.file, picture.image)
    page = run_page(results, [shown[name] for name in best], [shown[name] for name in worst])
    write_page(folder, page)


def write_table_report(
    folder: Path,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    charts: Sequence[Chart] = (),
    notes: Sequence[str] = (),
    name: str = "report",
) -> None:
    """Write a page with one table, such as an ablation, as `<name>.md` and `<name>.html`.

    Args:
        folder: Where to; charts have their PNG there.
        title: Of the page.
        columns: What the table shows of a row, see `Column`.
        rows: From top to bottom; what a row lacks is a dash.
        charts: Shown above the table.
        notes: Paragraphs below the table.
        name: Of the files, without suffix.
    """
    table = Table(columns, [[column.cell(row) for column in columns] for row in rows])
    sections = [Section("Overview", charts)] if charts else []
    sections.append(Section("Table", [table, *(Note(text) for text in notes)]))
    write_page(folder, Page(title, sections), name)


def write_page(folder: Path, page: Page, name: str = "report") -> None:
    """Write a page as `<name>.md` and `<name>.html`."""
    _write(folder / f"{name}.md", markdown.render(page))
    _write(folder / f"{name}.html", html.render(page))


def _panel_files(names: Sequence[str]) -> dict[str, str]:
    """A file for each image, told from each other and safe whatever the images are called."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:80] or "image"
        unique, number = stem, 2
        while unique.casefold() in taken:
            unique, number = f"{stem}-{number}", number + 1
        taken.add(unique.casefold())
        files[name] = f"panels/{unique}.png"
    return files


def _write(file: Path, text: str) -> None:
    """Write a text file; what UTF-8 cannot hold, such as odd file names, is marked."""
    write_whole(file, text)
