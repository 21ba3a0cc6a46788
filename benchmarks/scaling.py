"""What archives of any size take: time, tokens, money, storage, and how pools should be sized.

    python benchmarks/scaling.py --measure 96 --json benchmarks/scaling_tiny.json
    python benchmarks/scaling.py --costs benchmarks/scaling_tiny.json --devices 2
    python benchmarks/scaling.py --costs benchmarks/scaling_published.json --devices 64
    python benchmarks/scaling.py --check 192 --json check.json

Input is a JSON of costs: seconds of device time an image in each stage, tokens, bytes. `--measure`
writes one from a run of `zeroseg batch --engine local` with tiny over drawn scenes; the one of the
published set holds estimates, each with its derivation. `--check` runs an archive on a local Ray
and compares images per second with what the simulator says; the machine should have nothing else
to do.

The simulator sends parts of pictures through pools of workers. Workers of a pool run one part at a
time; those that compute share `devices` devices, those that wait for a language model share none;
a worker pays its start once. Parts are begun as fast as the bounded number in flight allows.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
STAGES = ("recognise", "refine", "detect", "resolve", "masks")
TIMED = {
    "tags": "recognise",
    "caption": "recognise",
    "pre-refinement": "refine",
    "detection": "detect",
    "post-refinement": "resolve",
    "masks": "masks",
    "fusion": "masks",
}
"""Which worker spends the time that a manifest's `seconds` names."""


@dataclass(frozen=True)
class Costs:
    """What one image takes.

    Attributes:
        name: Of what; with the command, the machine class and the date where it was measured.
        measured: False for estimates.
        seconds: Device time in each stage.
        waits: Stages whose time is waiting for a language model, and takes no device.
        prompt_tokens: Sent to the language model.
        completion_tokens: Received from it.
        price: US dollars per million tokens, sent and received.
        bytes_in: Of the encoded picture.
        bytes_mask: Of its label map.
        bytes_row: Of its row in the manifest.
        start: Seconds of a core that a worker takes to start.
        notes: How each figure came about.
    """

    name: str
    measured: bool
    seconds: dict[str, float]
    waits: list[str] = field(default_factory=list)
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    price: list[float] = field(default_factory=lambda: [0.0, 0.0])
    bytes_in: float = 0.0
    bytes_mask: float = 0.0
    bytes_row: float = 0.0
    start: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def device_seconds(self) -> float:
        """Device time of an image in all stages."""
        return sum(self.seconds[stage] for stage in STAGES if stage not in self.waits)


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation.

    Attributes:
        seconds: From the first start to the last image.
        rate: Images a second between a quarter and three quarters of the way.
        busy: Share of that time that each pool's workers were occupied.
    """

    seconds: float
    rate: float
    busy: dict[str, float]


def simulate(
    costs: Costs,
    images: int,
    actors: Mapping[str, int],
    devices: int,
    part: int = 32,
    in_flight: int = 2,
) -> Simulated:
    """Send an archive through pools of workers.

    Args:
        costs: Of an image.
        images: How many.
        actors: Workers of each stage.
        devices: GPUs or cores that they share.
        part: Images to a part.
        in_flight: Parts that may stand before each worker, counting the one it works on.
    """
    parts = [min(part, images - start) for start in range(0, images, part)]
    waiting: dict[str, list[int]] = {stage: [] for stage in STAGES}
    free = dict(actors)
    cold = dict(actors)
    spare, now, busy = devices, 0.0, dict.fromkeys(STAGES, 0.0)
    marks: list[tuple[float, int]] = []
    begun = done = 0
    limit = in_flight * sum(actors.values())
    events: list[tuple[float, int, str]] = []
    while done < len(parts):
        while begun < len(parts) and begun - done < limit:
            waiting[STAGES[0]].append(begun)
            begun += 1
        for stage in reversed(STAGES):  # what is nearest its end goes first
            while waiting[stage] and free[stage] and (spare or stage in costs.waits):
                number = waiting[stage].pop(0)
                spent = costs.seconds[stage] * parts[number]
                if cold[stage]:
                    cold[stage], spent = cold[stage] - 1, spent + costs.start
                free[stage] -= 1
                spare -= stage not in costs.waits
                busy[stage] += spent
                heapq.heappush(events, (now + spent, number, stage))
        now, number, stage = heapq.heappop(events)
        free[stage] += 1
        spare += stage not in costs.waits
        if stage == STAGES[-1]:
            done += 1
            marks.append((now, parts[number]))
        else:
            waiting[STAGES[STAGES.index(stage) + 1]].append(number)
    return Simulated(now, middle_rate(marks), {s: busy[s] / actors[s] / now for s in STAGES})


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


def pools(costs: Costs, devices: int) -> dict[str, int]:
    """Workers of each stage that keep the devices busy: in proportion to their time, one at least.

    Waiting stages get as many as their waiting needs at the rate that the devices allow.
    """
    rate = devices / costs.device_seconds
    return {stage: max(1, math.ceil(rate * costs.seconds[stage])) for stage in STAGES}


def measure(count: int, size: tuple[int, int]) -> Costs:
    """Run tiny over drawn scenes in this process, and see what an image takes."""
    from zeroseg.scale.batch import Run
    from zeroseg.scale.manifest import Summary

    with drawn(count, size) as (source, target):
        run = Run(str(source), str(target / "warm"), tiny(), limit=16)
        for _ in run.here():
            pass
        run = Run(str(source), str(target / "out"), tiny())
        total = sum(run.here(), Summary())
        spent = dict.fromkeys(STAGES, 0.0)
        for name, seconds in total.seconds.items():
            spent[TIMED[name]] += seconds / total.done
        return Costs(
            name=f"tiny on drawn scenes of {size[1]}x{size[0]}, one thread of a CPU",
            measured=True,
            seconds={stage: round(seconds, 5) for stage, seconds in spent.items()},
            bytes_in=mean_bytes(source),
            bytes_mask=mean_bytes(target / "out" / "masks"),
            bytes_row=mean_bytes(target / "out" / "manifest", count),
            start=round(start_seconds(), 2),
            notes=[f"python benchmarks/scaling.py --measure {count} --size {size[1]}x{size[0]}"],
        )


def start_seconds() -> float:
    """Seconds that a worker takes to start: what its imports and its models take, on average."""
    import subprocess
    import sys

    code = (
        "import ray.data; from zeroseg.scale.stages import Recipe, build; "
        "from zeroseg.presets import load_preset; from zeroseg.vocabularies import DRAM; "
        "import time; r = Recipe(load_preset('tiny'), DRAM, 8); build('{}', r, 'cpu'); "
        "print(time.process_time())"
    )
    spent = [
        subprocess.run(
            [sys.executable, "-c", code.format(stage)], check=True, capture_output=True, text=True
        ).stdout
        for stage in STAGES
    ]
    return sum(map(float, spent)) / len(STAGES)


def mean_bytes(folder: Path, count: int | None = None) -> float:
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return round(sum(sizes) / (count or len(sizes)), 1)


def tiny() -> Any:
    from zeroseg.presets import load_preset
    from zeroseg.scale.stages import Recipe
    from zeroseg.vocabularies import DRAM

    return Recipe.of(load_preset("tiny"), DRAM, 8)


@contextmanager
def drawn(count: int, size: tuple[int, int]) -> Iterator[tuple[Path, Path]]:
    """A folder of drawn scenes, and one for results."""
    from zeroseg.drawn.scene import draw_scene

    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "in", Path(name) / "out"
        source.mkdir()
        for index in range(count):
            scene = draw_scene(7, index, size)
            Image.fromarray(scene.image).save(source / f"{index:06}.png")
        yield source, target


def check(costs: Costs, count: int, size: tuple[int, int], devices: int) -> dict[str, float]:
    """The same archive on a local Ray and in the simulator, the workers' start included."""
    import ray

    from zeroseg.scale.batch import Run
    from zeroseg.scale.dataset import Pool, running_ray

    actors = dict.fromkeys(STAGES, 1) | {"masks": 2}
    with drawn(count, size) as (source, target), running_ray():
        cores = int(ray.cluster_resources()["CPU"])
        run = Run(str(source), str(target), tiny(), part_size=16)
        start = time.perf_counter()
        chosen = {stage: Pool(number) for stage, number in actors.items()}
        done = sum(summary.done for summary in run.with_ray(chosen))
        spent = time.perf_counter() - start
    if done != count:
        raise SystemExit(f"{done} of {count} images were segmented")
    predicted = simulate(costs, count, actors, devices, part=16)
    return {
        "images": count,
        "cores": cores,
        "measured_seconds": spent,
        "predicted_seconds": predicted.seconds,
        "measured_rate": count / spent,
        "predicted_rate": count / predicted.seconds,
        "load_before": os.getloadavg()[0],
    }


