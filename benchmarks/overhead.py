"""Where the time goes that a system spends outside of its networks' forward, stage by stage.

    python benchmarks/overhead.py --size 256x256 500x375

One batch after the other (`batches_in_flight=1`), so that no stage's time holds another's. "around"
is what a stage takes beside the forward of its network: resizing, points, fusion, all that is done
with pixels; "between" is what passes outside of all stages.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from throughput import ForwardClock

from zeroseg import ZeroShotSegmenter
from zeroseg.data import DrawnScenes

NETWORKS = {
    "tags": "tagger",
    "caption": "captioner",
    "detection": "detector",
    "masks": "mask_predictor",
}
"""The component of each stage that has a network."""


def measure(preset: str, size: tuple[int, int], count: int) -> dict[str, dict[str, float]]:
    """Milliseconds an image of each stage: all of it, and in its network's forward."""
    system = ZeroShotSegmenter.from_preset(preset, vocabulary="dram", batches_in_flight=1)
    data = DrawnScenes("dram", count=count, size=size, seed=7).dataset
    images = [data[number].image for number in range(count)]
    device = torch.device("cpu")
    networks = {stage: [getattr(system, part).model] for stage, part in NETWORKS.items()}
    entries = {}
    for stage, network in networks.items():  # this is also the warm-up
        with ForwardClock(network, device) as scout:
            list(system.stream(images[:8]))
        entries[stage] = scout.entered
    clocks = {s: ForwardClock(network, device, entries[s]) for s, network in networks.items()}
    with ExitStack() as running:
        for clock in clocks.values():
            running.enter_context(clock)
        start = time.perf_counter()
        results = list(system.stream(images))
        whole = time.perf_counter() - start
    spent: Counter[str] = Counter()
    for result in results:
        spent.update(result.trace.seconds)
    spent["between"] = whole - sum(spent.values())
    forward = {stage: clock.seconds for stage, clock in clocks.items()}
    forward["all"], spent["all"] = sum(forward.values()), whole
    return {
        stage: {"ms": 1000 * seconds / count, "forward_ms": 1000 * forward.get(stage, 0.0) / count}
        for stage, seconds in spent.items()
    }


def main() -> None:
    """Measure, and print a table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--size", nargs="+", default=["256x256"], metavar="WIDTHxHEIGHT")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    found = {}
    for size in arguments.size:
        width, height = map(int, size.split("x"))
        found[size] = measure(arguments.preset, (height, width), arguments.images)
        table = Table("stage", "ms an image", "in forward", "around", title=size)
        for stage, own in found[size].items():
            around = own["ms"] - own["forward_ms"]
            table.add_row(stage, f"{own['ms']:.1f}", f"{own['forward_ms']:.1f}", f"{around:.1f}")
        Console().print(table)
        whole = found[size]["all"]
        Console().print(f"overhead {1 - whole['forward_ms'] / whole['ms']:.1%}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
