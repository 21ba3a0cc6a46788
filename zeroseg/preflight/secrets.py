"""Configurations as they are written down: without what opens doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zeroseg.server_address import shown_address


def without_secrets(value: Any, name: str = "") -> Any:
    """A configuration without keys and passwords: they are better taken from the environment.

    Args:
        value: The configuration, or a part of it.
        name: What the part is called.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(v, key) for key, v in value.items() if key != "api_key"}
    has_password = name == "base_url" and isinstance(value, str) and "@" in value
    return shown_address(value) if has_password else value
