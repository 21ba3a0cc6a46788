"""Disks that are full, broken, read-only or gone at a random write, and results damaged afterwards.

A command is run with one such fault, which it has to survive or to end at in one sentence; then it
is run again, perhaps with another one, until nothing is in its way: all has to be there then.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.faults.ending import Ending, compare, of_archive, of_run
from benchmarks.faults.files import CONTENTS
from benchmarks.faults.parts import write_configuration, write_pictures
from benchmarks.faults.row import Row
from zeroseg.cli.main import main

PICTURES, MOST = 10, 3
"""Of a run, and faults of one folder."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.rename": 1, "os.mkdir": 0, "os.remove": 0}
"""Events beside opening, and which of their arguments is the place that is written to."""


@dataclass
class Watch:
    """Counts what is written below a folder, and has one of the writes fail.

    Attributes:
        folder: Where.
        strike: What happens at the write that is struck.
        at: Which one it is, from 1; 0 for none.
        seen: Writes so far.
    """

    folder: str
    strike: Callable[[], None] = lambda: None
    at: int = 0
    seen: int = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit event of Python."""
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            place = arguments[0]
        elif event in _CHANGES:
            place = arguments[_CHANGES[event]]
        else:
            return
        if isinstance(place, str) and place.startswith(self.folder):
            self.seen += 1
            if self.seen == self.at:
                self.strike()


_watches: list[Watch] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    for watch in tuple(_watches):
        watch(event, arguments)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Have a watch see what this process does."""
    if not _hooked:
        sys.addaudithook(_audit)  # it stays for good
        _hooked.append(True)
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)


_hooked: list[bool] = []


@dataclass(frozen=True)
class Command:
    """What is run.

    Attributes:
        name: In the table.
        words: Of the command line; `{}` stands for the output folder.
        read: The endings that a folder tells of.
    """

    name: str
    words: tuple[str, ...]
    read: Callable[[Path], list[Ending]]

    def run(self, target: Path, whole: bool = False) -> int:
        """Run it in this process; its exit code.

        Args:
            target: The output folder.
            whole: Whether nothing may go wrong.

        Raises:
            RuntimeError: Something did.
            Exception: It ended by an error that it has no sentence for.
        """
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = main([word.format(target) for word in self.words])
        if whole and code:
            raise RuntimeError(f"undisturbed, it ended with {code}: {said.getvalue()[-2000:]}")
        return code


@dataclass
class Tally:
    """What came of one kind."""

    injected: int = 0
    endings: list[Ending] = field(default_factory=list)


Attempt = Callable[[Command, Path, random.Random, int], bool]
"""Runs a command with a fault; whether there was one. It is given the writes of a whole run."""


def _failing(number: int) -> Attempt:
    """A write that the system refuses."""

    def strike() -> None:
        raise OSError(number, os.strerror(number))

    return lambda command, target, dice, writes: _struck(command, target, dice, writes, strike)


def _vanishing(command: Command, target: Path, dice: random.Random, writes: int) -> bool:
    """An output folder that somebody removes."""
    away = target.with_name(f"{target.name}-gone")

    def strike() -> None:
        target.rename(away)

    struck = _struck(command, target, dice, writes, strike)
    shutil.rmtree(away, ignore_errors=True)
    return struck


def _struck(
    command: Command,
    target: Path,
    dice: random.Random,
    writes: int,
    strike: Callable[[], None],
) -> bool:
    watch = Watch(str(target), strike, dice.randint(1, writes))
    with watching(watch):
        command.run(target)
    return watch.seen >= watch.at


def _filling(command: Command, target: Path, dice: random.Random, writes: int) -> bool:
    """A disk that has room for the beginning of a file alone."""
    whole, at, seen = Path.write_bytes, dice.randint(1, writes // 4), 0

    def write(file: Path, data: bytes) -> int:
        nonlocal seen
        seen += str(file).startswith(str(target))
        if seen != at:
            return whole(file, data)
        whole(file, data[: dice.randrange(len(data))])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with patch.object(Path, "write_bytes", write):
        command.run(target)
    return seen >= at


def _damaging(command: Command, target: Path, dice: random.Random, writes: int) -> bool:
    """Results that are damaged once they are written."""
    command.run(target)
    files = sorted(file for file in target.rglob("*") if file.is_file())
    kept = [file for file in files if file.suffix in (".json", ".parquet", ".png")]
    harm = dice.choice(list(CONTENTS.values()))
    victim = dice.choice([file for file in kept if "panels" not in file.parts])
    harm(victim, dice)
    return True


ATTEMPTS: dict[str, Attempt] = {
    "no space left": _failing(errno.ENOSPC),
    "input/output error": _failing(errno.EIO),
    "permission denied": _failing(errno.EACCES),
    "read-only file system": _failing(errno.EROFS),
    "room for the beginning of a file": _filling,
    "output folder removed": _vanishing,
    "results damaged": _damaging,
}


def commands(folder: Path, seed: int) -> list[Command]:
    """Those that are run, over pictures that are made for them."""
    data = folder / "data"
    write_pictures(data, PICTURES, seed)
    model = ("--model", str(write_configuration(folder / "model.yaml")))
    archive = ("batch", str(data / "images"), "{}", *model, "--part-size", "4", "--retry")
    return [
        Command("test", ("test", *model, "--data", f"{data}/", "--output", "{}"), of_run),
        Command("batch", archive, of_archive),
    ]


def run(count: int, seed: int, folder: Path) -> list[Row]:
    """Inject so many faults at least, each kind as often as any other."""
    both = commands(folder, seed)
    share = -(-count // (len(ATTEMPTS) * len(both)))
    return [
        _row(command, kind, share, seed, folder / f"{command.name}-{place}")
        for command in both
        for place, kind in enumerate(ATTEMPTS)
    ]


def _row(command: Command, kind: str, count: int, seed: int, folder: Path) -> Row:
    start = time.perf_counter()
    folder.mkdir()
    dice = random.Random(f"{seed} {command.name} {kind}")
    whole = Watch(str(folder / "undisturbed"))
    with watching(whole):
        command.run(folder / "undisturbed", whole=True)
    expected = command.read(folder / "undisturbed")
    tally, turn = Tally(), 0
    while tally.injected < count:
        most = min(MOST, count - tally.injected)
        _chain(command, ATTEMPTS[kind], folder / str(turn), dice, most, whole.seen, tally)
        turn += 1
    wanted = [replace(e, name=f"{t}/{e.name}") for t in range(turn) for e in expected]
    names = [ending.name for ending in wanted]
    seconds = time.perf_counter() - start
    title = f"disk: {kind}, {command.name}"
    return compare(title, tally.injected, names, tally.endings, wanted, seconds)


def _chain(
    command: Command,
    attempt: Attempt,
    target: Path,
    dice: random.Random,
    most: int,
    writes: int,
    tally: Tally,
) -> None:
    """Faults in one folder, and a run without; an error without a sentence loses all pictures."""
    try:
        for _ in range(most):
            tally.injected += attempt(command, target, dice, writes)
        if command.run(target) == 2:  # such as a damaged run.json, which nobody can go on with
            shutil.rmtree(target)
            command.run(target, whole=True)
    except Exception:  # whatever a command lets through is what is looked for
        traceback.print_exc()
        return
    tally.endings += [replace(e, name=f"{target.name}/{e.name}") for e in command.read(target)]
