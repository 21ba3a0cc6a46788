"""Pages of the reference: every public name, by the folder that it is of."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import zeroseg

_PACKAGE = Path(zeroseg.__file__).parent

_ALSO = {
    "zeroseg.testing": "contracts to test a component of your own by",
    "zeroseg.values": "what flows from stage to stage, beside what is in zeroseg itself",
}
"""Modules that are not in a stub, and are for people all the same."""

_INDEX = """\
# Reference

Every public name, from the docstrings. Import it as it is written here: what most programs need
from `zeroseg`, the rest from the folder it is in. {ref}`All of them in the order of the alphabet
<genindex>`.

| page | names |
|---|---|
"""


@dataclass(frozen=True)
class Name:
    """A public name.

    Attributes:
        path: As it is to be imported, "zeroseg.Sam".
        home: The module that defines it, "zeroseg.masking.sam".
    """

    path: str
    home: str

    @property
    def last(self) -> str:
        """Its last part, "Sam"."""
        return self.path.rpartition(".")[2]

    @property
    def documented(self) -> str:
        """The path it is documented by; words about a value are found where it is defined."""
        return self.path if callable(self.value) else f"{self.home}.{self.last}"

    @property
    def folder(self) -> str:
        """The package whose subject it is, "zeroseg.masking"; else the root."""
        folder = self.home.split(".")[1]
        return f"zeroseg.{folder}" if (_PACKAGE / folder).is_dir() else "zeroseg"

    @property
    def value(self) -> object:
        """What it names."""
        return getattr(import_module(self.home), self.last)


@cache
def public_names() -> Mapping[str, Name]:
    """The public names by their last part; one that the root has, too, is of the root."""
    stubs = sorted(_PACKAGE.rglob("__init__.pyi"), key=lambda stub: -len(stub.parts))
    return {found.last: found for stub in stubs for found in _listed(stub)}


def _listed(stub: Path) -> list[Name]:
    package = ".".join(stub.parent.relative_to(_PACKAGE.parent).parts)
    lines = ast.parse(stub.read_text(encoding="utf-8")).body
    imports = [line for line in lines if isinstance(line, ast.ImportFrom)]
    return [
        Name(f"{package}.{one.name}", _home(line.module or "", one.name))
        for line in imports
        for one in line.names
    ]


def _home(module: str, name: str) -> str:
    """The module of a name; the root's stub may name a folder, whose stub has it."""
    stub = _PACKAGE.parent / module.replace(".", "/") / "__init__.pyi"
    if not stub.is_file():
        return module
    return next(each.home for each in _listed(stub) if each.path == f"{module}.{name}")


def pages() -> dict[str, str]:
    """The pages by their path on the site."""
    folders: dict[str, list[Name]] = defaultdict(list)
    for name in sorted(public_names().values(), key=lambda name: name.last.lower()):
        folders[name.folder].append(name)
    made = {f"reference/{folder}.rst": _page(folder, folders[folder]) for folder in folders}
    also = {f"reference/{module}.rst": _module(module) for module in _ALSO}
    return {"reference/index.md": _index(folders), **made, **also}


def _page(folder: str, names: list[Name]) -> str:
    introduction = f"\n.. automodule:: {folder}\n   :no-members:\n"
    return _title(folder) + introduction + "".join(map(_entry, names))


def _module(module: str) -> str:
    listed = [name for name in public_names().values() if name.home == module]
    elsewhere = ", ".join(name.last for name in listed)
    options = f"   :members:\n   :exclude-members: {elsewhere}\n"
    return f"{_title(module)}\n.. automodule:: {module}\n{options}"


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n"


def _entry(name: Name) -> str:
    if inspect.isclass(name.value):
        kind = "exception" if issubclass(name.value, Exception) else "class"
        return f"\n.. auto{kind}:: {name.path}\n   :members:\n   :show-inheritance:\n"
    if callable(name.value):
        return f"\n.. autofunction:: {name.path}\n"
    return f"\n.. autodata:: {name.documented}\n   :no-value:\n"


def _index(folders: Mapping[str, list[Name]]) -> str:
    told = {folder: ", ".join(map(_link, folders[folder])) for folder in sorted(folders)}
    rows = [f"| [{page}]({page}.rst) | {what} |" for page, what in {**told, **_ALSO}.items()]
    return _INDEX + "\n".join(rows) + "\n"


def _link(name: Name) -> str:
    return f"{{py:obj}}`{name.last} <{name.documented}>`"
