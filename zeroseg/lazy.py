"""Names of a package that are loaded on first use, from the one table that type checkers read."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__`, as `__init__.pyi` beside it says.

    The stub holds nothing but `from module import name as name`, and types of what `__init__.py`
    itself defines. No name may be that of a module of the package: which of the two it means
    would depend on what was imported before.

    Args:
        package: Its `__name__`.
        file: Its `__file__`.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    home = {alias.name: node.module for node in imports for alias in node.names}
    defined = [node.target for node in stub.body if isinstance(node, ast.AnnAssign)]
    names = sorted(home) + [target.id for target in defined if isinstance(target, ast.Name)]

    def load(name: str) -> Any:
        if (module := home.get(name)) is None:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(module), name)

    return load, lambda: names, names
