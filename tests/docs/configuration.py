"""A block of YAML: are the classes that it names there, and do they take these arguments?"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import yaml

OTHERS = "mylab."
"""Where the pages put components of a reader's own."""


def check(code: str) -> None:
    """Hold every class path of a block, and its arguments, against the package.

    Raises:
        AssertionError: A class or an argument does not exist.
    """
    _check(yaml.safe_load(code))


def _check(content: Any) -> None:
    if not isinstance(content, dict):
        return
    path = content.get("class_path")
    if path is not None and not path.startswith(OTHERS):
        module, _, name = path.rpartition(".")
        known = set(inspect.signature(getattr(import_module(module), name)).parameters)
        stray = set(content.get("init_args", {})) - known
        assert not stray, f"{path} takes no {stray}"
    for value in content.values():
        _check(value)
