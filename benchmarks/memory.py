"""How much memory zeroseg takes: over many images, and over many boxes.

    python benchmarks/memory.py --stream 5000
    python benchmarks/memory.py --boxes 300 --size 2048x1024

`--stream` sends drawn scenes through the tiny preset and compares the peak of the process after the
first 200 images with the one at the end. `--boxes` gives SAM ViT-B (full size, random weights) that
many boxes of one image of noise and paints the masks, in a process of its own, whose peak is told.
Peaks are resident memory on the CPU, everything included; on Linux alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

MIB = 1 << 20
SETTLED = 200
"""Images after which memory should no longer grow."""
CONSOLE = Console(width=100)


def peak_memory() -> int:
    """The most memory that this process was resident with since `forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Start the peak of this process anew from what it holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def stream(count: int, size: tuple[int, int], settled: int) -> dict[str, Any]:
    """Peaks of a stream of drawn scenes through the tiny preset."""
    from zeroseg import Segmentation, ZeroShotSegmenter
    from zeroseg.data.drawn_scenes import SceneDataset
    from zeroseg.vocabularies import DRAWN

    scenes = SceneDataset(DRAWN, count, size, seed=7)
    segmenter = ZeroShotSegmenter.from_preset("tiny", vocabulary=DRAWN)

    def images() -> Iterator[Any]:
        return (scenes.image(i) for i in range(count))

    start, early = time.perf_counter(), 0
    for number, result in enumerate(segmenter.stream(images()), start=1):
        if not isinstance(result, Segmentation):
            raise RuntimeError(f"{result.stage} failed: {result.message}")
        if number == settled:
            early = peak_memory()
        if number % settled == 0:
            CONSOLE.print(f"{number} images, peak {peak_memory() / MIB:.0f} MiB")
    late = peak_memory()
    return {
        "images": count,
        "settled_after": settled,
        "peak_settled_bytes": early,
        "peak_bytes": late,
        "growth": late / early - 1,
        "seconds": time.perf_counter() - start,
    }


def boxes(count: int, size: tuple[int, int], network: str) -> dict[str, Any]:
    """The peak of a process that segments `count` boxes of one image."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(_segment_boxes, count, size, network).result()


def _segment_boxes(count: int, size: tuple[int, int], network: str) -> dict[str, Any]:
    import torch

    from zeroseg import Detections, HighestScore
    from zeroseg.testing import noise
    from zeroseg.vocabularies import DRAWN

    height, width = size
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, 2, generator=generator) * torch.tensor([width, height])
    found = Detections(
        boxes=torch.cat([corners.amin(1), corners.amax(1)], 1),
        scores=torch.linspace(1, 0.2, count),
        labels=torch.arange(count) % (len(DRAWN) - 1) + 1,
        phrases=("thing",) * count,
        prompt_index=torch.zeros(count, dtype=torch.int64),
    )
    predictor = _predictor(network)
    start, before = time.perf_counter(), peak_memory()
    [masks] = predictor([noise(height, width)], [found])
    label_map = HighestScore()(masks, found, DRAWN)
    return {
        "boxes": count,
        "size": [height, width],
        "network": network,
        "labels": len(label_map.unique()),
        "built_bytes": before,
        "peak_bytes": peak_memory(),
        "seconds": time.perf_counter() - start,
    }


def _predictor(network: str) -> Any:
    """SAM ViT-B with random weights, or the tiny SAM."""
    import torch
    from transformers import SamConfig, SamImageProcessor, SamModel

    from zeroseg import Sam

    if network == "tiny":
        return Sam.from_pretrained("tiny:sam")
    torch.manual_seed(0)
    return Sam(model=SamModel(SamConfig()), image_processor=SamImageProcessor())


def pixels(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    width, height = text.split("x")
    return int(height), int(width)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stream", type=int, metavar="IMAGES", help="images to stream")
    parser.add_argument("--boxes", type=int, metavar="BOXES", help="boxes of one image")
    parser.add_argument("--size", type=pixels, metavar="WxH", help="of images, in pixels")
    parser.add_argument("--settled", type=int, default=SETTLED, help="images before the first peak")
    parser.add_argument("--network", choices=["vit_b", "tiny"], default="vit_b", help="for --boxes")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("peaks are read from /proc, which only Linux has")
    if args.stream is None and args.boxes is None:
        parser.error("say what to measure: --stream or --boxes")
    if args.stream is not None and not 0 < args.settled <= args.stream:
        parser.error(f"--settled {args.settled} is not in 1 to --stream {args.stream}")
    if args.boxes is not None and args.boxes < 1:
        parser.error(f"--boxes {args.boxes} is less than 1")
    report: dict[str, Any] = {}
    if args.stream is not None:
        report["stream"] = found = stream(args.stream, args.size or (96, 96), args.settled)
        CONSOLE.print(
            f"peak after {found['settled_after']} images {found['peak_settled_bytes'] / MIB:.0f} "
            f"MiB, after {found['images']} {found['peak_bytes'] / MIB:.0f} MiB: "
            f"{found['growth']:+.1%}, {found['seconds']:.0f} s"
        )
    if args.boxes is not None:
        report["boxes"] = found = boxes(args.boxes, args.size or (1024, 2048), args.network)
        CONSOLE.print(
            f"{found['boxes']} boxes on {found['size'][1]}x{found['size'][0]}, {found['network']}: "
            f"{found['built_bytes'] / MIB:.0f} MiB with the network built, peak "
            f"{found['peak_bytes'] / MIB:.0f} MiB, {found['seconds']:.0f} s"
        )
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
