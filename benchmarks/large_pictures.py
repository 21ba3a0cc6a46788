"""What tiling finds in large pictures and what it costs, and the memory of files of any size.

    python benchmarks/large_pictures.py --size 4096 --things 300
    python benchmarks/large_pictures.py --files 4096 8192 16384

Without `--files`, a drawn collage (`zeroseg.drawn.collage`: one scene of that size, with things of
many ordinary scenes at their usual size on it) is segmented whole and through windows, and compared
with its truth: mIoU, pixels that are right, seconds, windows, peak resident memory (Linux alone).
`seams` is the share of pixels that agree with those of the same picture without its first rows and
columns, half a window of them, so that windows lie elsewhere; `one` the share of things that lie
across a border of the first windows and are covered by a single detection of their class to a half
at least (IoU of boxes); `borders` how many times as often the class changes from one pixel to the
next at borders of first windows as elsewhere, 1 where nothing is seen of them.

With `--files`, GeoTIFFs of these sides are made of the same collage, over and over, and segmented
by `zeroseg.tiling.segment_geotiff`, each in a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from memory import MIB, forget_peak, peak_memory
from rich.console import Console
from rich.table import Table

SEED = 12
"""Of a scene with things that are larger than a window."""
CONSOLE = Console(width=110)


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Work that is done in a process of its own."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(work, *arguments).result()


def vocabulary(preset: str) -> Any:
    """The classes of the drawn world that a preset is for: all for one that labels every pixel."""
    from zeroseg.vocabularies import DRAWN, DRAWN_ALL

    return DRAWN if preset == "tiny" else DRAWN_ALL


def truth(collage: Any, classes: Any) -> Any:
    """The truth of a collage, (H, W) int64."""
    import torch

    from zeroseg.drawn.world import CATEGORIES

    known = [classes.find(name) for name in CATEGORIES]
    table = torch.tensor([classes.background if label is None else label for label in known])
    return table[torch.from_numpy(collage.categories).long()]


def compare(preset: str, size: int, things: int, window: int, seams: bool) -> list[dict[str, Any]]:
    """Rows of whole, and of windows, each in a process of its own."""
    ways: list[tuple[int | None, int]] = [(None, 0), (window, 0)]
    if seams:
        ways.append((window, window // 2))
    rows, maps = [], []
    for cut, shift in ways:
        row, labels = apart(_segment, preset, size, things, cut, shift)
        rows.append(row)
        maps.append(labels)
        show([row])
    if seams:
        common = maps[1][window // 2 :, window // 2 :]
        rows[1]["seams"] = float((common == maps[2]).mean())
        same = f"{rows[1]['seams']:.2%}"
        CONSOLE.print(f"pixels that agree when windows are shifted by a half: {same}")
    return rows


def _segment(
    preset: str, size: int, things: int, window: int | None, shift: int
) -> tuple[dict[str, Any], Any]:
    import torch

    from zeroseg import ZeroShotSegmenter
    from zeroseg.drawn.collage import draw_collage
    from zeroseg.metrics.pixel_counts import count_pixels
    from zeroseg.metrics.segmentation_scores import summarize

    torch.set_num_threads(1)
    collage, classes = draw_collage(SEED, (size, size), things), vocabulary(preset)
    image = torch.from_numpy(collage.image).permute(2, 0, 1)[:, shift:, shift:].contiguous()
    segmenter = ZeroShotSegmenter.from_preset(preset, vocabulary=classes, tiling=window)
    forget_peak()  # that of drawing
    built, start = peak_memory(), time.perf_counter()
    result = segmenter.segment(image)
    seconds = time.perf_counter() - start
    labels = result.label_map
    aim = truth(collage, classes)[shift:, shift:]
    row = {
        "preset": preset,
        "size": size,
        "window": window,
        "shift": shift,
        "windows": segmenter.windows(tuple(image.shape[1:])),
        "miou": summarize(count_pixels(labels, aim, classes, None), classes)["miou"],
        "accuracy": float((labels == aim).float().mean()),
        "seconds": seconds,
        "stages": dict(result.trace.seconds),
        "built_bytes": built,
        "peak_bytes": peak_memory(),
        "detections": len(result.detections),
    }
    if window is not None and not shift:
        row |= whole_things(collage, result, window)
        row["changes"] = changes(labels, window)
    return row, labels.to(torch.uint8).numpy()


def whole_things(collage: Any, result: Any, window: int) -> dict[str, Any]:
    """How many of the things that a first window's border cuts are one detection."""
    import torch
    from torchvision.ops import box_iou

    from zeroseg.tiling import Tiling

    tiles = [w for w in Tiling(window).windows(result.label_map.shape) if w.level == 0]
    height, width = result.label_map.shape
    columns = {edge for w in tiles for edge in (w.box[0], w.box[2])} - {0, width}
    rows = {edge for w in tiles for edge in (w.box[1], w.box[3])} - {0, height}
    cut = one = 0
    for number, name in enumerate(collage.classes, start=1):
        y, x = (collage.things == number).nonzero()
        if not len(y):
            continue
        x1, y1, x2, y2 = (int(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1))
        if any(x1 < c < x2 for c in columns) or any(y1 < r < y2 for r in rows):
            cut += 1
            label = result.vocabulary.find(name)
            found = result.detections.boxes[result.detections.labels == label]
            one += bool((box_iou(torch.tensor([[x1, y1, x2, y2]]).float(), found) > 0.5).any())
    return {"things_cut": cut, "things_one": one}


