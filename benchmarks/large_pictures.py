"""What tiling finds in large pictures and what it costs, and the memory of files of any size.

    python benchmarks/large_pictures.py --size 4096 --things 300 --seams
    python benchmarks/large_pictures.py --files 4096 8192 16384

Without `--files`, a drawn collage (`zeroseg.drawn.collage`: one scene of that size, with things of
many ordinary scenes at their usual size on it, and some of `--scales` times that) is segmented
whole and through windows, and compared with its truth: mIoU, pixels that are right, seconds,
windows and second looks, peak resident memory (Linux alone), and:

- `one`: of the things that lie across a border of first windows, those that a single detection of
  their class covers (IoU of boxes above a half); `can` counts those and the ones that are found
  in a window of their own, whose middle they are, segmented alone: what is in neither is not found
  for other reasons than borders;
- `borders`: how many times as often the class changes from one pixel to the next at borders of
  first windows as elsewhere, and `truth` the same of the truth, whose edges lie anywhere;
- `seams`: the share of pixels that agree with those of the same picture without its first rows and
  columns, half a window of them, so that windows lie elsewhere.

With `--files`, GeoTIFFs of these sides are made of one collage, over and over, and segmented
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
"""Of the collages that GeoTIFFs are made of."""
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


def compare(preset: str, drawn: dict[str, Any], window: int, seams: bool) -> list[dict[str, Any]]:
    """Rows of whole, and of windows, each in a process of its own."""
    ways: list[tuple[int | None, int]] = [(None, 0), (window, 0)]
    if seams:
        ways.append((window, window // 2))
    rows, maps = [], []
    for cut, shift in ways:
        row, labels = apart(_segment, preset, drawn, cut, shift)
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
    preset: str, drawn: dict[str, Any], window: int | None, shift: int
) -> tuple[dict[str, Any], Any]:
    import torch

    from zeroseg import ZeroShotSegmenter
    from zeroseg.drawn.collage import draw_collage
    from zeroseg.metrics.pixel_counts import count_pixels
    from zeroseg.metrics.segmentation_scores import summarize

    torch.set_num_threads(1)
    collage, classes = draw_collage(**drawn), vocabulary(preset)
    image = torch.from_numpy(collage.image).permute(2, 0, 1)[:, shift:, shift:].contiguous()
    segmenter = ZeroShotSegmenter.from_preset(preset, vocabulary=classes, tiling=window)
    looks: list[int] = []
    segmenter.detector.register_forward_hook(lambda _, given, __: looks.append(len(given[0])))
    forget_peak()  # that of drawing
    built, start = peak_memory(), time.perf_counter()
    result = segmenter.segment(image)
    seconds = time.perf_counter() - start
    labels = result.label_map
    aim = truth(collage, classes)[shift:, shift:]
    row = {
        "preset": preset,
        "seed": drawn["seed"],
        "size": drawn["size"][0],
        "window": window,
        "shift": shift,
        "windows": segmenter.windows(tuple(image.shape[1:])),
        "again": max(0, sum(looks) - 1 - segmenter.windows(tuple(image.shape[1:]))),
        "miou": summarize(count_pixels(labels, aim, classes, None), classes)["miou"],
        "accuracy": float((labels == aim).float().mean()),
        "seconds": seconds,
        "stages": dict(result.trace.seconds),
        "built_bytes": built,
        "peak_bytes": peak_memory(),
        "detections": len(result.detections),
    }
    if window is not None and not shift:
        row |= whole_things(collage, image, result, segmenter, window)
        row |= {"changes": changes(labels, window), "true_changes": changes(aim, window)}
    return row, labels.to(torch.uint8).numpy()


def whole_things(
    collage: Any, image: Any, result: Any, segmenter: Any, window: int
) -> dict[str, int]:
    """How many of the things that a first window's border cuts are one detection, or can be."""
    from zeroseg import ZeroShotSegmenter

    alone = ZeroShotSegmenter(result.vocabulary, **segmenter.components())
    rows, columns = borders(result.label_map.shape, window)
    cut = one = can = 0
    for name, (x1, y1, x2, y2) in boxes_of_things(collage):
        if any(x1 < c < x2 for c in columns) or any(y1 < r < y2 for r in rows):
            found = is_one(name, (x1, y1, x2, y2), result)
            cut, one = cut + 1, one + found
            can += found or is_seen_alone(name, (x1, y1, x2, y2), image, alone, window)
    return {"things_cut": cut, "things_one": one, "things_can": can}


