"""What documents say of the house is so: its map, where things go, and where errors are caught."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import zeroseg
from tests.test_imports import ORDER

ROOT = Path(__file__).parent.parent
PACKAGE = Path(zeroseg.__file__).parent


def section(file: str, start: str, end: str) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    return text[text.index(start) : text.index(end, text.index(start))]


def paths(text: str) -> list[str]:
    """The files and folders that a text names."""
    return re.findall(r"`([\w/]+(?:/|\.\w+))`", text)


def test_the_map_shows_every_room_in_the_order_of_imports() -> None:
    shown = paths(section("docs/architecture.md", "| where |", "## Where"))
    assert [path.removesuffix("/").removesuffix(".py") for path in shown] == list(ORDER)
    assert all((PACKAGE / path).exists() for path in shown)


def test_where_things_go_is_there() -> None:
    named = [p for p in paths(section("docs/architecture.md", "## Where", "## Rules")) if "/" in p]
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def broad(file: Path) -> Iterator[str]:
    """The lines of a file that catch every error there is and go on."""
    text = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            kinds = ast.unparse(node.type) if node.type else "BaseException"
            goes_on = ast.unparse(node.body[-1]) != "raise"
            if goes_on and re.search(r"\b(Base)?Exception\b", kinds):
                yield text.splitlines()[node.lineno - 1]


def test_a_broad_except_stands_at_a_boundary_and_says_why() -> None:
    said = paths(section("CONTRIBUTING.md", "- Errors say what to do", "`tests/test_house.py`"))
    unused = set(said)
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE).as_posix()
        for line in broad(file):
            allowed = [p for p in said if place == p or (p.endswith("/") and place.startswith(p))]
            assert allowed, f"{place} catches everything, and CONTRIBUTING.md does not say so"
            assert "#" in line, f"{place}: {line.strip()} does not say why"
            unused.difference_update(allowed)
    assert unused == set()