def files(preset: str, sides: list[int], window: int) -> list[dict[str, Any]]:
    """Peak memory and seconds by the side of a file, each in a process of its own."""
    table = Table("side", "MiB of pixels", "blocks' seconds", "built, MiB", "peak, MiB")
    rows = []
    for side in sides:
        rows.append(apart(_segment_file, preset, side, window))
        row = rows[-1]
        built, peak = (f"{row[name] / MIB:.0f}" for name in ("built_bytes", "peak_bytes"))
        size = f"{3 * side * side / MIB:.0f}"
        table.add_row(str(side), size, f"{row['seconds']:.0f}", built, peak)
    CONSOLE.print(table)
    return rows


def _segment_file(preset: str, side: int, window: int) -> dict[str, Any]:
    import torch

    from zeroseg import ZeroShotSegmenter
    from zeroseg.tiling import segment_geotiff

    torch.set_num_threads(1)
    classes = vocabulary(preset)
    segmenter = ZeroShotSegmenter.from_preset(preset, vocabulary=classes, tiling=window or None)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "large.tif"
        _write(source, side)
        segmenter.segment(torch.zeros(3, 256, 256, dtype=torch.uint8))  # all code is loaded
        built, start = peak_memory(), time.perf_counter()
        areas = segment_geotiff(segmenter, source, Path(folder) / "mask.tif", block=2048)
        seconds = time.perf_counter() - start
    return {
        "side": side,
        "seconds": seconds,
        "built_bytes": built,
        "peak_bytes": peak_memory(),
        "areas": areas,
    }


def _write(file: Path, side: int) -> None:
    """A GeoTIFF of a collage of 1024 pixels, over and over."""
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    from zeroseg.drawn.collage import draw_collage

    pixels = draw_collage(SEED, (1024, 1024), 20).image.transpose(2, 0, 1)
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 3, "dtype": "uint8"}
    profile |= {"tiled": True, "blockxsize": 256, "blockysize": 256, "crs": "EPSG:32633"}
    place = from_origin(500_000, 5_000_000, 0.5, 0.5)
    with (
        rasterio.Env(GDAL_CACHEMAX=64),
        rasterio.open(file, "w", transform=place, bigtiff="if_safer", **profile) as target,
    ):
        for top in range(0, side, 1024):
            for left in range(0, side, 1024):
                height, width = min(1024, side - top), min(1024, side - left)
                part = pixels[:, :height, :width]
                target.write(part, window=Window(left, top, width, height))


def changes(labels: Any, window: int) -> float:
    """How much more often the class changes from pixel to pixel at borders of first windows."""
    import torch

    from zeroseg.tiling import Tiling

    tiles = [w for w in Tiling(window).windows(labels.shape) if w.level == 0]
    ratios = []
    for axis in (0, 1):
        edges = {e for w in tiles for e in (w.box[1 - axis], w.box[3 - axis])}
        edges -= {0, labels.shape[axis]}
        changing = (labels.diff(dim=axis) != 0).float().mean(1 - axis)
        at = torch.zeros(len(changing), dtype=torch.bool)
        at[[edge - 1 for edge in edges]] = True
        ratios.append(float(changing[at].mean() / changing[~at].mean()))
    return sum(ratios) / 2


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "preset", "window", "windows", "mIoU", "right", "cut, one", "borders", "s", "peak, MiB"
    )
    for row in rows:
        shift = f" shifted {row['shift']}" if row["shift"] else ""
        borders = f"{row['changes']:.2f}" if "changes" in row else ""
        cut = f"{row['things_one']} of {row['things_cut']}" if "things_cut" in row else ""
        table.add_row(
            row["preset"],
            f"{row['window'] or 'none'}{shift}",
            str(row["windows"]),
            f"{row['miou']:.4f}",
            f"{row['accuracy']:.2%}",
            cut,
            borders,
            f"{row['seconds']:.1f}",
            f"{row['peak_bytes'] / MIB:.0f}",
        )
    CONSOLE.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--size", type=int, default=4096, help="side of the collage, in pixels")
    parser.add_argument("--things", type=int, default=300, help="things that are laid on it")
    parser.add_argument("--window", type=int, default=256, help="side of a window, in pixels")
    parser.add_argument("--seams", action="store_true", help="also with windows shifted by a half")
    parser.add_argument("--files", type=int, nargs="+", metavar="SIDE", help="GeoTIFFs instead")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("peaks are read from /proc, which only Linux has")
    if args.files:
        found = files(args.preset, args.files, args.window)
    else:
        found = compare(args.preset, args.size, args.things, args.window, args.seams)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