def boxes_of_things(collage: Any) -> list[tuple[str, tuple[int, int, int, int]]]:
    """The class and the box of each thing."""
    from torchvision.ops import masks_to_boxes

    found = []
    for number, name in enumerate(collage.classes, start=1):
        mask = collage.things == number
        if mask.any():
            x1, y1, x2, y2 = masks_to_boxes(_tensor(mask)[None])[0].int().tolist()
            found.append((name, (x1, y1, x2 + 1, y2 + 1)))
    return found


def _tensor(mask: Any) -> Any:
    import torch

    return torch.from_numpy(mask)


def is_one(name: str, box: tuple[int, int, int, int], result: Any) -> bool:
    """Whether a single detection of its class covers a thing."""
    from torchvision.ops import box_iou

    label = result.vocabulary.find(name)
    found = result.detections.boxes[result.detections.labels == label]
    return bool((box_iou(found.new_tensor([box]), found) > 0.5).any())


def is_seen_alone(
    name: str, box: tuple[int, int, int, int], image: Any, alone: Any, window: int
) -> bool:
    """Whether a thing is one in a window whose middle it is, of one of two sides."""
    from zeroseg.tiling import Tiling

    for room in (1.5, 3.0):
        around = Tiling(window).around(box, room, image.shape[1:])
        x1, y1, x2, y2 = box
        left, top = around.left, around.top
        shown = (x1 - left, y1 - top, x2 - left, y2 - top)
        if is_one(name, shown, alone.segment(around.cut(image).contiguous())):
            return True
    return False


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


def borders(size: tuple[int, int], window: int) -> tuple[list[int], list[int]]:
    """Rows and columns at which first windows begin or end within a picture (height, width)."""
    from zeroseg.tiling import Tiling

    first = [own.box for own in Tiling(window).windows(size) if own.level == 0]
    rows = {y for _, top, _, bottom in first for y in (top, bottom)} - {0, size[0]}
    columns = {x for left, _, right, _ in first for x in (left, right)} - {0, size[1]}
    return sorted(rows), sorted(columns)


def changes(labels: Any, window: int) -> float:
    """How much more often the class changes from pixel to pixel at borders of first windows."""
    ratios = []
    for axis, edges in enumerate(borders(labels.shape, window)):
        changing = (labels.diff(dim=axis) != 0).float().mean(1 - axis)
        at = changing.new_zeros(len(changing), dtype=bool)
        at[[edge - 1 for edge in edges]] = True
        ratios.append(float(changing[at].mean() / changing[~at].mean()))
    return sum(ratios) / 2


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "preset", "window", "windows", "mIoU", "right", "one/can/cut", "borders", "s", "peak, MiB"
    )
    for row in rows:
        shift = f" shifted {row['shift']}" if row["shift"] else ""
        of_truth = f"{row['changes']:.2f} ({row['true_changes']:.2f})" if "changes" in row else ""
        counts = [str(row.get(f"things_{name}", "")) for name in ("one", "can", "cut")]
        table.add_row(
            row["preset"],
            f"{row['window'] or 'none'}{shift}",
            f"{row['windows']} + {row['again']}",
            f"{row['miou']:.4f}",
            f"{row['accuracy']:.2%}",
            " / ".join(counts) if counts[0] else "",
            of_truth,
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
    parser.add_argument("--seed", type=int, default=31, help="of the collage")
    parser.add_argument(
        "--scales",
        type=int,
        nargs="*",
        default=[],
        help="how many times as large as usual the first things are, one number each",
    )
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
        size = (args.size, args.size)
        drawn = {"seed": args.seed, "size": size, "count": args.things, "scales": args.scales}
        found = compare(args.preset, drawn, args.window, args.seams)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
