"""Files that are there whole or not at all, and folders that hold one run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zeroseg.errors import ZerosegError


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file in one step, so that nobody ever sees a part of it; missing folders are made.

    Where it cannot be written, nothing is left behind.

    Raises:
        OSError: It cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(partial, file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def check_same_run(place: object, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a folder that holds another run.

    Args:
        place: The folder, for the message.
        found: What the folder says of its run.
        wanted: What is to be run; both as JSON gives them back.

    Raises:
        ZerosegError: They differ; the message says in what.
    """
    changed = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    if changed:
        raise ZerosegError(
            f"'{place}' holds another run (it differs in {', '.join(changed)}); choose another "
            f"folder, or delete it"
        )
