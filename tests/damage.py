"""Files that were damaged by disks, transfers and other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
    "empty": lambda content: b"",
    "flipped": lambda content: bytes(
        byte ^ 0x55 if len(content) // 3 <= place < len(content) // 3 + 4 else byte
        for place, byte in enumerate(content)
    ),
    "of another schema": lambda content: b"[1, 2]",
}

DAMAGES = tuple(_DAMAGES)
"""What can happen to a file that stays."""


def damage(file: Path, name: str) -> None:
    """Do it; "gone" deletes the file."""
    if name == "gone":
        file.unlink()
    else:
        file.write_bytes(_DAMAGES[name](file.read_bytes()))
