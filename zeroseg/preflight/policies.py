"""Which licences weights may be under."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from zeroseg.errors import PresetError

POLICIES: Mapping[str, tuple[str, ...]] = {"permissive": ("apache-2.0", "mit", "bsd-*")}
"""Licences that each policy allows, by the names that model cards give them."""


def check_policy(policy: str | None) -> None:
    """Say whether there is such a policy.

    Raises:
        PresetError: There is none.
    """
    if policy is not None and policy not in POLICIES:
        names = ", ".join(map(repr, POLICIES))
        raise PresetError(f"licence is {policy!r}, expected {names}, or None for any")


def permits(policy: str, licence: str | None) -> bool:
    """Whether a policy allows a licence; one that is not known it does not."""
    named = (licence or "").strip().casefold()
    return any(fnmatchcase(named, allowed) for allowed in POLICIES[policy])
