"""Fuzzed inputs: mutated files through every door that reads somebody else's files.

A door may read a file or refuse it with one of the library's own errors, within seconds. Any other
exception, any file written outside, program run or server called is a fault.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import seeds
from benchmarks.faults.confined import confined
from benchmarks.faults.doors import DOORS
from benchmarks.faults.mutations import mutate
from benchmarks.faults.row import Row
from zeroseg.errors import ZerosegError

PICTURES = 10
"""Mutated pictures for each mutated file of another kind."""
PATIENCE = 20.0
"""Seconds after which a door counts as stuck."""


@dataclass(frozen=True)
class Outcome:
    """What a door did with a file: "read", "refused", or what went wrong."""

    kind: str
    file: str
    said: str


def run(count: int, seed: int, folder: Path) -> list[Row]:
    """Put mutated files through the doors.

    Args:
        count: Mutated pictures; of every other kind there is a tenth of it.
        seed: The same seed makes the same files.
        folder: Where everything happens; a file that was a fault is kept in its `kept`.

    Returns:
        A row a door: `ok` are files that were read, `failed` those that were refused, `lost` are
        faults, which stand on standard error.
    """
    rows = []
    for name in DOORS:
        begun = time.perf_counter()
        files = count if name == "picture" else max(1, count // PICTURES)
        found = list(outcomes(name, files, seed, folder))
        tally = Counter(outcome.said.partition(":")[0] for outcome in found)
        for outcome in faults(found):
            print(f"{outcome.kind} {outcome.file}: {outcome.said}", file=sys.stderr)
        rows.append(
            Row(
                kind=f"input: {name}",
                injected=files,
                ok=tally["read"],
                degraded=0,
                failed=tally["refused"],
                lost=len(faults(found)),
                repeated=0,
                differing=0,
                seconds=time.perf_counter() - begun,
            )
        )
    return rows


def faults(found: Sequence[Outcome]) -> list[Outcome]:
    """Those outcomes that are neither read nor refused."""
    return [outcome for outcome in found if outcome.said not in ("read", "refused")]


def outcomes(name: str, count: int, seed: int, folder: Path) -> Iterator[Outcome]:
    """Put mutated files through one door.

    Args:
        name: One of `DOORS`.
        count: How many.
        seed: The same seed makes the same files.
        folder: Where everything happens.
    """
    door = DOORS[name]
    originals = sorted(seeds.lay_out(name, folder / "whole" / name))
    for original in originals:
        _through(door, original, folder)  # whole, and what is loaded on first use
    dice = random.Random(f"{name} {seed}")
    for position in range(count):
        original = dice.choice(originals)
        place = folder / "mutated" / f"{name}-{position}{original.suffix}"
        shutil.copytree(original, place) if original.is_dir() else place.parent.mkdir(exist_ok=True)
        target = dice.choice(sorted(seeds.of(name, place))) if original.is_dir() else place
        whole = target.read_bytes() if original.is_dir() else original.read_bytes()
        target.write_bytes(mutate(whole, dice))
        said = _said(door, place, folder)
        if said not in ("read", "refused"):
            (folder / "kept").mkdir(exist_ok=True)
            shutil.move(place, folder / "kept" / place.name)
        else:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        yield Outcome(name, place.name, said)


def _through(door: Callable[[Path], object], place: Path, folder: Path) -> list[str]:
    with confined(folder) as seen:
        door(place)
    return seen


def _said(door: Callable[[Path], object], place: Path, folder: Path) -> str:
    begun = time.perf_counter()
    try:
        seen = _through(door, place, folder)
        said = "read"
    except ZerosegError as error:
        seen, said = [], "refused" if str(error).strip() else "an error without a word"
    except Exception as error:  # what a door lets through is what is looked for
        seen, said = [], f"{type(error).__name__}: {error}"
    if (spent := time.perf_counter() - begun) > PATIENCE:
        said = f"took {spent:.0f} s"
    return f"outside: {seen[0]}" if seen else said
