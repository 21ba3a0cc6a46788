from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest

import zeroseg
from zeroseg import errors

HEAVY = ("torch", "numpy", "lightning", "transformers", "openai", "PIL", "jsonargparse")

ROOT = Path(zeroseg.__file__).parent
PACKAGES = [
    import_module(".".join(stub.parent.relative_to(ROOT.parent).parts))
    for stub in sorted(ROOT.rglob("__init__.pyi"))
]
"""Packages whose names are loaded on first use."""


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, zeroseg; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_embedded_models_need_no_package_that_they_do_not_use() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['openai', 'diskcache', 'ray', 'pycocotools']))\n"
        "from zeroseg import ZeroShotSegmenter\n"
        "ZeroShotSegmenter.from_preset('tiny-llm')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_resolves_and_has_a_docstring(package: ModuleType) -> None:
    names = [name for name in package.__all__ if name != "__version__"]
    assert sorted(package.__all__) == dir(package)
    assert all(getattr(package, name).__doc__ for name in names)
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute 'Segmentor'"):
        _ = package.Segmentor


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_a_modules_too(package: ModuleType) -> None:
    """Which of the two it meant would depend on what was imported before."""
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules.isdisjoint(package.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_stub_is_a_table_that_says_every_name_once(package: ModuleType) -> None:
    stub = ast.parse(Path(str(package.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    names = [alias for node in imports for alias in node.names]
    assert all(alias.name == alias.asname for alias in names)
    assert sorted(alias.name for alias in names) == [n for n in package.__all__ if n[0] != "_"]
    others = [type(node) for node in stub.body if node not in imports]
    assert set(others) <= {ast.Expr, ast.AnnAssign}


def test_all_errors_are_at_the_root() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert kinds
    assert kinds <= set(zeroseg.__all__)


def test_the_version_is_the_distributions() -> None:
    assert metadata.version("zeroseg") == zeroseg.__version__
