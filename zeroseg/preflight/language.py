"""The language models that a configuration asks a server for: named in one go, and looked for."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from zeroseg.errors import ChatError, MissingKeyError, PresetError
from zeroseg.preflight.components import Place, names_of, places, seeing, set_arguments
from zeroseg.preflight.findings import Finding, State

_SAME = ("model", "base_url", "api_key", "key_variable")
"""Arguments that make two language models one and the same."""


def asked(config: Mapping[str, Any]) -> list[Place]:
    """The language models of a configuration that a server answers for."""
    return [place for place in places(config) if hasattr(place.kind, "offers")]


def with_language_model(
    config: Mapping[str, Any], model: str | None, url: str | None
) -> dict[str, Any]:
    """A configuration whose every language model is another one.

    Args:
        config: Arguments of a segmenter.
        model: Name of the model at its server; None leaves the names.
        url: Address of the server; None leaves the addresses.

    Raises:
        PresetError: The system asks no server.
    """
    changes = {name: value for name, value in (("model", model), ("base_url", url)) if value}
    own = copy.deepcopy(dict(config))
    found = asked(own) if changes else []
    if changes and not found:
        raise PresetError(
            "--llm and --llm-url are for systems that ask a server (OpenAIChat); this one asks "
            "none: leave them out, or take another --model, such as large"
        )
    for place in found:
        set_arguments(own, place, changes)
    return own


def examined(config: Mapping[str, Any], kept: bool) -> tuple[dict[str, Any], list[Finding]]:
    """Ask each server whether it is there and knows its model.

    Args:
        config: Arguments of a segmenter.
        kept: Whether answers are kept from earlier runs, so that a server out of reach may not be
            needed.

    Returns:
        The configuration with the name of every model, also where the server was to choose, and
        what was found.
    """
    own = copy.deepcopy(dict(config))
    shown = {place.path for place in seeing(list(places(own)))}
    groups: dict[tuple[Any, ...], list[Place]] = {}
    for place in asked(own):
        key = (place.kind, *(str(place.arguments.get(name)) for name in _SAME))
        groups.setdefault(key, []).append(place)
    findings: list[Finding] = []
    for group in groups.values():
        model, found = _examine(group, kept, any(place.path in shown for place in group))
        findings += found
        for place in group if model else ():
            set_arguments(own, place, {"model": model})
    return own, findings


def _examine(group: list[Place], kept: bool, pictures: bool) -> tuple[str | None, list[Finding]]:
    subject = names_of(group)

    from zeroseg.chat.openai_chat import MODEL_VARIABLE

    def finding(state: State, says: str) -> Finding:
        return Finding("language model", subject, state, says)

    try:
        chat = group[0].kind(**group[0].arguments)
    except (MissingKeyError, ChatError) as error:
        return None, [finding("problem", str(error))]
    except (TypeError, ValueError):  # arguments that it does not take: building says so
        return None, []
    try:
        warnings = chat.check(pictures)
    except ChatError as error:
        named = group[0].arguments.get("model") or os.environ.get(MODEL_VARIABLE)
        if kept and named:  # all of its answers may be at hand
            return str(named), [finding("warning", str(error))]
        return None, [finding("problem", str(error))]
    said = [finding("warning", warning) for warning in warnings]
    return chat.model, [finding("ok", f"{chat.model} at {chat.address}"), *said]
