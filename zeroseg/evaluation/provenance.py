"""Where a result comes from: code, weights, data."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

import zeroseg
from zeroseg.data.sample_data import SampleData
from zeroseg.evaluation.contamination import contamination
from zeroseg.evaluation.identity import weights
from zeroseg.evaluation.record import ImageRecord


def code() -> dict[str, str | None]:
    """Version of the package, and the commit where it runs from a checkout."""
    folder = Path(zeroseg.__file__).parent
    asked = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no git here: the version has to do
        return {"version": zeroseg.__version__, "commit": None}
    commit = answer.stdout.strip() if answer.returncode == 0 else None
    return {"version": zeroseg.__version__, "commit": commit}


def fingerprint(records: Iterable[ImageRecord]) -> str:
    """Digest of the pictures and annotations that were scored, whatever their order."""
    lines = sorted(f"{record.name} {record.digest}" for record in records)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def checkpoints(
    system: nn.Module, config: Mapping[str, Any] | None, data: SampleData
) -> list[dict[str, Any]]:
    """The checkpoints of a system's components, their digests and what they were trained on.

    Args:
        system: The segmenter.
        config: Its arguments, where it was built from any; they name the checkpoints.
        data: The data set that is scored.
    """
    described = data.describe().get("seed")
    seed = described if isinstance(described, int) else None
    rows = []
    for component, part in system.named_children():
        digest = weights(part)
        if not digest:
            continue
        name = _checkpoint((config or {}).get(component))
        known = contamination(name or "", data.title, seed)
        rows.append({"component": component, "checkpoint": name, "sha256": digest, **known})
    return rows


def _checkpoint(value: Any) -> str | None:
    """The first `checkpoint` or `model` in a component's arguments, however deep."""
    if not isinstance(value, Mapping):
        return None
    own = value.get("checkpoint")
    if isinstance(own, str):
        return own
    inner = (_checkpoint(part) for part in value.values())
    return next((name for name in inner if name), None)
