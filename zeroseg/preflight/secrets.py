"""Configurations as they are written down: without what opens doors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from zeroseg.server_address import shown_address, without_passwords

_SECRET = re.compile(
    r"(?:^|[_-])(?:api[_-]?key|password|secret|token|authorization|cookies?|headers?)$",
    re.IGNORECASE,
)
"""Names of what opens doors, such as api_key and extra_headers."""


def without_secrets(value: Any, name: str = "") -> Any:
    """A configuration without keys, headers and passwords: the environment is a better place.

    Args:
        value: The configuration, or a part of it.
        name: What the part is called.
    """
    if isinstance(value, Mapping):
        kept = {key: v for key, v in value.items() if not _SECRET.search(str(key))}
        return {key: without_secrets(v, str(key)) for key, v in kept.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part, name) for part in value]
    if not isinstance(value, str):
        return value
    has_password = name == "base_url" and "@" in value
    return without_passwords(shown_address(value) if has_password else value)
