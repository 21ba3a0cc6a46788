"""A block of Python that is not run: does it compile, and is what it calls there?"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

_UNKNOWN = object()


def check(code: str, known: Mapping[str, object]) -> None:
    """Compile a block, and hold its names and calls against the package.

    Args:
        code: The block.
        known: What earlier blocks of the page have defined.

    Raises:
        AssertionError: A name is not defined, or an attribute does not exist.
        TypeError: There is no such argument.
        ImportError: What is imported does not exist.
    """
    tree = ast.parse(code)
    names = {**vars(builtins), **known, **_assigned(tree), **dict(_imported(tree))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            assert node.id in names, f"{node.id} is not defined"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = _made(_value(node.value.func, names))
            names.update({t.id: made for t in node.targets if isinstance(t, ast.Name)})
        elif isinstance(node, ast.Call):
            _check_call(node, _value(node.func, names))


def _imported(tree: ast.AST) -> Iterator[tuple[str, object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(node.module or "")
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
                yield alias.asname or alias.name, getattr(module, alias.name)


def _assigned(tree: ast.AST) -> dict[str, object]:
    names = (n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not _is_read(n))
    return dict.fromkeys(names, _UNKNOWN)


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _value(node: ast.expr, names: Mapping[str, object]) -> Any:
    """What a name or an attribute of one is; unknown where only a run would tell."""
    if isinstance(node, ast.Name):
        return names.get(node.id, _UNKNOWN)
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, names)
        if inspect.isclass(owner) or inspect.ismodule(owner):
            assert hasattr(owner, node.attr), f"{owner.__name__} has no {node.attr}"
            return getattr(owner, node.attr)
    return _UNKNOWN


def _made(called: Any) -> object:
    """The class of what a class or its constructors return: enough to know its methods."""
    if inspect.isclass(called):
        return called
    return getattr(called, "__self__", _UNKNOWN) if inspect.ismethod(called) else _UNKNOWN


def _check_call(node: ast.Call, called: Any) -> None:
    if called is _UNKNOWN or (inspect.isclass(called) and called.__module__ == "builtins"):
        return
    signature = inspect.signature(called)
    words = {word.arg: word.value for word in node.keywords if word.arg is not None}
    signature.bind_partial(**dict.fromkeys(words))
    changes = signature.parameters.get("changes")
    if changes is not None and changes.kind is changes.VAR_KEYWORD:  # arguments of the constructor
        own = set(signature.parameters) | set(inspect.signature(called.__self__).parameters)
        assert set(words) <= own, f"{called.__qualname__} takes no {set(words) - own}"
