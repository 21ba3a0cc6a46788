"""What carrying masks through a video gives and takes: quality, steadiness, speed, memory.

    python benchmarks/video.py --quality --models tiny tiny-sam3
    python benchmarks/video.py --memory 500 10000

`--quality` segments drawn scenes that move, whose truth and motion are known, frame by frame and
with keyframes every so many frames. mIoU is over the pixels of all frames; TC is the temporal
consistency of Liu et al. (2020) with the true motion, and `agree` the share of pixels that keep
their class (`zeroseg.metrics.TemporalConsistency`). All ways work on the same frames in turns.
`--memory` sends so many small frames through `zeroseg video`'s run with a cheap system, masks and
overlay included, in a process for each number, and tells the peaks of resident memory; on Linux.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from memory import MIB, peak_memory, pixels
from rich.console import Console
from rich.table import Table
from torch import Tensor

CONSOLE = Console(width=100)
SEED = 7
FRAME_BY_FRAME = 0
"""Frames between keyframes where there are none: every frame by itself."""


def predictions(segmenter: Any, images: list[Any], every: int) -> Iterator[Tensor]:
    """The label map of each frame."""
    if every == FRAME_BY_FRAME:
        yield from (result.label_map for result in segmenter.stream(images))
        return
    for result in segmenter.segment_video(images, every=every):
        yield result.segmentation.label_map


def quality(
    model: str, ways: list[int], scenes: int, frames: int, size: tuple[int, int], first: int
) -> list[dict[str, Any]]:
    """One row for each way of going through the frames of the same scenes."""
    from zeroseg import ZeroShotSegmenter
    from zeroseg.data.drawn_scenes import label_map
    from zeroseg.drawn.motion import draw_clip
    from zeroseg.metrics import SegmentationScores, TemporalConsistency

    segmenter = ZeroShotSegmenter.from_preset(model)
    classes = segmenter.vocabulary
    scores = {way: SegmentationScores(classes) for way in ways}
    steady = {way: TemporalConsistency(len(classes)) for way in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for number in range(first, first + scenes):
        clip = list(draw_clip(SEED, number, frames, size))
        images = [own.scene.image for own in clip]
        for way in ways:
            start, before = time.perf_counter(), None
            found = list(predictions(segmenter, images, way))
            seconds[way] += time.perf_counter() - start
            for own, labels in zip(clip, found, strict=True):
                scores[way].update(labels, label_map(own.scene, classes))
                if before is not None:
                    source, seen = torch.from_numpy(own.source), torch.from_numpy(own.seen)
                    steady[way].update(before, labels, source, seen)
                before = labels
    return [
        {
            "model": model,
            "every": way,
            "miou": float(scores[way].compute()["miou"]),
            "tc": steady[way].tc,
            "agree": steady[way].agreement,
            "frames_per_second": scenes * frames / seconds[way],
        }
        for way in ways
    ]


def memory(frames: int, size: tuple[int, int]) -> dict[str, Any]:
    """The peak of a process that segments a video of so many frames."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        return process.submit(_long_video, frames, size).result()


def _long_video(frames: int, size: tuple[int, int]) -> dict[str, Any]:
    from zeroseg import ZeroShotSegmenter
    from zeroseg.refinement import AllClasses
    from zeroseg.testing import BoxMasks, ScriptedDetector
    from zeroseg.video.video_run import VideoRun

    torch.set_num_threads(1)
    boxes = {"dog": (0.1, 0.2, 0.5, 0.9), "cat": (0.4, 0.1, 0.9, 0.8)}
    segmenter = ZeroShotSegmenter(["dog", "cat"], AllClasses(), ScriptedDetector(boxes), BoxMasks())
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "in.mp4"
        _film(film, frames, size)
        from zeroseg.video.frames import VideoFile

        run = VideoRun(Path(folder) / "out", segmenter.vocabulary, {})
        video = VideoFile(film)
        built = peak_memory()
        with run.open():
            done = sum(1 for _ in run.segmented(segmenter.video_walk(), video))
            overlaid = sum(1 for _ in run.overlaid(video))
            summary = run.summed_up(complete=True)
    return {
        "frames": done,
        "overlaid": overlaid,
        "tracks": len(summary["tracks"]),
        "begun_bytes": built,
        "peak_bytes": peak_memory(),
        "seconds": time.perf_counter() - start,
    }


def _film(file: Path, frames: int, size: tuple[int, int]) -> None:
    """A video of a scene that moves, to and fro for as long as is asked for."""
    from fractions import Fraction

    from PIL import Image

    from zeroseg.drawn.motion import draw_clip
    from zeroseg.video.film import write_film

    rate = Fraction(25)
    clip = [Image.fromarray(own.scene.image) for own in draw_clip(SEED, 1, 24, size)]
    there_and_back = clip + clip[-2:0:-1]
    pictures = ((i / 25, there_and_back[i % len(there_and_back)]) for i in range(frames))
    for _ in write_film(file, pictures, rate, 1 / rate):
        pass


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows of all models."""
    shown = Table("model", "way")
    for title in ("mIoU", "TC", "agree", "frames/s"):
        shown.add_column(title, justify="right")
    for row in rows:
        way = "frame by frame" if row["every"] == FRAME_BY_FRAME else f"key every {row['every']}"
        figures = [f"{100 * row[name]:.2f}" for name in ("miou", "tc", "agree")]
        shown.add_row(row["model"], way, *figures, f"{row['frames_per_second']:.2f}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quality", action="store_true", help="measure against the truth")
    parser.add_argument("--models", nargs="+", default=["tiny"], metavar="NAME", help="presets")
    parser.add_argument(
        "--every", nargs="+", type=int, default=[8], help="frames between keyframes"
    )
    parser.add_argument("--scenes", type=int, default=10, help="drawn scenes that move")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--frames", type=int, default=24, help="of each")
    parser.add_argument("--size", type=pixels, default=(128, 128), metavar="WxH")
    parser.add_argument("--memory", nargs="+", type=int, metavar="FRAMES", help="lengths")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    if not args.quality and not args.memory:
        parser.error("say what to measure: --quality or --memory")
    report: dict[str, Any] = {}
    if args.quality:
        ways = [FRAME_BY_FRAME, *args.every]
        asked = (ways, args.scenes, args.frames, args.size, args.first)
        report["quality"] = [row for model in args.models for row in quality(model, *asked)]
        CONSOLE.print(table(report["quality"]))
    if args.memory:
        report["memory"] = [memory(frames, (64, 64)) for frames in args.memory]
        for found in report["memory"]:
            CONSOLE.print(
                f"{found['frames']} frames: peak {found['peak_bytes'] / MIB:.1f} MiB, "
                f"{found['begun_bytes'] / MIB:.1f} MiB at the start, {found['seconds']:.0f} s"
            )
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
