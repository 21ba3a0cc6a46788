"""Exports of drawn scenes, opened by the readers of the tools that they are for.

    python -m benchmarks.readers --count 20 --environment /tmp/readers
    python -m benchmarks.readers --fiftyone

The readers (requirements.txt beside this) need other packages than zeroseg does, so that they get a
virtual environment of their own, in the folder that is named or in one that is gone afterwards.
A region's IoU is that with the region of its class that the reader gives and that fits it best; a
region that is not there counts 0. Where a reader gives another number of regions, the exit code
is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.exports import write_results
from zeroseg.export import export_results
from zeroseg.export.results import Results

HERE = Path(__file__).parent

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("supervision-coco", "coco", {"shapes": "masks"}),
    ("supervision-coco", "coco", {"shapes": "polygons", "holes": "cut"}),
    ("supervision-yolo", "yolo", {"shapes": "polygons", "holes": "cut"}),
    ("supervision-yolo", "yolo", {"shapes": "polygons", "holes": "fill"}),
    ("labelme", "labelme", {"shapes": "masks"}),
    ("labelme", "labelme", {"shapes": "polygons", "holes": "cut"}),
    ("label-studio", "label-studio", {"shapes": "masks"}),
    ("panoptic", "coco-panoptic", {}),
]
"""A reader, the format that it reads, and how that is written."""


@dataclass
class Row:
    """What came of a case.

    Attributes:
        told: Reader, its package, format and options.
        found: IoU of each region.
        wrong: Pictures with another number of regions.
    """

    told: dict[str, Any]
    found: list[float] = field(default_factory=list)
    wrong: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        exact = sum(iou == 1 for iou in self.found)
        figures = {"regions": len(self.found), "exact": exact, "wrong_pictures": self.wrong}
        mean, worst = float(np.mean(self.found)), min(self.found)
        return {**self.told, "mean": round(mean, 4), "worst": round(worst, 4), **figures}

    def line(self) -> str:
        """As a row of a table in Markdown."""
        own = self.to_dict()
        way = ", ".join(str(own[name]) for name in ("format", "shapes", "holes") if name in own)
        cells = (own["package"], way, own["regions"], own["exact"], own["mean"], own["worst"])
        return "| " + " | ".join(map(str, cells)) + " |"


def python_of(folder: Path, *requirements: list[str]) -> Path:
    """The interpreter of an environment, made and filled by pip if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    for options in requirements:
        command = [str(python), "-m", "pip", "install", "--quiet", *options]
        subprocess.run(command, check=True)
    return python


def expected(folder: str) -> Iterator[tuple[str, list[str], list[Any]]]:
    """The regions of each result."""
    results = Results(folder)
    for result in results:
        picture = results.read(result)
        if picture is not None:
            names = [picture.class_name(region) for region in picture.regions]
            yield picture.name, names, [one.whole(picture.size) for one in picture.regions]


def compared(results: str, read: Path, told: dict[str, Any]) -> Row:
    """Regions of results, and what a reader gave back of them."""
    row = Row(told)
    for name, classes, masks in expected(results):
        again = np.load(read / f"{name}.npz")
        row.wrong += len(again["classes"]) != len(classes)
        for own, mask in zip(classes, masks, strict=True):
            others = again["masks"][again["classes"] == own]
            row.found.append(max((_iou(mask, other) for other in others), default=0.0))
    return row


def _iou(one: Any, other: Any) -> float:
    return float((one & other).sum() / (one | other).sum())


def opened(python: Path, results: str, reader: str, name: str, options: dict[str, Any]) -> Row:
    """A case: export, have it opened, compare."""
    with tempfile.TemporaryDirectory() as place:
        export, read = Path(place, "export"), Path(place, "read")
        export_results(results, str(export), name, copy=True, **options)
        command = [str(python), str(HERE / "opened.py"), reader, str(export), str(read)]
        quiet = {**os.environ, "LOGURU_LEVEL": "ERROR"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=quiet)
        notes = json.loads((read / "notes.json").read_text())
        return compared(results, read, {"reader": reader, "format": name, **options, **notes})


def adapted(python: Path, library: str) -> dict[str, Any]:
    """What a library's own class makes of a result."""
    command = [str(python), str(HERE / "adapters.py"), library, *filter(None, sys.path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.readers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=20, help="drawn scenes; default 20")
    parser.add_argument("--side", type=int, default=256, help="of a scene in pixels; default 256")
    parser.add_argument(
        "--environment", type=Path, help="folder for the readers; else a passing one"
    )
    parser.add_argument("--fiftyone", action="store_true", help="check to_fiftyone alone")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.environment or Path(passing, "environment")
        if arguments.fiftyone:
            print(json.dumps(adapted(python_of(folder, ["fiftyone==1.22.1"]), "fiftyone")))
            return 0
        alone = ["--no-deps", "-r", str(HERE / "alone.txt")]
        python = python_of(folder, ["-r", str(HERE / "requirements.txt")], alone)
        results = Path(passing, "results")
        write_results(results, arguments.count, arguments.count, (arguments.side, arguments.side))
        rows = []
        for case in CASES:
            rows.append(opened(python, str(results), *case))
            print(json.dumps(rows[-1].to_dict()), flush=True)
        print(json.dumps(adapted(python, "supervision")))
    print("\n| reader | written | regions | exact | mean IoU | worst |\n|---|---|---|---|---|---|")
    print("\n".join(row.line() for row in rows))
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
