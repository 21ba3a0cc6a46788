"""Where weights come from: the hub, a folder, or the package itself."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from zeroseg.errors import CheckpointNotFound

_PACKAGED = "tiny:"


def locate(checkpoint: str | Path) -> str:
    """The folder or hub name behind a checkpoint's name.

    Args:
        checkpoint: A hub name, a folder, or "tiny:<model>" for a member of the tiny family that
            is part of the package.
    """
    name = str(checkpoint)
    if name.startswith(_PACKAGED):
        return str(resources.files("zeroseg.drawn") / "tiny" / name.removeprefix(_PACKAGED))
    return name


def load_pretrained(kind: Any, checkpoint: str | Path, component: str, **options: Any) -> Any:
    """`kind.from_pretrained` with an error that says what to do.

    Args:
        kind: A class of transformers with `from_pretrained`.
        checkpoint: See `locate`.
        component: Name of the class that asks, for the message.
        options: Passed on to `from_pretrained`.

    Raises:
        CheckpointNotFound: The checkpoint is neither here nor within reach.
    """
    try:
        return kind.from_pretrained(locate(checkpoint), **options)
    except OSError as error:
        raise CheckpointNotFound(str(checkpoint), component) from error
