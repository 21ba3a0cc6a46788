"""What an image takes on its way through an archive's pools: the simulator's input, measured.

All times are of a core, as the system counts them for a process: other programs on the machine
hardly change them. Stages, reading and writing run in as many processes as there are cores, since
cores share caches. What Ray itself takes is told from pipelines of the same shape whose workers do
nothing: from their length what a part costs at each step, from the number of their workers what a
worker costs, and the rest is what it takes to begin.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

STAGES = ("recognise", "refine", "detect", "resolve", "masks")
STEPS = ("read", *STAGES, "write")
"""What a part passes; reading and writing are tasks, the others pools of actors."""

PART = 16
"""Images to a part where costs are measured."""


@dataclass(frozen=True)
class Costs:
    """What one image takes, and what is paid once.

    Attributes:
        name: Of what; with the command, the machine class and the date where it was measured.
        measured: False for estimates.
        seconds: Of a device for an image in each stage, decoding and (un)packing included.
        waits: Stages whose time is waiting for a language model, and takes no device.
        read: Seconds of a core for fetching an image.
        write: Seconds of a core for writing its label map and its row.
        step: Seconds of a core that Ray takes for a part at each step.
        start: Seconds of a core that a worker of each stage takes to start, and, as "tasks", a
            process that reads and writes.
        begin: Seconds of a core that Ray takes once.
        always: Cores that Ray's own processes take as long as a run goes on.
        prompt_tokens: Sent to the language model.
        completion_tokens: Received from it.
        price: US dollars per million tokens, sent and received.
        bytes_in: Of the encoded picture.
        bytes_mask: Of its label map.
        bytes_row: Of its row in the manifest.
        notes: How each figure came about.
    """

    name: str
    measured: bool
    seconds: dict[str, float]
    waits: list[str] = field(default_factory=list)
    read: float = 0.0
    write: float = 0.0
    step: float = 0.0
    start: dict[str, float] = field(default_factory=dict)
    begin: float = 0.0
    always: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    price: list[float] = field(default_factory=lambda: [0.0, 0.0])
    bytes_in: float = 0.0
    bytes_mask: float = 0.0
    bytes_row: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def device_seconds(self) -> float:
        """Device time of an image in all stages."""
        return sum(self.seconds[stage] for stage in STAGES if stage not in self.waits)

    def of(self, step: str) -> float:
        """Seconds of an image at a step."""
        return {"read": self.read, "write": self.write, **self.seconds}[step]


def measure(count: int, size: tuple[int, int]) -> Costs:
    """See what tiny takes for drawn scenes of a size, and what Ray takes on this machine."""
    with drawn(count, size) as (source, target):
        found = in_every_core(one_by_one, str(source), str(target))
        start = starts(str(target))
        bytes_in = mean_bytes(source)
        bytes_mask = mean_bytes(target / "0" / "masks")
        bytes_row = mean_bytes(target / "0" / "manifest", count)
    ray = ray_itself(int(PART * bytes_in))
    return Costs(
        name=f"tiny on drawn scenes of {size[1]}x{size[0]}, one thread of a CPU",
        measured=True,
        seconds={stage: round(found[stage], 5) for stage in STAGES},
        read=round(found["read"], 5),
        write=round(found["write"], 5),
        step=round(ray.step, 5),
        start={
            name: round(seconds + (ray.worker if name in STAGES else 0.0), 2)
            for name, seconds in start.items()
        },
        begin=round(ray.begin, 2),
        always=round(ray.always, 3),
        bytes_in=bytes_in,
        bytes_mask=bytes_mask,
        bytes_row=bytes_row,
        notes=[
            f"python benchmarks/scaling.py --measure {count} --size {size[1]}x{size[0]}",
            f"load average after it {os.getloadavg()[0]:.1f}",
        ],
    )


def in_every_core(call: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Means of what as many processes give as there are cores, all at the same time."""
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        jobs = [pool.submit(call, number, *arguments) for number in range(cores)]
        found = [job.result() for job in jobs]
    return {name: sum(one[name] for one in found) / cores for name in found[0]}


