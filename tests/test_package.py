from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import zeroseg

HEAVY = ("torch", "numpy", "lightning", "transformers", "openai", "PIL", "jsonargparse")


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


@pytest.mark.parametrize("name", [n for n in zeroseg.__all__ if n != "__version__"])
def test_every_public_name_resolves_and_has_a_docstring(name: str) -> None:
    assert getattr(zeroseg, name).__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(zeroseg.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert seen == set(zeroseg.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Segmentor"):
        _ = zeroseg.Segmentor


def test_the_version_is_the_distributions() -> None:
    assert metadata.version("zeroseg") == zeroseg.__version__
