"""Whether a language model that is loaded here, and is to be shown pictures, can see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zeroseg.preflight.components import Place, seeing
from zeroseg.preflight.findings import Finding
from zeroseg.preflight.wanted import Wanted
from zeroseg.weights.needs import Checkpoint


def sights(found: Sequence[Place], wanted: Sequence[Wanted]) -> Iterator[Finding]:
    """A finding for each of them whose configuration is here, or is told of by the hub.

    A server's models are asked about where servers are; see `zeroseg.preflight.language`.
    """
    for place in seeing(found):
        sees = getattr(place.kind, "sees", None)
        own = [need for need in place.needs if isinstance(need, Checkpoint)]
        config = _config(own, wanted) if sees is not None else {}
        if sees is None or not config:
            continue
        subject = f"{place.name}: '{own[0].name}'"
        if sees(config):
            yield Finding("sight", subject, "ok", "takes pictures")
        else:
            says = (
                "reads text only, but it is to be shown pictures: take a checkpoint for images and "
                "text, such as Qwen/Qwen2.5-VL-3B-Instruct"
            )
            yield Finding("sight", subject, "problem", says)


def _config(needs: Sequence[Checkpoint], wanted: Sequence[Wanted]) -> Mapping[str, Any]:
    """The content of `config.json`, as far as it is known; empty where it is not."""
    for each in (own for own in wanted if own.held.checkpoint in needs):
        file = each.held.folder / "config.json" if each.held.folder is not None else None
        if file is not None and file.is_file():
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # damaged: whoever loads it says so
                return {}
            return content if isinstance(content, dict) else {}
        if each.remote is not None:
            return each.remote.config
    return {}
