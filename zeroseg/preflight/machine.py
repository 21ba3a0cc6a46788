"""What this machine has: versions, devices, memory, room on its disks."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

USED = ("zeroseg", "torch", "transformers", "huggingface-hub", "openai", "pillow", "lightning")
"""Packages whose versions matter most."""

OPTIONAL = {
    "pycocotools": "data set coco81",
    "segment-anything": "OfficialSam",
    "groundingdino-py": "OfficialGroundingDino",
    "timm": "EdgeTam, OmDetTurbo",
    "bitsandbytes": "weights in 8 bits",
    "accelerate": "weights in 8 bits",
    "ray": "zeroseg batch --engine ray",
    "pyarrow": "zeroseg batch",
    "s3fs": "zeroseg batch s3://",
    "gcsfs": "zeroseg batch gs://",
    "pillow-heif": ".heic pictures",
}
"""Packages that are not installed with zeroseg, and what takes them."""


def versions() -> Iterator[tuple[str, str]]:
    """Names and versions of what is running."""
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in USED:
        if (found := version_of(name)) is not None:
            yield name, found


def version_of(name: str) -> str | None:
    """The version of an installed package; None if it is not."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def free_disk(folder: str | Path) -> int | None:
    """Free bytes where a folder lies or would lie; None where nothing tells."""
    place = Path(folder).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def free_memory(device: torch.device) -> int | None:
    """Free bytes of a device's memory, the machine's own for a CPU; None where nothing tells."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return available_memory() if device.type == "cpu" else None


def available_memory() -> int | None:
    """Bytes of main memory that a program may still take; None where nothing tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # a system that does not count them so
        return None


def gigabytes(count: float | None) -> str:
    """Bytes as people say them."""
    if count is None:
        return "unknown size"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"