def one_by_one(number: int, source: str, target: str) -> dict[str, float]:
    """Seconds of an image at each step, as workers spend them, but one step after another.

    What the first image brings to each step is kept below the target, for `starts`.
    """
    import torch

    from zeroseg.scale.archive import list_pictures
    from zeroseg.scale.work import Part, pack, parts_of, unpack

    torch.set_num_threads(1)
    parts = [pack(part) for part in parts_of(list_pictures(source).works, PART)]
    images = sum(len(unpack(part).works) for part in parts)
    spent = {}
    for step in STEPS:
        Path(f"{target}-{step}").write_bytes(pack(Part(unpack(parts[0]).works[:1])))
        call = built(step, f"{target}/{number}")
        call(unpack(parts[0]))  # what the first time takes more is part of a worker's start
        start = time.process_time()
        parts = [pack(call(unpack(part))) for part in parts]
        spent[step] = (time.process_time() - start) / images
    return spent


def built(step: str, target: str) -> Callable[[Any], Any]:
    """What takes parts through a step."""
    from zeroseg.scale.archive import read_all
    from zeroseg.scale.manifest import Manifest
    from zeroseg.scale.work import Part
    from zeroseg.scale.workers import build_worker

    if step == "read":
        return lambda part: Part(tuple(read_all(part.works)))
    if step in STAGES:
        return build_worker(step, tiny(), "cpu")
    output = Manifest(target, tiny().vocabulary)
    output.begin({})

    def write(part: Part) -> Part:
        output.add(part)
        return Part(())

    return write


def first_part(steps: Sequence[str], target: str) -> float:
    """Seconds of a core until a new process has taken its first image through steps."""
    import ray.data  # noqa: F401  what it takes is told from workers that do nothing

    begun = time.process_time()
    import torch

    import zeroseg.scale.dataset  # noqa: F401
    from zeroseg.scale.work import unpack

    torch.set_num_threads(1)
    for step in steps:
        built(step, f"{target}/first")(unpack(Path(f"{target}-{step}").read_bytes()))
    return time.process_time() - begun


def starts(target: str) -> dict[str, float]:
    """Seconds of a core that each kind of worker takes to start, Ray left out.

    Imports, building, and what the first image takes. All start at once, as in a run: they share
    cores and caches.

    Args:
        target: Where `one_by_one` has been.
    """
    code = "import sys, scaling_costs as c; print(c.first_part(sys.argv[2:], sys.argv[1]))"
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", code, target, *steps],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)},
            text=True,
        )
        for name, steps in {
            "tasks": ("read", "write"),
            **{stage: (stage,) for stage in STAGES},
        }.items()
    }
    return {name: float(process.communicate()[0]) for name, process in running.items()}


@dataclass(frozen=True)
class Overhead:
    """What Ray takes for workers that do nothing; see `Costs`.

    Attributes:
        begin: Seconds of a core, once.
        worker: Seconds of a core for each worker.
        step: Seconds of a core for a part at each step.
        always: Cores, as long as a run goes on.
    """

    begin: float
    worker: float
    step: float
    always: float


def ray_itself(part_bytes: int) -> Overhead:
    """See what Ray takes for rows of a size."""
    few, many, wide, nap = 4, 64, 2, 5.0
    first, _ = nothing(few, part_bytes)  # imports of this process included, as in a command's run
    short, seconds = nothing(few, part_bytes)
    slow, slow_seconds = nothing(few, part_bytes, nap=nap)
    always = max(0.0, (slow - short) / (slow_seconds - seconds))

    def without(spent: float, seconds: float) -> float:
        return spent - always * seconds

    short = without(short, seconds)
    step = (without(*nothing(many, part_bytes)) - short) / (many - few) / len(STEPS)
    worker = (without(*nothing(few, part_bytes, wide)) - short) / (wide - 1) / len(STAGES)
    begin = without(first, seconds) - len(STAGES) * worker - few * len(STEPS) * step
    return Overhead(max(0.0, begin), max(0.0, worker), max(0.0, step), always)


