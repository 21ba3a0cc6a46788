"""A language model's kept answers that are damaged or locked between one run and the next.

A cache may forget, but never change a result: what cannot be read is asked again.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks.faults.ending import Ending, compare, of_result
from benchmarks.faults.files import CONTENTS, Harm
from benchmarks.faults.parts import configuration, write_pictures
from benchmarks.faults.row import Row
from benchmarks.faults.services import Faults, serving
from zeroseg.presets import build
from zeroseg.refinement.keeping import keep_answers
from zeroseg.segmenter import ZeroShotSegmenter

PICTURES = 8
LOCKS = 2
"""How often the file is locked at most: each time takes the seconds that one waits for it."""

Dice = random.Random


def _flipped_answers(file: Path, dice: Dice) -> None:
    """A single bit, within what is text."""
    content = bytearray(file.read_bytes())
    text = [place for place, byte in enumerate(content) if 96 < byte < 123]
    content[dice.choice(text)] ^= 1 << dice.randrange(5)
    file.write_bytes(bytes(content))


def _left_over(file: Path, dice: Dice) -> None:
    """What killed processes leave: journals of other moments, and files of other programs."""
    for name in ("cache.db-journal", "cache.db-wal", "cache.db-shm", "cache.db.123.partial"):
        if dice.random() < 0.6:
            (file.parent / name).write_bytes(dice.randbytes(dice.randrange(1, 5000)))
    (file.parent.parent / "answers.damaged-0badf00d").mkdir(exist_ok=True)


def _gone(file: Path, _: Dice) -> None:
    file.unlink()


def _folder(file: Path, _: Dice) -> None:
    file.unlink()
    file.mkdir()


HARMS: dict[str, Harm] = {
    **{f"file {name}": harm for name, harm in CONTENTS.items()},
    "one bit of a text": _flipped_answers,
    "left-over temporary files": _left_over,
    "file gone": _gone,
    "a folder in its place": _folder,
}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """The file, held by a writer that does not end."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def run(count: int, seed: int, folder: Path) -> list[Row]:
    """Damage the cache so often at least, in every way as often as in any other, and lock it."""
    files = write_pictures(folder, PICTURES, seed)
    full = folder / "full"
    with serving(Faults("", seed)) as address:
        expected = segmented(files, address, full)
        share = -(-count // len(HARMS))

        def row(kind: str, times: int, disturb: Callable[[Path, Dice], list[Ending]]) -> Row:
            start, endings = time.perf_counter(), []
            for turn in range(times):
                cache = folder / "cache"
                shutil.rmtree(cache, ignore_errors=True)
                shutil.copytree(full, cache)
                found = disturb(cache, Dice(f"{seed} {kind} {turn}"))
                endings += [replace(end, name=f"{turn}/{end.name}") for end in found]
            wanted = [replace(e, name=f"{t}/{e.name}") for t in range(times) for e in expected]
            names = [end.name for end in wanted]
            seconds = time.perf_counter() - start
            return compare(f"cache: {kind}", times, names, endings, wanted, seconds)

        def harmed(harm: Harm, cache: Path, dice: Dice) -> list[Ending]:
            harm(cache / "answers" / "cache.db", dice)
            return segmented(files, address, cache)

        def held(cache: Path, _: Dice) -> list[Ending]:
            return segmented(files, address, cache, locking=True)

        rows = [
            row(kind, share, lambda cache, dice, harm=harm: harmed(harm, cache, dice))
            for kind, harm in HARMS.items()
        ]
        return [*rows, row("locked by another", min(LOCKS, share), held)]


def segmented(files: list[Path], address: str, cache: Path, locking: bool = False) -> list[Ending]:
    """The endings of pictures whose answers are kept in a folder."""
    with warnings.catch_warnings():  # that a cache was damaged is said each time
        warnings.simplefilter("ignore")
        segmenter = build(ZeroShotSegmenter, configuration(address), {})
        with locked(cache / "answers" / "cache.db") if locking else nullcontext():
            keep_answers(segmenter.children(), cache)
            results = zip(files, segmenter.stream(files), strict=True)
            return [of_result(str(file), result) for file, result in results]
