"""What archives of any size take: time, tokens, money, storage, and how pools should be sized.

    python benchmarks/scaling.py --measure 96 --json benchmarks/scaling_tiny.json
    python benchmarks/scaling.py --costs benchmarks/scaling_tiny.json --devices 2
    python benchmarks/scaling.py --costs benchmarks/scaling_published.json --devices 64
    python benchmarks/scaling.py --check 96:8 256:32:masks=2 192:16:recognise=2,detect=2,masks=3

Input is a JSON of costs: seconds of device time an image in each stage, tokens, bytes, and on a CPU
what reading, writing, Ray and the workers' starts take. `--measure` measures them with tiny over
drawn scenes (`scaling_costs.py` says how); the file of the published set holds estimates, each with
its derivation. `--check` runs archives on a local Ray, IMAGES:PART_SIZE:WORKERS each, and holds
wall clock and core seconds against what the simulator says. The machine should have nothing else to
do: what others take of it while a check runs is measured, and the simulator is told so as well.

The simulator sends parts of pictures through reading, pools of workers, and writing. A worker has
one part at a time. Whatever computes at the same moment, starts of workers included, shares the
devices (less what Ray always takes) evenly, as processes share a machine's cores; what waits for a
language model shares none. Parts are begun as fast as the bounded number in flight allows.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scaling_costs import STAGES, STEPS, CoreSeconds, Costs, drawn, measure, tiny

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation.

    Attributes:
        seconds: From the first start to the last image.
        rate: Images a second between a quarter and three quarters of the way.
        busy: Share of that time that each pool's workers were occupied.
        work: Seconds of a device that it took in all.
    """

    seconds: float
    rate: float
    busy: dict[str, float]
    work: float


class Shared:
    """Devices, or cores, that all jobs of the moment share evenly; none gets more than one.

    Args:
        capacity: How many; infinite for jobs that only wait.
    """

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.total = 0.0
        self._jobs: list[tuple[float, int, Any]] = []
        self._each = 0.0  # what a job that was always there has been given
        self._now, self._count = 0.0, 0

    def add(self, now: float, work: float, job: Any) -> None:
        """Begin a job of so many seconds of one device."""
        self._pass(now)
        self._count += 1
        self.total += work
        heapq.heappush(self._jobs, (self._each + work, self._count, job))

    def next(self) -> float:
        """When the next job will be done if none is added; infinity if there is none."""
        if not self._jobs:
            return math.inf
        return self._now + (self._jobs[0][0] - self._each) / self._speed

    def take(self) -> Any:
        """The job that is done next."""
        self._pass(self.next())
        return heapq.heappop(self._jobs)[2]

    @property
    def _speed(self) -> float:
        return min(1.0, self.capacity / len(self._jobs))

    def _pass(self, now: float) -> None:
        if self._jobs:
            self._each += (now - self._now) * self._speed
        self._now = now


class Pool:
    """Workers, and what stands before them: steps and the parts that are to take them."""

    def __init__(self, workers: int, step_start: float) -> None:
        self.workers, self.start = workers, step_start
        self.free = 0 if step_start else workers
        self.waiting: deque[tuple[str, int]] = deque()
        self.busy = 0.0


def simulate(
    costs: Costs,
    images: int,
    actors: Mapping[str, int],
    devices: float,
    part: int = 32,
    in_flight: int = 2,
    tasks: int = 2,
) -> Simulated:
    """Send an archive through pools of workers.

    Args:
        costs: Of an image.
        images: How many.
        actors: Workers of each stage.
        devices: GPUs or cores that they share.
        part: Images to a part.
        in_flight: Parts that may stand before each worker, counting the one it works on.
        tasks: Processes that read and write.
    """
    parts = [min(part, images - start) for start in range(0, images, part)]
    pools = {stage: Pool(actors[stage], costs.start.get(stage, 0.0)) for stage in STAGES}
    pools["read"] = pools["write"] = Pool(tasks, costs.start.get("tasks", 0.0))
    shared, apart = Shared(devices - costs.always), Shared(math.inf)
    shared.add(0.0, costs.begin, None)
    for pool in set(pools.values()):  # all workers start at once
        for _ in range(pool.workers if pool.start else 0):
            shared.add(0.0, pool.start, (pool, None, 0))
    limit = in_flight * sum(actors.values())
    now, begun, marks = 0.0, 0, []
    while len(marks) < len(parts):
        while begun < len(parts) and begun - len(marks) < limit:
            pools["read"].waiting.append(("read", begun))
            begun += 1
        for pool in pools.values():
            while pool.waiting and pool.free:
                step, number = pool.waiting.popleft()
                pool.free -= 1
                pool.busy -= now
                work = costs.of(step) * parts[number] + costs.step
                (apart if step in costs.waits else shared).add(now, work, (pool, step, number))
        ends = min(shared, apart, key=Shared.next)
        now = ends.next()
        pool, step, number = ends.take() or (None, None, 0)
        if pool is not None:
            pool.free += 1
        if step is not None:
            pool.busy += now
        if step == STEPS[-1]:
            marks.append((now, parts[number]))
        elif step is not None:
            after = STEPS[STEPS.index(step) + 1]
            pools[after].waiting.append((after, number))
    busy = {stage: pools[stage].busy / pools[stage].workers / now for stage in STAGES}
    return Simulated(now, middle_rate(marks), busy, shared.total + costs.always * now)


