"""A block of YAML: are the classes that it names there, and do they take these arguments?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import yaml

from zeroseg.weights.needs import arguments_of

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
        known = set(arguments_of(getattr(import_module(module), name)))
        stray = set(content.get("init_args", {})) - known
        assert not stray, f"{path} takes no {stray}"
    for value in content.values():
        _check(value)
