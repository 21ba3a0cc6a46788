"""Draw the training scenes once, as memory-mapped arrays that every recipe reads.

    python -m benchmarks.recipes.cache --root CACHE --count 32000

At 256 x 256 pixels 32,000 scenes take 8.4 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from zeroseg.drawn.scene import draw_scene
from zeroseg.drawn.world import CATEGORIES, FINE_NAMES

TRAIN_SEED = 1_000_003
"""Scenes of this seed are for training alone."""
VALIDATION_SEED = 1_000_004
"""Scenes of this seed are watched while training; the figures in the model cards use neither."""
MAX_REGIONS = 24
SIDE = 256
"""Height and width of a cached scene in pixels; recipes crop and resize from it."""


@dataclass(frozen=True)
class Cache:
    """N drawn scenes as arrays.

    Attributes:
        images: (N, SIDE, SIDE, 3) uint8, RGB.
        segments: (N, SIDE, SIDE) uint8, the index of each pixel's region.
        categories: (N, MAX_REGIONS) int16, index into `CATEGORIES` for each region, -1 padded.
        names: (N, MAX_REGIONS) int16, index into `FINE_NAMES`, -1 for stuff and padding.
        captions: N strings.
    """

    images: np.ndarray
    segments: np.ndarray
    categories: np.ndarray
    names: np.ndarray
    captions: list[str]

    def __len__(self) -> int:
        return len(self.captions)

    @classmethod
    def open(cls, folder: Path) -> Cache:
        """Open a folder written by `build`, without reading the pictures into memory."""
        arrays = {
            key: np.load(folder / f"{key}.npy", mmap_mode="r")
            for key in ("images", "segments", "categories", "names")
        }
        captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        return cls(**arrays, captions=captions)


def _draw(task: tuple[int, int]) -> tuple[int, np.ndarray, np.ndarray, list[int], list[int], str]:
    seed, index = task
    scene = draw_scene(seed, index, (SIDE, SIDE))
    categories = [CATEGORIES.index(region.category) for region in scene.regions]
    names = [FINE_NAMES.index(r.name) if r.thing else -1 for r in scene.regions]
    return index, scene.image, scene.segments, categories, names, scene.caption


def build(folder: Path, seed: int, count: int, workers: int) -> None:
    """Draw `count` scenes of `seed` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (count, SIDE, SIDE)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (*shape, 3))
    segments = np.lib.format.open_memmap(folder / "segments.npy", "w+", np.uint8, shape)
    categories = np.full((count, MAX_REGIONS), -1, np.int16)
    names = np.full((count, MAX_REGIONS), -1, np.int16)
    captions = [""] * count
    tasks = ((seed, index) for index in range(count))
    with multiprocessing.Pool(workers) as pool:
        drawn = pool.imap_unordered(_draw, tasks, chunksize=32)
        for index, image, segment, region, name, caption in track(drawn, folder.name, count):
            images[index], segments[index] = image, segment
            categories[index, : len(region)], names[index, : len(name)] = region, name
            captions[index] = caption
    images.flush()
    segments.flush()
    np.save(folder / "categories.npy", categories)
    np.save(folder / "names.npy", names)
    (folder / "captions.json").write_text(json.dumps(captions), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="gets train/ and validation/")
    parser.add_argument("--count", type=int, default=32_000, help="training scenes to draw")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    args = parser.parse_args()
    build(args.root / "validation", VALIDATION_SEED, 600, args.workers)
    build(args.root / "train", TRAIN_SEED, args.count, args.workers)


if __name__ == "__main__":
    main()