def middle_rate(marks: Sequence[tuple[float, int]]) -> float:
    """Images a second in the middle half of a run; over all of it where it has too few parts.

    Args:
        marks: When each part was out, and its images.
    """
    middle = marks[len(marks) // 4 : len(marks) * 3 // 4 + 1]
    span = middle[-1][0] - middle[0][0]
    if span > 0:
        return sum(done for _, done in middle[1:]) / span
    return sum(done for _, done in marks) / marks[-1][0]


def pools_of(costs: Costs, devices: int) -> dict[str, int]:
    """Workers of each stage that keep the devices busy: in proportion to their time, one at least.

    Waiting stages get as many as their waiting needs at the rate that the devices allow.
    """
    rate = devices / costs.device_seconds
    return {stage: max(1, math.ceil(rate * costs.seconds[stage])) for stage in STAGES}


@dataclass(frozen=True)
class Setting:
    """An archive and its pools, to be run and to be simulated."""

    images: int
    part: int
    actors: dict[str, int]

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Such as 192:16:recognise=2,masks=3; a stage that is not named has one worker."""
        images, part, *rest = text.split(":")
        named = (entry.split("=") for entry in ",".join(rest).split(",") if entry)
        chosen = {stage: int(number) for stage, number in named}
        return cls(int(images), int(part), {**dict.fromkeys(STAGES, 1), **chosen})


def check(costs: Costs, setting: Setting, size: tuple[int, int]) -> dict[str, Any]:
    """The same archive on a local Ray and in the simulator, the workers' start included."""
    import ray

    from zeroseg.scale.batch import BatchRun
    from zeroseg.scale.dataset import Pool as Workers
    from zeroseg.scale.dataset import running_ray

    with drawn(setting.images, size) as (source, target), running_ray():
        cores = int(ray.cluster_resources()["CPU"])
        run = BatchRun(str(source), str(target), tiny(), part_size=setting.part)
        workers = {stage: Workers(number) for stage, number in setting.actors.items()}
        with CoreSeconds() as spent:
            done = sum(summary.done for summary in run.with_ray(workers))
    if done != setting.images:
        raise SystemExit(f"{done} of {setting.images} images were segmented")

    def predicted(devices: float) -> Simulated:
        return simulate(costs, setting.images, setting.actors, devices, setting.part, tasks=cores)

    beside = predicted(max(0.3, cores - spent.others))
    return {
        "setting": asdict(setting),
        "cores": cores,
        "cores_of_others": spent.others,
        "measured_seconds": spent.seconds,
        "predicted_seconds": predicted(cores).seconds,
        "predicted_seconds_beside_others": beside.seconds,
        "measured_core_seconds": spent.total,
        "predicted_core_seconds": beside.work,
    }


def show_checks(found: Sequence[Mapping[str, Any]]) -> None:
    """Print what `check` found, a setting a row."""
    table = Table(
        *("images", "part", "workers", "others, cores", "s", "simulated", "beside others"),
        *("core s", "simulated"),
    )
    for one in found:
        setting, seconds, spent = (
            one["setting"],
            one["measured_seconds"],
            one["measured_core_seconds"],
        )
        workers = " ".join(str(setting["actors"][stage]) for stage in STAGES)
        table.add_row(
            str(setting["images"]),
            str(setting["part"]),
            workers,
            f"{one['cores_of_others']:.2f}",
            f"{seconds:.1f}",
            off(one["predicted_seconds"], seconds),
            off(one["predicted_seconds_beside_others"], seconds),
            f"{spent:.1f}",
            off(one["predicted_core_seconds"], spent),
        )
    Console(width=110).print(table)


def off(predicted: float, measured: float) -> str:
    """A prediction and how far it is off."""
    return f"{predicted:.1f} ({predicted / measured - 1:+.0%})"


def bill(costs: Costs, images: float, part: int = 32) -> dict[str, float]:
    """What so many images take, in parts of `part`."""
    besides = costs.read + costs.write + len(STEPS) * costs.step / part
    sent, received = costs.prompt_tokens * images, costs.completion_tokens * images
    return {
        "images": images,
        "device_hours": costs.device_seconds * images / 3600,
        "core_hours_besides": besides * images / 3600,
        "prompt_tokens": sent,
        "completion_tokens": received,
        "dollars": (sent * costs.price[0] + received * costs.price[1]) / 1e6,
        "terabytes_read": costs.bytes_in * images / 1e12,
        "terabytes_written": (costs.bytes_mask + costs.bytes_row) * images / 1e12,
    }


def show(costs: Costs, counts: Sequence[float], devices: int, part: int) -> dict[str, Any]:
    """Print the tables, and give what they say."""
    console = Console(width=110)
    console.print(f"{costs.name} ({'measured' if costs.measured else 'ESTIMATES'})", markup=False)
    for note in costs.notes:
        console.print(f"  {note}", markup=False, highlight=False)
    bills = [bill(costs, count, part) for count in counts]
    table = Table("for", *(f"{b['images']:,.0f} images" for b in bills))
    for key in list(bills[0])[1:]:
        table.add_row(key.replace("_", " "), *(f"{b[key]:,.4g}" for b in bills))
    console.print(table)
    sized = pools_of(costs, devices)
    one = dict.fromkeys(STAGES, 1)
    images = part * max(200, 20 * sum(sized.values()))
    steady = replace(costs, start={}, begin=0.0)

    def steadily(actors: dict[str, int]) -> tuple[dict[str, int], Simulated]:
        return actors, simulate(steady, images, actors, devices, part, tasks=max(2, devices))

    both = {"one worker each": steadily(one), f"sized for {devices} devices": steadily(sized)}
    table = Table("pools", "images/s", *STAGES)
    for title, (actors, outcome) in both.items():
        cells = (f"{actors[s]} · {outcome.busy[s]:.0%} busy" for s in STAGES)
        table.add_row(title, f"{outcome.rate:,.1f}", *cells)
    console.print(table)
    first = max(STAGES, key=lambda stage: costs.seconds[stage])
    console.print(
        f"with one worker each, {first} is saturated first; {devices} devices allow "
        f"{devices / costs.device_seconds:,.1f} images/s at most",
        highlight=False,
    )
    return {
        "costs": asdict(costs),
        "bills": bills,
        "saturates_first": first,
        "pools": sized,
        "rate": both[f"sized for {devices} devices"][1].rate,
    }


def size(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return height, width


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--costs", type=Path, default=HERE / "scaling_tiny.json")
    parser.add_argument("--images", type=float, nargs="+", default=[1e6, 1e9])
    parser.add_argument("--devices", type=int, default=2, help="GPUs, or cores of a CPU")
    parser.add_argument("--part-size", type=int, default=32)
    parser.add_argument("--measure", type=int, metavar="N", help="measure costs over N scenes")
    parser.add_argument(
        "--check",
        type=Setting.parse,
        nargs="+",
        metavar="IMAGES:PART[:STAGE=N,...]",
        help="compare with a local Ray",
    )
    parser.add_argument("--size", type=size, default=(192, 256), help="of scenes, WIDTHxHEIGHT")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    found: Any
    if arguments.measure:
        found = asdict(measure(arguments.measure, arguments.size))
        Console().print_json(data=found)
    else:
        costs = Costs(**json.loads(arguments.costs.read_text(encoding="utf-8")))
        if arguments.check:
            found = [check(costs, setting, arguments.size) for setting in arguments.check]
            show_checks(found)
        else:
            found = show(costs, arguments.images, arguments.devices, arguments.part_size)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
