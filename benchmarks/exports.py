"""What every export gives back of drawn scenes, and the memory that a long one takes.

The round trip is that of `export.json`: the IoU of each region with what a reader of the format
gets of it, over drawn scenes whose truth stands for results; stuff is labelled too, so that regions
have holes. Memory is the peak of a process of its own for each format and count, over the same
scene again and again: what grows with the count is what an export keeps of each picture.

    python benchmarks/exports.py --count 50
    python benchmarks/exports.py --memory 200 2000 --formats coco yolo cvat
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from zeroseg.data.drawn_scenes import label_map
from zeroseg.drawn.scene import draw_scene
from zeroseg.export import FORMATS, export_results
from zeroseg.plotting import indexed
from zeroseg.vocabularies import DRAWN_ALL

MASKS = {"shapes": "masks"}
RINGS = tuple({"shapes": "polygons", "holes": holes} for holes in ("cut", "fill"))
CHOICES: dict[str, tuple[dict[str, str], ...]] = {
    **dict.fromkeys(("coco", "labelme", "cvat", "label-studio"), (MASKS, *RINGS)),
    "yolo": RINGS,
}
"""Formats that can be had in several ways, and these."""


def write_results(folder: Path, count: int, scenes: int, size: tuple[int, int]) -> None:
    """Results as `zeroseg segment` writes them, without overlays: the truth of drawn scenes."""
    drawn = [draw_scene(1, index, size) for index in range(scenes)]
    for number in range(count):
        scene, base = drawn[number % scenes], folder / f"{number:06d}"
        base.parent.mkdir(parents=True, exist_ok=True)
        picture = base.with_suffix(".jpg")
        Image.fromarray(scene.image).save(picture)
        labels = label_map(scene, DRAWN_ALL)
        indexed(torch.as_tensor(labels), DRAWN_ALL).save(base.with_suffix(".mask.png"))
        told = {"name": str(picture), "vocabulary": DRAWN_ALL.to_dict(), "detections": []}
        base.with_suffix(".json").write_text(json.dumps(told))


def round_trips(folder: Path, formats: Sequence[str]) -> list[dict[str, Any]]:
    """The round trip of every format and of its choices."""
    rows = []
    for name in formats:
        for options in CHOICES.get(name, ({},)):
            with tempfile.TemporaryDirectory() as out:
                report = export_results(str(folder), out, name, check=10**9, **options)
            trip = report.round_trip.to_dict()
            rows.append({"format": name, **options, **trip, "notes": dict(report.notes)})
    return rows


def _peak(folder: str, name: str, found: Any) -> None:
    with tempfile.TemporaryDirectory() as out:
        export_results(folder, out, name)
    status = Path("/proc/self/status").read_text()  # getrusage tells the parent's peak as well
    found.put(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def peaks(counts: Sequence[int], formats: Sequence[str], size: tuple[int, int]) -> dict[str, Any]:
    """Peak memory in MiB of each format by the number of pictures."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, Any] = {name: {} for name in formats}
    for count in counts:
        with tempfile.TemporaryDirectory() as results:
            write_results(Path(results), count, 1, size)
            for name in formats:
                queue = context.Queue()
                process = context.Process(target=_peak, args=(results, name, queue))
                process.start()
                found[name][count] = round(queue.get(timeout=3600), 1)
                process.join()
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50, help="drawn scenes; default 50")
    parser.add_argument("--side", type=int, default=256, help="of a scene in pixels; default 256")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), help="default all")
    parser.add_argument(
        "--memory", type=int, nargs="+", default=[], metavar="N", help="pictures; Linux only"
    )
    arguments = parser.parse_args(argv)
    size = (arguments.side, arguments.side)
    if arguments.memory:
        result: dict[str, Any] = {"MiB": peaks(arguments.memory, arguments.formats, size)}
    else:
        with tempfile.TemporaryDirectory() as results:
            write_results(Path(results), arguments.count, arguments.count, size)
            result = {"round trips": round_trips(Path(results), arguments.formats)}
    for row in result.get("round trips", []):
        print(json.dumps(row))
    if "MiB" in result:
        print(json.dumps(result))
    return result


if __name__ == "__main__":
    main()
