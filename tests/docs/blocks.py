"""Blocks of code in Markdown: fenced and indented, with what stands in their way of being run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md")),
)

LANGUAGES = {
    "python": "python", "sh": "shell", "bash": "shell", "console": "shell", "yaml": "yaml"
}  # fmt: skip
"""What a fence says, and what it means; an indented block without a fence is shell."""

_BLOCK = re.compile(
    r"(?:^<!-- needs: (?P<needs>[\w -]+) -->\n\n?)?"
    r"(?:^```(?P<fence>\w*)\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?:^ {4}\S[^\n]*\n)+))",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Path of its file within the repository.
        line: Number of its first line of code.
        language: "python", "shell" or "yaml".
        code: Its text.
        needs: Why a test cannot run it, as the comment above it says: `<!-- needs: weights -->`.
    """

    page: str
    line: int
    language: str
    code: str
    needs: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str) -> Iterator[Block]:
    """The blocks of Python, shell and YAML of a page, from top to bottom."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        part = "fenced" if found["indented"] is None else "indented"
        language = LANGUAGES.get(found["fence"] or "") if part == "fenced" else "shell"
        if language is not None:
            line = text.count("\n", 0, found.start(part)) + 1
            code = textwrap.dedent(found[part])
            yield Block(page, line, language, code, found["needs"])


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
