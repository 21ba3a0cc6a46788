"""`zeroseg segment`: pictures and class names in, overlays, masks and JSON out."""

from __future__ import annotations

import argparse
import json
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroseg.cli import model_options, open_set, options
from zeroseg.errors import BlockError, ImageError, PackageNotFound

if TYPE_CHECKING:
    from rich.progress import Progress

    from zeroseg.base_segmenter import BaseSegmenter
    from zeroseg.cli.outlet import Outlet
    from zeroseg.cli.outputs import Picture, Plan
    from zeroseg.segmentation import Segmentation
    from zeroseg.values import Failure

_EXAMPLES = """\
  zeroseg draw --count 6 --output drawn
  zeroseg segment drawn/images --labels "bird, car, person, umbrella"
  zeroseg segment a.jpg "holiday/**/*.png" --vocabulary voc2012 --output results
  zeroseg segment drawn/images --labels "animal, other" --set captioner=null
  zeroseg segment drawn/images --labels auto
  zeroseg segment drawn/images --threshold dog=0.4 --region 0,0,128,96 --instances --confidence
  zeroseg segment photos --model paper --vocabulary dram --device cuda
  zeroseg segment aerial.png --labels "car, tree, other" --tiling auto

For every picture three files are written, named after it: NAME.overlay.png (the classes in
colour, with a legend), NAME.mask.png (indexed, the vocabulary's ids and colours) and NAME.json
(classes, areas, tags, caption, boxes, times and what a language model was asked). --instances
adds the mask of each box to NAME.json; --confidence adds NAME.confidence.png, and says at the end
which pictures are the least sure. A picture of a folder is named by its path below that folder, a
file by itself; where two paths mean pictures of one name, those of the later path lie in a folder
called as theirs.
Large pictures are looked at through overlapping windows with --tiling. A TIFF of more pixels than
are read at once goes through block by block (pip install "zeroseg[geo]"): its NAME.mask.tif has
its coordinates, NAME.json the areas, NAME.overlay.png is at most 2048 pixels long, and there are
no instances and confidence; a run that was stopped goes on.
A name such as other, background or none in the list stands for everything else.
With --labels auto the classes are what the tagger sees in the pictures, one list for all of them.
A picture that cannot be read is reported and skipped; the exit code is then 1.
Folders are searched to their depths for whatever Pillow reads of pictures, and for .heic with
pip install "zeroseg[heif]"; hidden files are left out, and videos and raw files are, and said."""

_AUTO = (
    f"; or {options.AUTO}: what is seen in the pictures, one list for all of them (they are looked "
    f"at twice, and no language model chooses; zeroseg describe says what is seen)"
)


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
    options.add_vocabulary(parser, "by default the model's own", _AUTO)
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
    call = parser.add_argument_group("results")
    call.add_argument(
        "--threshold",
        dest="thresholds",
        action="append",
        default=[],
        type=_threshold,
        metavar="CLASS=SCORE",
        help="drop what is found of a class with a lower score, 0 to 1; may be repeated",
    )
    call.add_argument(
        "--region",
        type=_region,
        metavar="X1,Y1,X2,Y2",
        help="look at this part of each picture alone, in pixels; all else of it is background",
    )
    options.add_details(call)
    parser.set_defaults(run=run)


def _threshold(text: str) -> tuple[str, float]:
    """An option CLASS=SCORE."""
    name, sign, value = text.rpartition("=")
    try:
        return name.strip(), float(value if sign and name.strip() else "")
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not CLASS=SCORE, such as dog=0.4") from None


