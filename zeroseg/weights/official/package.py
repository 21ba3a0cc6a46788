"""The authors' packages, which are optional and imported where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from zeroseg.errors import PackageNotFound


def import_official(module: str, package: str, component: str) -> Any:
    """A module of an authors' package.

    Args:
        module: Its full name.
        package: The package's name on the package index, for the message.
        component: Name of the class that asks, for the message.

    Raises:
        PackageNotFound: It is not installed, or something that it imports is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PackageNotFound(package, component, str(error)) from error
