"""zeroseg against the published procedure, in one process, over the same images.

    python benchmarks/throughput.py --preset tiny --llm-latency 0.5 --json throughput.json
    python benchmarks/throughput.py --preset tiny --no-llm
    python benchmarks/throughput.py --random-weights mid --no-llm --images 8 --size 500x375
    python benchmarks/throughput.py --random-weights published --device cuda --precision bf16
    python benchmarks/throughput.py --sam3 --images 8
    python benchmarks/throughput.py --dense small --images 2

After a warm-up the two take turns, `--repeats` times; each one's fastest turn counts. The reference
(`reference_loop.py`) always computes in float32. The language model is a server on this machine
with a stated latency (`loopback_llm.py`); refiners start every turn without anything remembered.

- ratio: images a second of zeroseg over the reference's.
- pixel agreement: share of pixels of all images with the same class on both sides.
- LLM hidden: 1 - time blocked / time of the refiners, which is what one batch after the other would
  be blocked. The first batch, with which the pipe fills, is left out on both sides of the fraction.
- overhead: share of zeroseg's time that passes outside of its networks' forward, time blocked by
  the language model left out. From a turn of its own, since the clock in the networks costs time.
- roofline: what the operations of the networks would take at the measured rate of matrix products.

With `--sam3` the sides are SAM 3 as scripts run it (`concept_loop.py`), one prompt at a time and
with the picture repeated, and zeroseg's, all in float32 over all classes of `drawn-all`. Ratios are
of times on the wall, and of processor time, which hardly knows of other processes.

With `--dense` they are dense scorers as scripts run them (`dense_loop.py`), window by window and
prompt by prompt, and zeroseg's, on random weights, with ratios as above.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import concept_loop
import dense_loop
import random_weights
import torch
from loopback_llm import NAME, load_of, serving
from memory import forget_peak, peak_memory, pixels
from reference_loop import ReferenceLoop
from rich.console import Console
from rich.table import Table
from roofline import matmul_rate, stage_operations
from torch import Tensor, nn

from zeroseg import Segmentation, ZeroShotSegmenter
from zeroseg.drawn.scene import draw_scene
from zeroseg.presets import preset_names
from zeroseg.refinement import LexicalPostRefiner, LexicalPreRefiner
from zeroseg.running.transfer import wait_for
from zeroseg.values import Description, Exchange
from zeroseg.vocabularies import DRAWN_ALL

SEED = 7
COUNTED = 4
"""Images that operations are counted on."""
REFINERS = ("pre-refinement", "post-refinement")
TYPES = {"32": torch.float32, "bf16": torch.bfloat16, "16": torch.float16}
PRECISIONS = ("32", "bf16", "16", "bf16-mixed", "16-mixed")


@dataclass
class Turn:
    """One way over all images.

    Attributes:
        seconds: From the first image to the last label map.
        maps: (H, W) int64 each.
        stages: Seconds of each stage, all images together; refiners' are waiting time.
        usage: Calls and tokens of the language model.
        peak: Most memory while it ran, in bytes: of the device, or resident on a CPU.
        hidden: Share of the refiners' time that did not block; None if nothing was awaited.
    """

    seconds: float
    maps: list[Tensor]
    stages: dict[str, float]
    usage: dict[str, int]
    peak: int
    hidden: float | None = None
    descriptions: list[Description] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """What the JSON file tells of it."""
        count = len(self.maps)
        return {
            "images_per_s": count / self.seconds,
            "ms": {stage: 1000 * spent / count for stage, spent in self.stages.items()},
            "peak_bytes": self.peak,
            **self.usage,
        }


class Bench:
    """Both sides, and what they run on.

    Args:
        build: Makes the system; called for each side, so that each has its own precision.
        images: (3, H, W) uint8 each.
        device: Where it runs.
        precision: Of zeroseg's side: as Lightning calls it, without "-true".
        address: The language model's server; None for rules in its place.
    """

    def __init__(
        self,
        build: Callable[[], ZeroShotSegmenter],
        images: Sequence[Tensor],
        device: torch.device,
        precision: str,
        address: str | None,
    ) -> None:
        self.images, self.device, self.address = images, device, address
        self.theirs = build().to(device).requires_grad_(False)
        kind, _, mixed = precision.partition("-")
        self.dtype = TYPES[kind]
        self.ours = build().to(device).requires_grad_(False)
        if not mixed:
            self.ours = self.ours.to(self.dtype)
        self.mixed = bool(mixed)

    def reference(self, images: Sequence[Tensor]) -> Turn:
        """The published procedure's turn."""
        self._refine(self.theirs)
        loop = ReferenceLoop(self.theirs)
        with _clock(self.device) as clock:
            answers = list(loop.stream(images))
        asked = [exchange for answer in answers for exchange in answer.exchanges]
        maps = [answer.label_map for answer in answers]
        return Turn(clock.seconds, maps, loop.seconds, _usage(asked), clock.peak)

    def zeroseg(self, images: Sequence[Tensor]) -> Turn:
        """The turn of zeroseg itself."""
        self._refine(self.ours)
        filling, before = 0.0, self.ours.waited
        results: list[Segmentation] = []
        with _clock(self.device) as clock, self._autocast():
            for result in self.ours.stream(images):
                if not isinstance(result, Segmentation):
                    raise RuntimeError(f"{result.stage} failed: {result.message}")
                if not results:
                    filling = self.ours.waited - before
                results.append(result)
        stages: dict[str, float] = {}
        for result in results:
            for stage, spent in result.trace.seconds.items():
                stages[stage] = stages.get(stage, 0.0) + spent
        later = [result.trace.seconds for result in results[self.ours.batch_size :]]
        awaited = sum(seconds.get(stage, 0.0) for seconds in later for stage in REFINERS)
        blocked = self.ours.waited - before - filling
        return Turn(
            seconds=clock.seconds,
            maps=[result.label_map for result in results],
            stages=stages,
            usage=_usage([e for result in results for e in result.trace.exchanges]),
            peak=clock.peak,
            hidden=1 - blocked / awaited if self.address and awaited else None,
            descriptions=[result.description for result in results],
        )

    def overhead(self, images: Sequence[Tensor]) -> float:
        """Share of zeroseg's time, waiting left out, that is not in its networks' forward."""
        parts = (
            self.ours.tagger,
            self.ours.captioner,
            self.ours.detector,
            self.ours.mask_predictor,
        )
        networks = [part.model for part in parts if part is not None]
        with ForwardClock(networks, self.device) as scout:
            self.zeroseg(images[: self.ours.batch_size])
        before, usual = self.ours.waited, self.ours.batches_in_flight
        self.ours.batches_in_flight = 1  # one thing at a time, or times would overlap
        with ForwardClock(networks, self.device, scout.entered) as clock:
            seconds = self.zeroseg(images).seconds
        self.ours.batches_in_flight = usual
        return 1 - clock.seconds / (seconds - (self.ours.waited - before))

    def roofline(self, turn: Turn) -> dict[str, Any]:
        """Operations an image and stage, the device's rate, and the share of it that is reached."""
        self._refine(self.theirs)
        few = self.images[:COUNTED]
        counts = stage_operations(self.theirs, few, turn.descriptions[:COUNTED])
        rate = matmul_rate(self.device, self.dtype)
        seconds = sum(counts.values()) / rate
        return {
            "operations": counts,
            "matmul_operations_per_s": rate,
            "share": seconds * len(turn.maps) / turn.seconds,
        }

    def _refine(self, segmenter: ZeroShotSegmenter) -> None:
        """Give it refiners that remember nothing."""
        if self.address is None:
            segmenter.pre_refiner, segmenter.post_refiner = (
                LexicalPreRefiner(),
                LexicalPostRefiner(),
            )
            return
        from zeroseg import LLMPostRefiner, LLMPreRefiner, OpenAIChat

        chat = OpenAIChat(NAME, base_url=self.address)
        segmenter.pre_refiner, segmenter.post_refiner = LLMPreRefiner(chat), LLMPostRefiner(chat)

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, self.dtype) if self.mixed else nullcontext()


