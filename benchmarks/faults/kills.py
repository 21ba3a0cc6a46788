"""Commands that are killed at random moments, and started again until they are done.

A chain is one output folder: the command is started, killed, started again, and so on, until it
ends by itself. Half of the kills take the command's own process, the other half all of its
processes at once, as when a machine goes down.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.ending import Ending, compare, of_ablation, of_archive, of_run, of_video
from benchmarks.faults.parts import write_configuration, write_pictures, write_video
from benchmarks.faults.row import Row

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
PICTURES, SECONDS = 16, 0.1
"""How many, and what a caption takes: work enough to be killed in the midst of."""
LONGEST_CHAIN = 8
"""Kills after which a command is left alone."""
PATIENCE = 300.0
"""Seconds for a command that nobody kills; it hangs if it takes longer."""


@dataclass(frozen=True)
class Command:
    """What is killed.

    Attributes:
        name: In the table.
        words: Of the command line; `{}` stands for the output folder.
        read: The endings that a folder tells of.
    """

    name: str
    words: tuple[str, ...]
    read: Callable[[Path], list[Ending]]

    def start(self, target: Path) -> subprocess.Popen[bytes]:
        """Begin, or go on."""
        words = [word.format(target) for word in self.words]
        with open(f"{target}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "zeroseg", *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **ENVIRONMENT},
            )


def commands(folder: Path, seed: int, pictures: int = PICTURES) -> list[Command]:
    """Those that are killed, over pictures that are made for them."""
    data = folder / "data"
    write_pictures(data, pictures, seed)
    slow = {"class_path": "benchmarks.faults.parts.Slow", "init_args": {"seconds": SECONDS}}
    model = ("--model", str(write_configuration(folder / "model.yaml", captioner=slow)))
    scored = (*model, "--data", f"{data}/", "--output", "{}")
    film = write_video(folder / "video.mp4", pictures, seed)
    video = ("video", str(film), "{}", *model, "--every", "2")
    archive = (
        "batch",
        str(data / "images"),
        "{}",
        *model,
        "--part-size",
        "4",
        "--instances",
        "--confidence",
    )
    return [
        Command("zeroseg test", ("test", *scored), of_run),
        Command("zeroseg ablate", ("ablate", *scored, "--points", "1"), of_ablation),
        Command("zeroseg video", video, of_video),
        Command("zeroseg batch", archive, of_archive),
        Command("zeroseg batch --engine ray", (*archive, "--engine", "ray"), of_archive),
    ]


def run(count: int, seed: int, folder: Path) -> list[Row]:
    """Kill so many times at least, every command as often as any other, two commands at a time."""
    *others, ray = commands(folder, seed)
    share = -(-count // (len(others) + 1))
    with ThreadPoolExecutor(2) as lanes:
        first = lanes.submit(lambda: [killed(c, share, seed, folder) for c in others])
        second = lanes.submit(killed, ray, share, seed, folder)
        return [*first.result(), second.result()]


def killed(command: Command, count: int, seed: int, folder: Path) -> Row:
    """Chains of one command, until it was killed so often."""
    start = time.perf_counter()
    dice = random.Random(f"{seed} {command.name}")
    place = folder / command.name.replace(" ", "-")
    place.mkdir()
    undisturbed, (begun, ended) = place / "undisturbed", alone(command, place / "undisturbed")
    expected = command.read(undisturbed)
    kills, chains = 0, 0
    endings: list[Ending] = []
    names: list[str] = []
    while kills < count:
        target = place / f"chain-{chains}"
        kills += chain(command, target, dice, min(LONGEST_CHAIN, count - kills), begun, ended)
        endings += renamed(command.read(target), chains)
        names += [ending.name for ending in renamed(expected, chains)]
        chains += 1
    wanted = [ending for number in range(chains) for ending in renamed(expected, number)]
    seconds = time.perf_counter() - start
    return compare(f"SIGKILL: {command.name}", kills, names, endings, wanted, seconds)


def renamed(endings: list[Ending], chain: int) -> list[Ending]:
    """The same, of one chain of many."""
    return [Ending(f"{chain}/{e.name}", e.state, e.reason, e.result) for e in endings]


def alone(command: Command, target: Path) -> tuple[float, float]:
    """Run undisturbed; the seconds until there was a file, and until the end."""
    start = time.monotonic()
    process = command.start(target)
    await_work(process, target, 0)
    begun = time.monotonic() - start
    _finish(command, process, target)
    return begun, time.monotonic() - start


def chain(
    command: Command, target: Path, dice: random.Random, most: int, begun: float, ended: float
) -> int:
    """Kill and start again, until the command is done; how often it was killed.

    One kill in five comes at any moment, the others once there is something to lose.
    """
    for kills in range(most):
        before = _files(target)
        process = command.start(target)
        if dice.random() < 0.2:
            moment = dice.uniform(0, begun)
        else:
            await_work(process, target, before)
            moment = dice.uniform(0, 0.7 * (ended - begun))
        if _ends_within(process, moment):
            _finish(command, process, target)
            return kills
        kill(process, with_all=dice.random() < 0.5)
    _finish(command, command.start(target), target)
    return most


def _files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def await_work(process: subprocess.Popen[bytes], target: Path, before: int) -> None:
    """Wait for a file more, or for the end."""
    while process.poll() is None and _files(target) <= before:
        time.sleep(0.01)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _finish(command: Command, process: subprocess.Popen[bytes], target: Path) -> None:
    """Wait for the end.

    Raises:
        RuntimeError: It hangs, or ends as it should not.
    """
    done = _ends_within(process, PATIENCE)
    kill(process, with_all=True)
    if not done or process.returncode:
        log = Path(f"{target}.log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{command.name} hung or ended with {process.returncode}:\n{log}")


def kill(process: subprocess.Popen[bytes], with_all: bool) -> None:
    """SIGKILL to a process, or to its whole session at once; then to whatever is left of that."""
    for pid in _session(process.pid) if with_all else [process.pid]:
        _sigkill(pid)
    process.wait()
    if not with_all:
        time.sleep(0.2)  # others notice, and may write yet
    for pid in _session(process.pid):
        _sigkill(pid)


def _session(leader: int) -> list[int]:
    """The processes of a session; Ray's are in that of the command."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            session = int(stat.read_text().rpartition(")")[2].split()[3])
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        if session == leader:
            found.append(int(stat.parent.name))
    return found


def _sigkill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended meanwhile
        return
