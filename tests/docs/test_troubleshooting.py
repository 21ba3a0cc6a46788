"""The page of messages quotes what the package really says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zeroseg
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
QUOTED = [
    message
    for section in PAGE.split("\n## ")
    if "| message |" in section
    for message in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
]


def texts(file: Path) -> Iterator[str]:
    """The texts in a file, with "…" for what is put into them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def said() -> str:
    """Every text of the package."""
    files = sorted(Path(zeroseg.__file__).parent.rglob("*.py"))
    return "\n".join(text for file in files for text in texts(file))


@pytest.mark.parametrize("message", QUOTED)
def test_message_is_one_of_the_package(message: str, said: str) -> None:
    assert message in said


def test_many_are_quoted() -> None:
    assert len(QUOTED) > 30