def bill(costs: Costs, images: float) -> dict[str, float]:
    """What so many images take."""
    sent, received = costs.prompt_tokens * images, costs.completion_tokens * images
    return {
        "images": images,
        "device_hours": costs.device_seconds * images / 3600,
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
    bills = [bill(costs, count) for count in counts]
    table = Table("for", *(f"{b['images']:,.0f} images" for b in bills))
    for key in list(bills[0])[1:]:
        table.add_row(key.replace("_", " "), *(f"{b[key]:,.4g}" for b in bills))
    console.print(table)
    sized = pools(costs, devices)
    one = dict.fromkeys(STAGES, 1)
    images = part * max(200, 20 * sum(sized.values()))
    steady = replace(costs, start=0.0)
    both = {
        "one worker each": (one, simulate(steady, images, one, devices, part)),
        f"sized for {devices} devices": (sized, simulate(steady, images, sized, devices, part)),
    }
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
    parser.add_argument("--check", type=int, metavar="N", help="compare with Ray over N scenes")
    parser.add_argument("--size", type=size, default=(192, 256), help="of scenes, WIDTHxHEIGHT")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.measure:
        found: dict[str, Any] = asdict(measure(arguments.measure, arguments.size))
        Console().print_json(data=found)
    else:
        costs = Costs(**json.loads(arguments.costs.read_text(encoding="utf-8")))
        if arguments.check:
            found = check(costs, arguments.check, arguments.size, arguments.devices)
            Console().print_json(data=found)
        else:
            found = show(costs, arguments.images, arguments.devices, arguments.part_size)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
