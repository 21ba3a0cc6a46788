"""Class paths of configurations: what is no component is known by its source, and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from zeroseg.errors import PresetError

_OURS = ("zeroseg", "torch")
"""Packages that run nothing of anybody's when they are imported, and that components come from."""

_Statement = ast.stmt | ast.excepthandler | ast.match_case


def named(path: object) -> Any:
    """What a class path means: a class, or a function that makes one. Its module is imported.

    Raises:
        PresetError: It means none; then nothing has been imported but what already was.
    """
    check_path(path)
    module, _, name = str(path).rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PresetError(f"there is no class '{path}': {error}") from error


def check_path(path: object) -> None:
    """Say whether a class path may be imported.

    A module runs its top level when it is imported. So one that is neither imported already nor of
    this package is read first: it has to define what the path names, or import it from where it is
    defined; a class has a base, as all components have, and a function says what it returns.

    Raises:
        PresetError: It may not.
    """
    module, _, name = str(path).rpartition(".")
    parts = str(path).split(".")
    if not module or not all(part.isidentifier() for part in parts):
        raise PresetError(
            f"there is no class '{path}'; a class path is such as mylab.detectors.MyDetector"
        )
    if module not in sys.modules and not _Sources().may_hold(module, name):
        raise PresetError(
            f"there is no class '{path}' that could be a component (its module has only been "
            f"looked for and into, not imported)"
        )


class _Sources:
    """Looks names up in modules as text, each once."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def may_hold(self, module: str, name: str) -> bool:
        """Whether a module defines or imports a class with a base, or a function, of this name."""
        if module.partition(".")[0] in _OURS:
            return True
        if (module, name) in self.seen:
            return False
        self.seen.add((module, name))
        spec = _spec(module)
        if spec is None:  # a method of a class that makes one, such as mylab.Sam.from_file
            outer, _, kind = module.rpartition(".")
            return bool(outer) and self.may_hold(outer, kind)
        return any(self._binds(one, name, spec) for one in _statements(_tree(spec).body))

    def _binds(self, one: _Statement, name: str, spec: ModuleSpec) -> bool:
        match one:
            case ast.ClassDef():
                return one.name == name and any(self._leads(base, spec) for base in one.bases)
            case ast.FunctionDef():
                makes = one.name == name and one.returns is not None
                return makes or one.name == "__getattr__"
            case ast.Assign():
                nodes = (node for target in one.targets for node in ast.walk(target))
                bound = {node.id for node in nodes if isinstance(node, ast.Name)}
                alias = isinstance(one.value, ast.Name | ast.Attribute) and name in bound
                return "__getattr__" in bound or (alias and self._leads(one.value, spec))
            case ast.ImportFrom():
                source = _imported_from(one, spec)
                names = {alias.asname or alias.name: alias.name for alias in one.names}
                wanted = name if "*" in names else names.get(name)
                if wanted is None or _spec(f"{source}.{wanted}") is not None:  # a module
                    return False
                return self.may_hold(source, wanted)
        return False

    def _leads(self, value: ast.expr, spec: ModuleSpec) -> bool:
        """Whether an expression may be a component; what only running it tells, may."""
        if isinstance(value, ast.Subscript):  # Generic[T]
            return self._leads(value.value, spec)
        if isinstance(value, ast.Name):
            return self.may_hold(spec.name, value.id)
        if isinstance(value, ast.Attribute):
            return self._through(value, spec)
        return isinstance(value, ast.Call)

    def _through(self, value: ast.Attribute, spec: ModuleSpec) -> bool:
        """Whether a module that is imported by name may hold an attribute, as in nn.Module."""
        module, _, name = ast.unparse(value).rpartition(".")
        for one in _statements(_tree(spec).body):
            if not isinstance(one, ast.Import | ast.ImportFrom):
                continue
            source = f"{_imported_from(one, spec)}." if isinstance(one, ast.ImportFrom) else ""
            for alias in one.names:
                called = alias.asname or alias.name
                if f"{module}.".startswith(f"{called}."):
                    rest = module.removeprefix(called)
                    return self.may_hold(f"{source}{alias.name}{rest}", name)
        return self.may_hold(spec.name, module.partition(".")[0])  # a class within a class


def _spec(module: str) -> ModuleSpec | None:
    """Where a module lies; its packages are not imported, as `find_spec` would."""
    spec, places, parts = None, None, module.split(".")
    for count in range(1, len(parts) + 1):
        called = ".".join(parts[:count])
        finders = [f for f in sys.meta_path if hasattr(f, "find_spec")]
        found = (finder.find_spec(called, places) for finder in finders)
        spec = next((one for one in found if one is not None), None)
        places = spec.submodule_search_locations if spec is not None else None
        if spec is None or (places is None and count < len(parts)):
            return None
    return spec


def _tree(spec: ModuleSpec) -> ast.Module:
    """The source of a module; nothing where it has none or is no Python."""
    try:
        if spec.origin is not None and spec.origin.endswith(".py"):
            return ast.parse(decode_source(Path(spec.origin).read_bytes()))
        return ast.parse(spec.loader.get_source(spec.name) or "")  # type: ignore[union-attr]
    except (AttributeError, ImportError, OSError, SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _statements(body: Sequence[_Statement]) -> Iterator[_Statement]:
    """What a module runs at its top level, within conditions too."""
    for one in body:
        yield one
        if not isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ("body", "orelse", "handlers", "finalbody", "cases"):
                yield from _statements(getattr(one, inner, ()))


def _imported_from(one: ast.ImportFrom, spec: ModuleSpec) -> str:
    if not one.level:
        return one.module or ""
    package = spec.name if spec.submodule_search_locations is not None else spec.parent or ""
    above = package.split(".")[: len(package.split(".")) - one.level + 1]
    return ".".join([*above, *([one.module] if one.module else [])])
