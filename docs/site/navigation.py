"""The sidebar: every page of the site is somewhere in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("navigation.yaml")

REST = "More"
"""The section of pages that no other one names."""


def toctrees(pages: Collection[str]) -> Iterator[tuple[str, str]]:
    """What has to be appended to pages so that all are reachable from the first one.

    Args:
        pages: Their paths on the site, without suffix.

    Yields:
        A page, and the directive to append to it.
    """
    named = {"index"}
    for caption, entries in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items():
        folders = dict(next(iter(each.items())) for each in entries if isinstance(each, dict))
        section = [each if isinstance(each, str) else next(iter(each)) for each in entries]
        yield "index", _toctree(section, caption)
        named.update(section)
        for page, folder in folders.items():
            pattern, _, hidden = folder.partition(" ")
            under = sorted(each for each in pages if fnmatch(each, pattern) and each != page)
            yield page, _toctree(under, hidden=bool(hidden))
            named.update(under)
    if rest := sorted(set(pages) - named):
        yield "index", _toctree(rest, REST)


def _toctree(pages: list[str], caption: str | None = None, *, hidden: bool = True) -> str:
    options = [":titlesonly:", *([":hidden:"] if hidden else [])]
    options += [f":caption: {caption}"] if caption else []
    lines = [*options, "", *(f"/{page}" for page in pages)]
    return "\n```{toctree}\n" + "\n".join(lines) + "\n```\n"
