"""What the package knows of checkpoints without asking the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from zeroseg import yaml_text
from zeroseg.preflight.files import WEIGHTS, parameters
from zeroseg.weights.checkpoints import locate

OURS = "apache-2.0"
"""The licence of the package, which its own weights are under, too."""

_TINY = "tiny:"


@dataclass(frozen=True)
class Known:
    """What the package knows of a checkpoint without asking; None for what it does not.

    Attributes:
        bytes: Of the files that are read, about.
        parameters: In the network, about.
        licence: As the repository's card says.
        gated: Whether the licence has to be accepted.
        source: Where that was read.
        dtype: What the components that take it load it as by default; see `needs.Checkpoint`.
    """

    bytes: int | None = None
    parameters: int | None = None
    licence: str | None = None
    gated: bool | None = None
    source: str | None = None
    dtype: str = "float32"


def known(name: str) -> Known:
    """What the package knows of a checkpoint: of its own by their files, else by its table."""
    if name.startswith(_TINY):
        return _packaged(Path(locate(name)))
    return Known(**_table().get(name, {}))


def known_names() -> list[str]:
    """Every checkpoint that the package knows, its own first."""
    own = sorted(path.name for path in Path(str(_FOLDER)).iterdir() if path.is_dir())
    return [*(f"{_TINY}{name}" for name in own), *_table()]


_FOLDER = resources.files("zeroseg.drawn") / "tiny"


def _packaged(folder: Path) -> Known:
    if not folder.is_dir():
        return Known()
    size = sum(file.stat().st_size for file in folder.iterdir())
    count = parameters(folder / WEIGHTS[0])
    return Known(size, count, OURS, gated=False, source="its files, and the card beside them")


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    table: dict[str, dict[str, Any]] = yaml_text.packaged("zeroseg.preflight", "checkpoints.yaml")
    return table
