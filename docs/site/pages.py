"""Which files of the repository are pages of the site, and where each of them lies there."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent.parent

_TAKEN = (
    *("*.md", "docs/**/*.md", "docs/images/*.png", "benchmarks/README.md", "examples/*.py"),
    "examples/notebooks/*.py",
    "zeroseg/drawn/tiny/*/README.md",
)

_PLACES = (
    (r"README\.md", "index.md"),
    (r"CONTRIBUTING\.md", "contributing.md"),
    (r"CHANGELOG\.md", "changelog.md"),
    (r"docs/decisions/README\.md", "decisions/index.md"),
    (r"docs/((?:\w+/)*[\w-]+\.(?:md|png))", r"\1"),
    (r"benchmarks/README\.md", "benchmarks.md"),
    (r"examples/((?:notebooks/)?\w+)\.py", r"examples/\1.md"),
    (r"zeroseg/drawn/tiny/(\w+)/README\.md", r"cards/\1.md"),
)
"""Files by their path in the repository, and their path on the site."""

_LINK = re.compile(r"(?<=\]\()(?P<path>[\w./-]+\.(?:md|png|py))(?=[)#])")
_NEEDS = re.compile(r"^<!-- needs: [\w -]+ -->\n\n?", re.MULTILINE)


def place(file: Path) -> str | None:
    """Where a file of the repository lies on the site; None if it is not there."""
    path = file.relative_to(ROOT).as_posix()
    found = ((re.fullmatch(pattern, path), target) for pattern, target in _PLACES)
    return next((match.expand(target) for match, target in found if match), None)


def collected() -> Iterator[tuple[str, bytes]]:
    """Every file that the site takes from the repository.

    Yields:
        Its path on the site, and its content there.
    """
    for file in (file for pattern in _TAKEN for file in sorted(ROOT.glob(pattern))):
        if (path := place(file)) is not None:
            yield path, content(file)


def content(file: Path) -> bytes:
    """A file as it is on the site: a program with its docstring as text, links as they lead there.

    Raises:
        ValueError: It links to a file that is not on the site.
    """
    if file.suffix == ".png":
        return file.read_bytes()
    text = file.read_text(encoding="utf-8")
    if file.parent.name == "notebooks":
        return _notebook(file, text).encode()
    if file.suffix == ".py":
        return _program(file, text).encode()
    return _LINK.sub(lambda link: _moved(file, link["path"]), _NEEDS.sub("", text)).encode()


def cells(text: str) -> Iterator[tuple[str, str]]:
    """The cells of a notebook in the percent format: "markdown" or "python", and what is in them.

    The format is jupytext's: a line `# %%` begins a cell of code, `# %% [markdown]` one of text,
    whose lines are comments; what stands before the first one is the notebook's metadata.
    """
    found = re.split(r"^# %%( \[markdown\])?\n", text, flags=re.MULTILINE)[1:]
    for kind, body in zip(found[::2], found[1::2], strict=True):
        lines = re.sub(r"^# ?", "", body, flags=re.MULTILINE) if kind else body
        yield "markdown" if kind else "python", lines.strip("\n")


def _notebook(file: Path, text: str) -> str:
    """A notebook as a page; how it is opened is told after its title."""
    [(_, first), *others] = cells(text)
    title, _, lead = first.partition("\n")
    name = file.relative_to(ROOT).as_posix()
    how = f"`jupytext --to notebook {name}` makes a notebook of this page's source, `{name}`."
    parts = [own if kind == "markdown" else f"```python\n{own}\n```" for kind, own in others]
    return "\n\n".join([title, how, lead.strip("\n"), *parts]) + "\n"


def _moved(file: Path, link: str) -> str:
    """A link as it leads from the place of its file; one that leads nowhere as it is."""
    target = Path(os.path.normpath(file.parent / link))
    if not target.is_file():
        return link
    here, there = place(file), place(target)
    if here is None or there is None:
        raise ValueError(f"{file} links to {link}, which is not on the site; see {__name__}")
    return PurePosixPath(os.path.relpath(there, Path(here).parent)).as_posix()


def _program(file: Path, text: str) -> str:
    tree = ast.parse(text)
    end = tree.body[0].end_lineno
    code = "".join(text.splitlines(keepends=True)[end:]).lstrip()
    title = file.stem.replace("_", " ").capitalize()
    return f"# {title}\n\n{ast.get_docstring(tree)}\n\n```python\n{code}```\n"
