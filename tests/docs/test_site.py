"""The site is built without a warning, holds together, and asks nobody outside for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from docs.site.pages import ROOT, content, place
from docs.site.reference import public_names

LOADS = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
"""Elements for which a browser asks at once, and by which attribute."""
MADE = {"index.html", "search.html", "genindex.html", "py-modindex.html"}
"""The start page, and lists that Sphinx makes, which need no place in the sidebar."""


class Page(HTMLParser):
    """What of a built page has to do with others."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = {"", "top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if LOADS.get(tag) in given:
            self.loaded.append(given[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; a warning, an unknown reference too, would be an error."""
    folder = tmp_path_factory.mktemp("site")
    # In a process of its own: Sphinx loads modules a second time, which makes their classes others.
    command = [sys.executable, "-m", "docs.site.build", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """Every page by its path."""
    return {file.relative_to(site).as_posix(): Page(file) for file in site.rglob("*.html")}


def local(page: str, links: list[str]) -> Iterator[tuple[str, str]]:
    """The links of a page within the site: path and anchor."""
    for link in map(urlsplit, links):
        if not link.scheme and not link.netloc:
            path = os.path.normpath(os.path.join(os.path.dirname(page), link.path))
            yield (path if link.path else page), unquote(link.fragment)


def test_no_link_is_dead(site: Path, pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for path, anchor in local(name, page.links + page.loaded):
            assert (site / path).is_file(), f"{name} links to {path}"
            assert path not in pages or anchor in pages[path].ids, f"{name}: {path}#{anchor}"


def test_every_page_is_in_the_sidebar(site: Path, pages: dict[str, Page]) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    tree = start[start.index('class="sidebar-tree"') : start.index("</aside>")]
    shown = {path for path, _ in local("index.html", re.findall(r'href="([^"]+)"', tree))}
    assert set(pages) - shown <= MADE
    assert len(pages) > 100


def test_nothing_is_asked_outside(site: Path, pages: dict[str, Page]) -> None:
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    loaded = [each for page in pages.values() for each in page.loaded]
    loaded += re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", styles)
    assert [each for each in loaded if re.match(r"(?:https?:)?//", each)] == []


def test_the_start_page_is_the_readme(site: Path) -> None:
    start = re.sub(r"<[^>]+>", "", (site / "index.html").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for title in re.findall(r"^## (.+)$", readme, re.MULTILINE):
        assert title in start


def test_the_reference_has_every_public_name(site: Path, pages: dict[str, Page]) -> None:
    known = {name.path for name in public_names().values() if callable(name.value)}
    assert len(known) > 100
    assert known <= set().union(*(page.ids for page in pages.values()))


def test_code_in_docstrings_is_no_quotation(site: Path) -> None:
    for page in (site / "reference").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<blockquote>" not in text, f"{page.name}: write a colon before an indented block"


def test_a_link_off_the_site_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docs.site.pages.ROOT", tmp_path)
    (tmp_path / "setup.py").write_text("")
    page = tmp_path / "README.md"
    page.write_text("[there](setup.py)")
    assert place(page) == "index.md"
    with pytest.raises(ValueError, match=r"setup\.py, which is not on the site"):
        content(page)


def test_a_program_is_shown_with_its_docstring_as_text() -> None:
    title, said, code = content(ROOT / "examples/own_detector.py").decode().split("\n\n", 2)
    assert title == "# Own detector"
    assert said.startswith("Write your own detector")
    assert "```python\nfrom collections.abc import Sequence\n" in code


def test_links_lead_to_where_pages_lie() -> None:
    tiny = content(ROOT / "docs/tiny.md").decode()
    assert "](cards/sam.md)" in tiny
    assert "](models.md)" in content(ROOT / "README.md").decode()
    assert "](../contributing.md)" in content(ROOT / "docs/guides/add_a_backend.md").decode()