def nothing(parts: int, part_bytes: int, actors: int = 1, nap: float = 0.0) -> tuple[float, float]:
    """Have parts pass all steps with nothing done to them, on a new Ray.

    Args:
        parts: How many.
        part_bytes: Size of the rows.
        actors: Workers of each stage.
        nap: Seconds that the first stage sleeps over each part.

    Returns:
        Seconds of a core, and seconds.
    """
    import ray
    from ray.data import ActorPoolStrategy

    from zeroseg.scale.dataset import running_ray

    class Nothing:
        def __init__(self, nap: float) -> None:
            self.nap = nap

        def __call__(self, batch: Any) -> Any:
            time.sleep(self.nap)
            return batch

    task: dict[str, Any] = {"batch_size": 1, "batch_format": "pyarrow", "num_cpus": 0.5}
    actor = {**task, "num_cpus": 1 / len(STAGES) / actors}
    with running_ray(), CoreSeconds() as spent:
        rows = [{"part": os.urandom(part_bytes)} for _ in range(parts)]
        data = ray.data.from_items(rows, override_num_blocks=parts)
        data = data.map_batches(lambda batch: batch, **task)
        for stage in STAGES:
            data = data.map_batches(
                Nothing,
                fn_constructor_args=(nap if stage == STAGES[0] else 0.0,),
                compute=ActorPoolStrategy(size=actors),
                **actor,
            )
        written = data.map_batches(lambda batch: {"done": [len(batch)]}, **task)
        assert sum(1 for _ in written.iter_rows()) == parts
    return spent.total, spent.seconds


class CoreSeconds:
    """What this process and those below it, all of Ray's among them, take of the cores; Linux.

    Processes are looked at several times a second, so that those that end are counted too.

    Attributes:
        total: Seconds of a core.
        seconds: Seconds on the clock.
        others: Cores that the rest of the machine was using meanwhile, on average.
    """

    def __enter__(self) -> CoreSeconds:
        self._before = self._seen = cores_by_process(os.getpid())
        self._begun, self._busy = time.perf_counter(), busy_seconds()
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._follow)
        self._watch.start()
        return self

    def _follow(self) -> None:
        while not self._end.wait(0.2):
            self._seen = {**self._seen, **cores_by_process(os.getpid())}

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._watch.join()
        self._seen = {**self._seen, **cores_by_process(os.getpid())}
        self.seconds = time.perf_counter() - self._begun
        self.total = sum(spent - self._before.get(p, 0.0) for p, spent in self._seen.items())
        self.others = max(0.0, (busy_seconds() - self._busy - self.total) / self.seconds)


def cores_by_process(root: int) -> dict[int, float]:
    """Seconds of a core that a process and each of its descendants have taken so far."""
    parent, spent = {}, {}
    for entry in os.listdir("/proc"):
        try:
            text = Path(f"/proc/{entry}/stat").read_text() if entry.isdecimal() else ""
        except OSError:  # it has ended
            continue
        if text:
            fields = text.rpartition(")")[2].split()
            parent[int(entry)] = int(fields[1])
            spent[int(entry)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def below(process: int) -> bool:
        while process != root and process in parent:
            process = parent[process]
        return process == root

    return {process: seconds for process, seconds in spent.items() if below(process)}


def busy_seconds() -> float:
    """Seconds that all cores together have been at work since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    ticks = [int(field) for field in fields]
    idle = ticks[3] + ticks[4]
    return (sum(ticks[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def mean_bytes(folder: Path, count: int | None = None) -> float:
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return round(sum(sizes) / (count or len(sizes)), 1)


def tiny() -> Any:
    from zeroseg.presets import load_preset
    from zeroseg.scale.recipe import Recipe
    from zeroseg.vocabularies import DRAM

    return Recipe(load_preset("tiny"), DRAM, 8)  # Recipe.of would import Lightning


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
