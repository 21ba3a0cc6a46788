"""What `Sam3` and the two-stage preview take by the number of classes, and what the preview costs.

    python benchmarks/many_classes.py
    python benchmarks/many_classes.py --classes 1 25 150 1203 --size 4000x3000
    python benchmarks/many_classes.py --loss 100 --classes 25 150 --size 256x256

Each number of classes is asked with and without the preview, of one picture, in a process of its
own: seconds of the second look at it, when texts are known, and peak resident memory (Linux alone)
beside what the process held when everything was built. The picture is a drawn scene, enlarged. The
classes are those of `drawn-all`, then names of which no scene holds an example.

`--loss` compares label maps of that many drawn scenes with and without the preview: mIoU of both
against the truth, the share of pixels that differ, how many words of a scene were not admitted, and
how many of these had been in it, with at least one pixel.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from memory import MIB, peak_memory, pixels
from rich.console import Console
from rich.progress import track
from rich.table import Table

SEED = 13
"""Of scenes that no recipe trains on or watches."""
DRAWN_SIDE = 256
"""Height that a scene is drawn at before it is enlarged."""
CONSOLE = Console(width=100)
HOW = {"off": "never", "on": "always"}


def classes(count: int) -> Any:
    """A vocabulary of `count` classes and a background."""
    from zeroseg.drawn.world import NEVER_DRAWN
    from zeroseg.vocabularies import DRAWN_ALL
    from zeroseg.vocabulary import Vocabulary

    known = [name for name in DRAWN_ALL.names if name != "background"]
    names = dict.fromkeys([*known, *NEVER_DRAWN])
    rest = [f"nothing {number}" for number in range(count)]
    chosen = [*names, *rest][:count]
    stuff = [DRAWN_ALL.names[index] for index in DRAWN_ALL.stuff]
    return Vocabulary.from_names(
        ["background", *chosen],
        background="background",
        stuff=[name for name in stuff if name in chosen],
    )


def system(checkpoint: str, count: int, preview: str) -> Any:
    """Sam3 over `count` classes, with the preview off or on."""
    from zeroseg import ZeroShotSegmenter
    from zeroseg.detection import Sam3
    from zeroseg.fusion import ThingsAndStuff
    from zeroseg.masking import DetectorMasks
    from zeroseg.refinement import AllClasses

    detector = Sam3.from_pretrained(checkpoint, preview=HOW[preview])
    fusion = ThingsAndStuff(background="never")
    return ZeroShotSegmenter(classes(count), AllClasses(), detector, DetectorMasks(), fusion=fusion)


def cost(checkpoint: str, count: int, preview: str, size: tuple[int, int]) -> dict[str, Any]:
    """Time and peak memory of one picture, in a process of its own."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(_cost, checkpoint, count, preview, size).result()


def _cost(checkpoint: str, count: int, preview: str, size: tuple[int, int]) -> dict[str, Any]:
    import torch
    from torch.nn.functional import interpolate

    from zeroseg.drawn.scene import draw_scene

    scene = torch.from_numpy(draw_scene(SEED, 0, (DRAWN_SIDE, DRAWN_SIDE)).image).permute(2, 0, 1)
    image = interpolate(scene[None], size)[0].contiguous()
    segmenter = system(checkpoint, count, preview)
    segmenter.segment([scene.contiguous()])  # texts are read, and all code has been loaded
    built = peak_memory()
    start, busy = time.perf_counter(), time.process_time()
    [result] = segmenter.segment([image])
    return {
        "classes": count,
        "preview": preview,
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - busy,
        "stages": dict(result.trace.seconds),
        "built_bytes": built,
        "peak_bytes": peak_memory(),
    }


def loss(checkpoint: str, count: int, scenes: int, size: tuple[int, int]) -> dict[str, Any]:
    """Label maps with the preview against those without it."""
    import torch

    from zeroseg.data.drawn_scenes import SceneDataset
    from zeroseg.metrics.pixel_counts import PixelCounts, count_pixels
    from zeroseg.metrics.segmentation_scores import summarize
    from zeroseg.vocabularies import DRAWN_ALL

    plain, previewed = (system(checkpoint, count, how) for how in HOW)
    vocabulary = plain.vocabulary
    data = SceneDataset(vocabulary, scenes, size, SEED)
    counts = {how: PixelCounts.zeros(len(vocabulary)) for how in HOW}
    differing = pruned = missed = 0
    for number in track(range(scenes), f"{count} classes", console=CONSOLE, transient=True):
        truth = data.truth(number).target
        [one], [other] = (own.segment([data.image(number)]) for own in (plain, previewed))
        for how, result in zip(HOW, (one, other), strict=True):
            counts[how] = counts[how] + count_pixels(result.label_map, truth, vocabulary, None)
        differing += int((one.label_map != other.label_map).sum())
        dense = other.detections.dense
        gone = torch.tensor(dense.labels)[dense.maps.flatten(1).amax(1).cpu() == 0]
        pruned += len(gone)
        missed += int(torch.isin(gone, truth.unique()).sum())
    drawn = [name for name in vocabulary.names if DRAWN_ALL.find(name)]
    scored = [vocabulary.names.index(name) for name in drawn]
    mious = {how: summarize(own, vocabulary, scored=scored)["miou"] for how, own in counts.items()}
    return {
        "classes": count,
        "scenes": scenes,
        "miou": mious,
        "differing": differing / (scenes * size[0] * size[1]),
        "pruned": pruned / scenes,
        "pruned_though_there": missed / scenes,
    }


def show_costs(found: list[dict[str, Any]]) -> None:
    table = Table("classes", "preview", "s", "processor s", "built, MiB", "peak, MiB", "more, MiB")
    for row in found:
        table.add_row(
            str(row["classes"]),
            row["preview"],
            f"{row['seconds']:.2f}",
            f"{row['processor_seconds']:.2f}",
            f"{row['built_bytes'] / MIB:.0f}",
            f"{row['peak_bytes'] / MIB:.0f}",
            f"{(row['peak_bytes'] - row['built_bytes']) / MIB:.0f}",
        )
    CONSOLE.print(table)


def show_losses(found: list[dict[str, Any]]) -> None:
    table = Table("classes", "mIoU without", "with", "pixels that differ", "pruned", "though there")
    for row in found:
        table.add_row(
            str(row["classes"]),
            f"{row['miou']['off']:.4f}",
            f"{row['miou']['on']:.4f}",
            f"{row['differing']:.3%}",
            f"{row['pruned']:.1f}",
            f"{row['pruned_though_there']:.2f}",
        )
    CONSOLE.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="tiny:sam3", help="hub name or folder")
    parser.add_argument("--classes", type=int, nargs="+", default=[1, 25, 150, 1203])
    parser.add_argument("--size", type=pixels, metavar="WxH", help="of pictures, in pixels")
    parser.add_argument("--loss", type=int, metavar="SCENES", help="compare label maps instead")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("peaks are read from /proc, which only Linux has")
    if min(args.classes) < 1 or (args.loss is not None and args.loss < 1):
        parser.error("--classes and --loss must be at least 1")
    if args.loss is not None:
        size = args.size or (256, 256)
        found = [loss(args.checkpoint, count, args.loss, size) for count in args.classes]
        show_losses(found)
    else:
        size = args.size or (3000, 4000)
        ways = [(count, how) for count in args.classes for how in HOW]
        found = [
            cost(args.checkpoint, count, how, size)
            for count, how in track(ways, "a process each", console=CONSOLE, transient=True)
        ]
        show_costs(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