class ForwardClock:
    """Time that networks spend in their forward: hooks on the modules that are called from outside.

    Args:
        networks: The networks.
        device: Where they run.
        entries: The modules that are called from outside; by default all are watched, and those
            found so are in `entered` afterwards.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        device: torch.device,
        entries: set[nn.Module] | None = None,
    ) -> None:
        self.seconds = 0.0
        self.entered: set[nn.Module] = set()
        self._watched = entries or {m for network in networks for m in network.modules()}
        self._device = device
        self._depth, self._start = 0, 0.0

    def __enter__(self) -> ForwardClock:
        self._hooks = [m.register_forward_pre_hook(self._enter) for m in self._watched]
        self._hooks += [m.register_forward_hook(self._leave) for m in self._watched]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _enter(self, module: nn.Module, _: Any) -> None:
        if not self._depth:
            self.entered.add(module)
            self._start = _now(self._device)
        self._depth += 1

    def _leave(self, *_: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self.seconds += _now(self._device) - self._start


@dataclass
class Clock:
    """Filled when what it measures is over."""

    seconds: float = 0.0
    peak: int = 0


@contextmanager
def _clock(device: torch.device) -> Iterator[Clock]:
    """Time and peak memory of the body."""
    clock = Clock()
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.cuda.reset_peak_memory_stats(device)
    else:
        forget_peak()
    start = _now(device)
    yield clock
    clock.seconds = _now(device) - start
    clock.peak = torch.cuda.max_memory_allocated(device) if on_cuda else peak_memory()


def _now(device: torch.device) -> float:
    """Seconds on a clock, when all work of the device is done."""
    wait_for(device)
    return time.perf_counter()


def _usage(exchanges: Sequence[Exchange]) -> dict[str, int]:
    used = [exchange.usage for exchange in exchanges]
    return {
        "calls": sum(usage.calls for usage in used),
        "prompt_tokens": sum(usage.prompt_tokens for usage in used),
        "completion_tokens": sum(usage.completion_tokens for usage in used),
    }


def compare(bench: Bench, warm_up: int, repeats: int) -> dict[str, Any]:
    """Turn about, and everything that is told of it."""
    bench.reference(bench.images[:1])
    bench.zeroseg(bench.images[:warm_up])
    theirs, ours = [], []
    for _ in range(repeats):
        theirs.append(bench.reference(bench.images))
        ours.append(bench.zeroseg(bench.images))
    slow, fast = (min(turns, key=lambda turn: turn.seconds) for turns in (theirs, ours))
    return {
        "ratio": slow.seconds / fast.seconds,
        "pixel_agreement": concept_loop.agreement(slow.maps, fast.maps),
        "llm_hidden": fast.hidden,
        "overhead": bench.overhead(bench.images),
        "reference": slow.figures(),
        "zeroseg": fast.figures(),
        "roofline": bench.roofline(fast),
    }


def machine(device: torch.device) -> dict[str, Any]:
    """What it ran on."""
    on_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_cuda else platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def show(report: dict[str, Any], console: Console) -> None:
    """The report as tables."""
    theirs, ours, roof = report["reference"], report["zeroseg"], report["roofline"]
    stages = Table("stage, ms an image", "reference", "zeroseg", "GFLOP", "roofline ms")
    for stage in theirs["ms"]:
        operations = roof["operations"].get(stage)
        bound = operations and operations / roof["matmul_operations_per_s"]
        stages.add_row(
            stage,
            f"{theirs['ms'][stage]:.1f}",
            f"{ours['ms'].get(stage, 0):.1f}",
            f"{operations / 1e9:.1f}" if operations else "",
            f"{1000 * bound:.2f}" if bound else "",
        )
    console.print(stages)
    whole = Table("whole", "reference", "zeroseg")
    for name, key, form in (
        ("images/s", "images_per_s", "{:.2f}"),
        ("LLM calls", "calls", "{}"),
        ("prompt tokens", "prompt_tokens", "{}"),
        ("completion tokens", "completion_tokens", "{}"),
    ):
        whole.add_row(name, form.format(theirs[key]), form.format(ours[key]))
    mib = [f"{side['peak_bytes'] / 2**20:.0f}" for side in (theirs, ours)]
    whole.add_row("peak memory, MiB", *mib)
    console.print(whole)
    hidden = report["llm_hidden"]
    console.print(
        f"ratio {report['ratio']:.2f}, pixel agreement {report['pixel_agreement']:.4%}, "
        f"LLM hidden {'-' if hidden is None else f'{hidden:.1%}'}, "
        f"overhead {report['overhead']:.1%}, of the roofline {roof['share']:.1%} "
        f"({roof['matmul_operations_per_s'] / 1e9:.0f} GFLOP/s)"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--preset", choices=preset_names(), default="tiny", help="whose networks and options to use"
    )
    parser.add_argument("--random-weights", choices=list(random_weights.SIZES), help="in its place")
    parser.add_argument("--sam3", action="store_true", help="SAM 3 in place of a preset")
    parser.add_argument(
        "--dense",
        choices=list(dense_loop.SIZES),
        help="dense scorers in place of a preset",
    )
    parser.add_argument("--checkpoint", default="tiny:sam3", help="for --sam3: hub name or folder")
    parser.add_argument(
        "--together", type=int, default=8, help="prompts that a picture is repeated for"
    )
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--size", type=pixels, default=(256, 256), metavar="WxH")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3, help="turns of each side")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="32", help="of zeroseg's side")
    parser.add_argument("--no-llm", action="store_true", help="refine by rules instead")
    parser.add_argument("--llm-latency", type=float, default=0.5, help="seconds to an answer")
    parser.add_argument("--llm-rate", type=float, default=50, help="requests a second")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if min(args.images, args.batch_size, args.repeats, args.together) < 1:
        parser.error("--images, --batch-size, --repeats and --together must be at least 1")
    alone = args.no_llm or args.sam3 or args.dense
    if not alone and find_spec("openai") is None:
        parser.error("the language model is asked through openai: pip install openai, or --no-llm")
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: there is no GPU that torch can use")
    return args


def main() -> None:
    args = parse()
    console, device = Console(width=110), torch.device(args.device)

    def build() -> ZeroShotSegmenter:
        if args.random_weights:
            sizes = random_weights.SIZES[args.random_weights]()
            segmenter = random_weights.build(sizes, device, batch_size=args.batch_size)
        else:
            rules = {"pre_refiner": LexicalPreRefiner(), "post_refiner": LexicalPostRefiner()}
            segmenter = ZeroShotSegmenter.from_preset(args.preset, **rules)
        segmenter.batch_size = args.batch_size
        return segmenter

    scenes = (draw_scene(SEED, i, args.size).image for i in range(args.images))
    images = [torch.from_numpy(scene).permute(2, 0, 1).contiguous() for scene in scenes]
    options = {name: str(value) for name, value in vars(args).items() if value is not None}
    about = {"machine": machine(device), "options": options}
    if args.sam3:
        parts = concept_loop.system(args.checkpoint, DRAWN_ALL, device)
        found = concept_loop.compare(parts, images, args.repeats, args.together)
        concept_loop.show(found, console)
        write(args.json, {"ways": found, **about})
        return
    if args.dense:
        size = dense_loop.SIZES[args.dense]
        found = dense_loop.compare(size, DRAWN_ALL, images, args.repeats, args.together, device)
        dense_loop.show(found, console)
        write(args.json, {"ways": found, **about})
        return
    server = nullcontext() if args.no_llm else serving(args.llm_latency, args.llm_rate)
    with server as address:
        bench = Bench(build, images, device, args.precision, address)
        report = compare(bench, args.batch_size, args.repeats)
        if address:
            report["server"] = load_of(address)
    show(report, console)
    write(args.json, {**report, **about})


def write(file: Path | None, report: dict[str, Any]) -> None:
    if file:
        file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