def _region(text: str) -> tuple[int, ...]:
    """An option of four whole numbers."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        said = f"'{text}' is not X1,Y1,X2,Y2 in whole pixels, such as 10,20,300,400"
        raise argparse.ArgumentTypeError(said) from None


def _tiling(text: str) -> str | int | None:
    if text in ("auto", "off"):
        return "auto" if text == "auto" else None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is neither auto, off nor a number of pixels")
    return int(text)


def run(arguments: Namespace) -> int:
    """Segment the pictures; see `zeroseg.cli.main.main` for the exit code."""
    model = options.given(model_options.ModelOptions, arguments)
    config, auto = model.config(), options.is_auto(arguments.labels)
    if "tiling" in arguments:
        config["tiling"] = arguments.tiling
    if auto:
        config = open_set.for_what_is_seen(config, model.model)
    labels = None if auto else arguments.labels
    vocabulary = options.vocabulary(labels, arguments.vocabulary)
    model.target()
    from zeroseg.cli.outputs import announced, plan

    output = options.output_folder(arguments.output)
    planned = announced(plan(arguments.paths, output), arguments.outlet)
    model.say_limits()
    if auto:
        segmenter: BaseSegmenter = open_set.of_what_is_seen(open_set.built(model, config), planned)
    else:
        segmenter = model.segmenter(config, vocabulary)
    asked = segmenter.variant(
        thresholds=dict(arguments.thresholds),
        region=arguments.region,
        instances=arguments.instances,
        confidence=arguments.confidence,
    )
    return _Run(asked, planned, arguments.outlet).go(output)


_FIRST = 5
"""Pictures that are named as the least sure."""


class _Run:
    """Goes through the pictures, saves each result at once, and sums up."""

    def __init__(self, segmenter: BaseSegmenter, planned: Plan, outlet: Outlet) -> None:
        from zeroseg.cli.report import Totals

        self.segmenter, self.pictures, self.outlet = segmenter, planned.pictures, outlet
        self.failures = list(planned.failures)
        self.done: list[tuple[str, str, float]] = []
        self.sure: list[tuple[float, str]] = []
        self.totals = Totals()
        self.without = 0

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
        from zeroseg.plotting import overlay
        from zeroseg.tiling.geotiff import overview, segment_geotiff
        from zeroseg.values import Failure
        from zeroseg.writing import write_picture, write_whole

        name, start = printable(picture.source), time.perf_counter()
        vocabulary = self.segmenter.vocabulary
        if self.segmenter.region is not None:
            said = (
                "a TIFF that is not read at once is looked at as a whole; cut the region out "
                "first, such as by gdal_translate -srcwin"
            )
            return self._failed(Failure(name, "segmenting", said))
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
            shown = overlay(*overview(picture.source, mask, vocabulary), vocabulary)
        except (ImageError, BlockError, PackageNotFound) as error:
            return self._failed(Failure(name, "segmenting", str(error)))
        finally:
            bar.remove_task(task)
        seconds = time.perf_counter() - start
        write_picture(picture.base.with_name(picture.base.name + ".overlay.png"), shown)
        told = {"name": name, "vocabulary": vocabulary.to_dict(), "areas": areas}
        text = json.dumps({**told, "seconds": {"all": round(seconds, 4)}}, indent=2)
        write_whole(picture.base.with_name(picture.base.name + ".json"), text + "\n")
        self.outlet.picture(name, classes=areas, seconds={"all": seconds})
        self.done.append((name, shares(areas), seconds))

    def _keep(self, picture: Picture, result: Segmentation | Failure) -> None:
        from zeroseg.cli.outputs import printable, saved
        from zeroseg.cli.report import shares_or_seen
        from zeroseg.refinement.seen_things import SEEN
        from zeroseg.values import Failure

        name = printable(picture.source)
        result = replace(result, name=name)
        if not isinstance(result, Failure):
            result = saved(result, picture.base) or result
        if isinstance(result, Failure):
            return self._failed(result)
        told: dict[str, Any] = (
            {} if result.confidence is None else {"confidence": result.confidence.score}
        )
        self.outlet.picture(name, classes=result.areas, seconds=result.trace.seconds, **told)
        if result.confidence is not None:
            self.sure.append((result.confidence.score, name))
        self.totals.add(result.trace)
        named = result.vocabulary.name != SEEN and bool(result.description.tags)
        self.without += named and not result.areas
        height, width = result.label_map.shape
        windows = self.segmenter.windows((height, width))
        found = shares_or_seen(result) + (f" ({windows} windows)" if windows > 1 else "")
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
        if self.sure:
            least = ", ".join(f"{name} {score:.2f}" for score, name in sorted(self.sure)[:_FIRST])
            say(console, f"least sure, to be looked at first: {least}")
        counts = f"{len(self.done)} segmented, {len(self.failures)} failed"
        if self.without:
            say(
                console,
                f"none of the classes in {self.without} pictures; --labels {options.AUTO} segments "
                f"what is seen, and other names may say it better",
            )
        say(console, f"{counts}; results in {output}")
