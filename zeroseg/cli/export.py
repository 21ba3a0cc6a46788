"""`zeroseg export`: results in the formats of other tools, and what each of them cannot hold."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import TYPE_CHECKING

from zeroseg.cli import options

if TYPE_CHECKING:
    from zeroseg.export.report import ExportReport

_EXAMPLES = """\
  zeroseg segment pictures --labels "dog, boat, sky" --output results
  zeroseg export results --format coco -o coco
  zeroseg export results --format yolo --holes fill -o yolo
  zeroseg export runs/drawn --format labelme --shapes polygons --pictures drawn/images -o labelme
  zeroseg export s3://results/photos --format png -o s3://results/masks

formats:
  png            indexed label maps in the colours of PASCAL VOC
  cityscapes     grey label ids, files called as those of Cityscapes
  coco           instances as run lengths: nothing is lost (polygons: --shapes polygons)
  coco-panoptic  segments that do not overlap
  yolo           a ring to a region
  voc            boxes of things as XML, masks of classes
  labelme        masks, or polygons
  cvat           CVAT for images 1.1: masks, or polygons
  label-studio   brush strokes, or polygons, as predictions
  geotiff        label maps with the coordinates of their pictures: pip install "zeroseg[geo]"
  geojson        polygons with holes, in the coordinates of their pictures or in pixels
  datasets       pictures and masks that datasets.load_dataset reads

RESULTS is what zeroseg segment, test or batch wrote to. What was written of the first pictures is
read again, and the IoU of that with the result is printed; all of it is in export.json. A picture
whose result is damaged is reported and left out; the exit code is then 1."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "export", "write results in another tool's format", str(__doc__), _EXAMPLES
    )
    parser.add_argument("results", metavar="RESULTS", help="folder of results; a path or a URL")
    parser.add_argument("--format", required=True, metavar="FORMAT", help="see below")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="folder to write to; a path or a URL"
    )
    parser.add_argument(
        "--instances",
        default="auto",
        metavar="WHAT",
        help="detections: their masks, where the run kept them; components: connected pixels of a "
        "thing's class, all of a stuff's; classes: all pixels of a class; auto (default): the "
        "first where it is there, else the second",
    )
    parser.add_argument("--shapes", default="masks", help="masks (default) or polygons")
    parser.add_argument(
        "--holes",
        default="cut",
        help="of polygons that have none: cut (default) keeps them by a double line, fill loses "
        "them",
    )
    parser.add_argument(
        "--pictures", metavar="DIR", help="where the pictures lie, if results do not tell"
    )
    parser.add_argument(
        "--copy",
        action=argparse.BooleanOptionalAction,
        help="copy the pictures along; by default where the format's layout has them: yolo, voc, "
        "datasets",
    )
    parser.add_argument(
        "--reviewed",
        default="prefer",
        metavar="WHICH",
        help="of results that a person went through (/review of zeroseg app): prefer (default) "
        "takes them as corrected and leaves out those that were rejected; only-accepted takes no "
        "others than accepted ones; ignore takes all as they were predicted",
    )
    parser.add_argument(
        "--check",
        type=options.natural,
        default=20,
        metavar="N",
        help="pictures that are read again to measure the round trip; default 20",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Export; see `zeroseg.cli.main.main` for the exit code."""
    from zeroseg.cli.report import Terminal, progress
    from zeroseg.export.exporting import Export, Exporting
    from zeroseg.values import Failure

    work = Exporting(options.given(Export, arguments))
    with progress(Terminal(stderr=True)) as bar:
        task = bar.add_task("exporting", total=work.total)

        def told(name: str, failure: Failure | None) -> None:
            if failure is not None:
                arguments.outlet.failed(f"{name}: {failure.message}")
            arguments.outlet.picture(name, failure)
            bar.advance(task)

        report = work.run(told)
    _print(report, arguments.output)
    return 1 if report.failures else 0


def _print(report: ExportReport, output: str) -> None:
    from zeroseg.cli.report import Terminal, say

    console, trip = Terminal(), report.round_trip
    regions = ", ".join(f"{count} from {origin}" for origin, count in report.regions.items())
    say(console, f"{report.written} pictures as {report.format} in {output}; regions: {regions}")
    if report.lost:
        say(console, f"{report.lost} had failed in the run and have no result")
    if report.corrected or report.left_out:
        left = "".join(f", {count} {why} left out" for why, count in report.left_out.items())
        say(console, f"{report.corrected} as a person left them{left}")
    for note, count in report.notes.items():
        say(console, f"{count} x {note}")
    if trip.regions:
        say(
            console,
            f"round trip over {trip.pictures} pictures: mean IoU {trip.mean:.6f}, worst "
            f"{trip.worst:.6f}; {trip.exact} of {trip.regions} regions exact",
        )
    if report.failures:
        say(Terminal(stderr=True), f"{len(report.failures)} pictures failed", "red")
