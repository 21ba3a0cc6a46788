"""Pages as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from zeroseg.decoding import visible
from zeroseg.evaluation.report.charts import Chart
from zeroseg.evaluation.report.content import (
    Block,
    Code,
    Facts,
    Figures,
    Fold,
    Legend,
    Matrix,
    Note,
    Page,
    Picture,
    Row,
    Table,
    shown,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
_LINK = re.compile(r":(?=//)|@|(?<=www)\.", re.IGNORECASE)
"""What makes a text a link or an address on pages such as GitHub's."""
_START = re.compile(r"^(\d*)([-+=.)])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = visible(" ".join(part.strip() for part in text.splitlines()))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINK.sub(lambda sign: f"&#{ord(sign[0])};", _SPECIAL.sub(r"\\\1", line))


def _paragraph(text: str) -> str:
    """The same as a paragraph: what would begin a list or underline a heading is text, too."""
    return _START.sub(r"\1\\\2", escaped(text))


def render(page: Page) -> str:
    """A page as a Markdown document."""
    lines = [f"# {escaped(page.title)}", ""]
    for section in page.sections:
        lines += [f"## {escaped(section.title)}", ""]
        lines += _blocks(section.blocks)
    return "\n".join(lines)


def _blocks(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)
        yield ""


def _block(block: Block) -> Iterator[str]:
    match block:
        case Table():
            yield from _table(block)
        case Figures():
            yield "| " + " | ".join(escaped(title) for title, _ in block.values) + " |"
            yield "|" + "---:|" * len(block.values)
            yield "| " + " | ".join(shown(value, "percent") for _, value in block.values) + " |"
        case Facts():
            for title, text in block.entries:
                yield f"- **{escaped(title)}**: {escaped(text)}"
        case Matrix():
            yield "The whole confusion matrix is in `report.html`; the counts in `results.json`."
        case Picture() | Chart():
            yield f"![{escaped(block.caption)}]({quote(block.file)})"
            yield ""
            yield _paragraph(block.caption)
        case Row():
            yield from _blocks(block.pictures)
        case Legend():
            for name, colour in block.entries:
                yield f"- {escaped(name)}: `#{bytes(colour).hex()}`"
        case Note():
            yield "**Note:** " + escaped(block.text) if block.warning else _paragraph(block.text)
        case Code():
            fence = "`" * max(3, 1 + _longest_run(block.text))
            yield f"{fence}{block.language}"
            yield block.text.rstrip("\n")
            yield fence
        case Fold():
            yield f"### {escaped(block.title)}"
            yield ""
            yield from _blocks(block.blocks)


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(escaped(column.title) for column in table.columns) + " |"
    yield "|" + "".join("---|" if c.kind in ("text", "verdict") else "---:|" for c in table.columns)
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        yield "| " + " | ".join(escaped(shown(v, column.kind)) for v, column in cells) + " |"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
