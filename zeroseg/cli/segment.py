"""`zeroseg segment`: pictures and class names in, overlays, masks and JSON out."""

from __future__ import annotations

import argparse
import errno
import json
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zeroseg.cli import model_options, options
from zeroseg.errors import BlockError, ImageError, OutputError, PackageNotFound, ZerosegError

if TYPE_CHECKING:
    from rich.progress import Progress

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.outputs import Picture, Plan
    from zeroseg.segmentation import Segmentation
    from zeroseg.values import Failure

_EXAMPLES = """\
  zeroseg draw --count 6 --output drawn
  zeroseg segment drawn/images --labels "dog, boat, person"
  zeroseg segment a.jpg "holiday/**/*.png" --vocabulary voc2012 --output results
  zeroseg segment drawn/images --labels "animal, other" --set captioner=null
  zeroseg segment photos --model paper --vocabulary dram --device cuda
  zeroseg segment aerial.png --labels "car, tree, other" --tiling auto

For every picture three files are written, named after it: NAME.overlay.png (the classes in
colour, with a legend), NAME.mask.png (indexed, the vocabulary's ids and colours) and NAME.json
(classes, areas, tags, caption, boxes, times and what a language model was asked).
Large pictures are looked at through overlapping windows with --tiling. A TIFF of more pixels than
are read at once goes through block by block (pip install "zeroseg[geo]"): its NAME.mask.tif has
its coordinates, NAME.json the areas, and there is no overlay; a run that was stopped goes on.
A name such as other, background or none in the list stands for everything else.
A picture that cannot be read is reported and skipped; the exit code is then 1.
Folders are searched to their depths for whatever Pillow reads of pictures, and for .heic with
pip install "zeroseg[heif]"; hidden files are left out, and videos and raw files are, and said."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "segment", "segment pictures by class names", str(__doc__), _EXAMPLES
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="file, folder, or pattern such as '*.png'"
    )
    parser.add_argument(
        "--output",
        default="runs/segment",
        metavar="DIR",
        help="folder to write to; default runs/segment",
    )
    options.add_vocabulary(parser, "by default the model's own")
    group = model_options.add_model(parser)
    group.add_argument(
        "--tiling",
        type=_tiling,
        default=argparse.SUPPRESS,
        metavar="auto|off|SIZE",
        help="cut pictures into overlapping windows: SIZE pixels wide, for all that are larger; "
        "auto: those that are more than twice as large as what the detector's network sees; off: "
        "none. Default: what the model says, which is off for all presets",
    )
    parser.set_defaults(run=run)


def _tiling(text: str) -> str | int | None:
    if text in ("auto", "off"):
        return "auto" if text == "auto" else None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is neither auto, off nor a number of pixels")
    return int(text)


def run(arguments: Namespace) -> int:
    """Segment the pictures; see `zeroseg.cli.main.main` for the exit code."""
    model = options.given(model_options.ModelOptions, arguments)
    config = model.config()
    if "tiling" in arguments:
        config["tiling"] = arguments.tiling
    vocabulary = options.vocabulary(arguments.labels, arguments.vocabulary)
    model.target()
    from zeroseg.cli.outputs import plan

    output = options.output_folder(arguments.output)
    planned = plan(arguments.paths, output)
    for note in planned.notes:
        print(f"left out: {note}", file=sys.stderr)
    outlet: Outlet = arguments.outlet
    for failure in planned.failures:
        outlet.failed(failure.message)
        outlet.picture(failure.name, failure)
    if not planned.pictures:
        raise ZerosegError("there are no pictures to segment")
    if model.model.partition("-")[0] == "tiny":
        print("note: the tiny models understand drawn scenes, not photographs", file=sys.stderr)
    return _Run(model.segmenter(config, vocabulary), planned, outlet).go(output)


_OF_ONE_NAME = (errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL)
"""Why one file cannot be written; any other reason holds for all of them."""


class _Run:
    """Goes through the pictures, saves each result at once, and sums up."""

    def __init__(self, segmenter: BaseSegmenter, planned: Plan, outlet: Outlet) -> None:
        from zeroseg.cli.report import Totals

        self.segmenter, self.pictures, self.outlet = segmenter, planned.pictures, outlet
        self.failures = list(planned.failures)
        self.done: list[tuple[str, str, float]] = []
        self.totals = Totals()

    def go(self, output: Path) -> int:
        """Segment and save everything, print the summary, return the exit code."""
        try:
            self._segment_all()
        finally:
            self._print_summary(output)
        return 1 if self.failures else 0

    def _segment_all(self) -> None:
        from zeroseg.cli.report import Terminal, progress
        from zeroseg.tiling import is_too_large

        large = [picture for picture in self.pictures if is_too_large(picture.source)]
        ordinary = [picture for picture in self.pictures if picture not in large]
        with progress(Terminal(stderr=True)) as bar:
            task = bar.add_task("segmenting", total=len(self.pictures))
            results = self.segmenter.stream(picture.source for picture in ordinary)
            for picture, result in zip(ordinary, results, strict=True):
                self._keep(picture, result)
                bar.advance(task)
            for picture in large:
                self._segment_blocks(picture, bar)
                bar.advance(task)

    def _segment_blocks(self, picture: Picture, bar: Progress) -> None:
        """Segment a TIFF that is too large to be read at once."""
        from zeroseg.cli.outputs import printable
        from zeroseg.cli.report import shares
        from zeroseg.tiling import segment_geotiff
        from zeroseg.values import Failure
        from zeroseg.writing import write_whole

        name, start = printable(picture.source), time.perf_counter()
        task = bar.add_task("blocks", total=None)
        try:
            mask = picture.base.with_name(picture.base.name + ".mask.tif")
            mask.parent.mkdir(parents=True, exist_ok=True)
            areas = segment_geotiff(
                self.segmenter,
                picture.source,
                mask,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except (ImageError, BlockError, PackageNotFound) as error:
            return self._failed(Failure(name, "segmenting", str(error)))
        finally:
            bar.remove_task(task)
        seconds = time.perf_counter() - start
        told = {"name": name, "vocabulary": self.segmenter.vocabulary.to_dict(), "areas": areas}
        text = json.dumps({**told, "seconds": {"all": round(seconds, 4)}}, indent=2)
        write_whole(picture.base.with_name(picture.base.name + ".json"), text + "\n")
        self.outlet.picture(name, classes=areas, seconds={"all": seconds})
        self.done.append((name, shares(areas), seconds))

    def _keep(self, picture: Picture, result: Segmentation | Failure) -> None:
        from zeroseg.cli.outputs import printable
        from zeroseg.cli.report import shares
        from zeroseg.values import Failure

        name = printable(picture.source)
        if not isinstance(result, Failure):
            try:
                replace(result, name=name).save(picture.base)
            except OutputError as error:
                if getattr(error.__cause__, "errno", None) not in _OF_ONE_NAME:
                    raise
                result = Failure(name, "saving", str(error))
        if isinstance(result, Failure):
            return self._failed(replace(result, name=name))
        self.outlet.picture(name, classes=result.areas, seconds=result.trace.seconds)
        self.totals.add(result.trace)
        height, width = result.label_map.shape
        windows = self.segmenter.windows((height, width))
        seen = f" ({windows} windows)" if windows > 1 else ""
        found = f"{shares(result.areas)}{seen}"
        self.done.append((name, found, sum(result.trace.seconds.values())))

    def _failed(self, failure: Failure) -> None:
        self.failures.append(failure)
        self.outlet.failed(f"{failure.name}: {failure.message}")
        self.outlet.picture(failure.name, failure)

    def _print_summary(self, output: Path) -> None:
        from rich.table import Table

        from zeroseg.cli.report import Terminal, plain, say

        table = Table("picture", "classes found, share of the picture")
        table.add_column("seconds", justify="right")
        for name, found, seconds in self.done:
            table.add_row(plain(name), plain(found), f"{seconds:.2f}")
        for failure in self.failures:
            table.add_row(plain(failure.name), plain(f"failed at {failure.stage}", "red"), "")
        console = Terminal()
        console.print(table)
        if self.done:
            console.print(self.totals.table())
        cost = self.totals.cost()
        if cost is not None:
            say(console, cost)
        counts = f"{len(self.done)} segmented, {len(self.failures)} failed"
        say(console, f"{counts}; results in {output}")
